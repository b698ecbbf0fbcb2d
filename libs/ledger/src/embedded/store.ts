import type Database from 'better-sqlite3';
import { openSync, fsyncSync, closeSync } from 'node:fs';
import { type Clock, type OpenSqlite, storageError, storing, systemClock } from '#platform';
import { LedgerClosed, WrongExpectedRevision } from '../errors.js';
import type {
  AppendOutcome,
  AppendResult,
  ExpectedRevision,
  Ledger,
  NewEvent,
  Position,
  ReadAll,
  ReadStream,
  RecordedEvent,
  StreamAppend,
  SubscribeAll,
  SubscriptionMessage,
} from '../port.js';
import { AppendQueue } from './append-queue.js';
import { Appender } from './appender.js';
import { EventPages, PAGE } from './event-pages.js';
import { LedgerScan } from './scan.js';
import { openLedgerFile } from './schema.js';
import { Tail } from './tail.js';

export interface OpenEmbeddedLedger extends OpenSqlite {
  clock?: Clock;
}

/** The ledger in one SQLite file, in this process. One process writes; `DataDirectory` sees to that. */
export class EmbeddedLedger implements Ledger {
  readonly #appender: Appender;
  readonly #pages: EventPages;
  readonly #queue: AppendQueue;
  readonly #tail = new Tail();
  #closed = false;

  private constructor(
    readonly file: string,
    private readonly database: Database.Database,
    clock: Clock,
  ) {
    this.#appender = new Appender(database, clock);
    this.#pages = new EventPages(database);
    this.#queue = new AppendQueue((appends) => this.#commit(appends));
  }

  /** @throws NewerFormat, CorruptFile, FileBusy, NotWritable, DiskFull, NoDataDirectory (reading what is not there) */
  static open(file: string, options: OpenEmbeddedLedger): EmbeddedLedger {
    const database = openLedgerFile(file, options);
    return storing(file, () => new EmbeddedLedger(file, database, options.clock ?? systemClock));
  }

  async append(stream: string, events: readonly NewEvent[], expected: ExpectedRevision): Promise<AppendResult> {
    const [outcome] = await this.appendMany([{ stream, events, expected }]);
    if (!outcome?.ok) throw new WrongExpectedRevision(stream, expected, outcome?.actual);
    const { revision, position, written } = outcome;
    return { revision, position, written };
  }

  async appendMany(appends: readonly StreamAppend[]): Promise<AppendOutcome[]> {
    if (this.#closed) throw new LedgerClosed();
    return this.#queue.add(appends);
  }

  async *readStream(stream: string, options: ReadStream = {}): AsyncIterable<RecordedEvent> {
    const { direction = 'forwards', maxCount = Infinity } = options;
    const streamId = this.#reading(() => this.#pages.streamId(stream));
    if (streamId === undefined) return;
    let from = startOf(direction, options.from);
    for (let left = maxCount; left > 0;) {
      const asked = Math.min(left, PAGE);
      const page = this.#reading(() => this.#pages.stream(direction, streamId, from, asked));
      yield* page;
      const end = page.at(-1);
      if (!end || page.length < asked) return;
      left -= page.length;
      from = Number(end.revision) + (direction === 'forwards' ? 1 : -1);
    }
  }

  async *readAll(options: ReadAll = {}): AsyncIterable<RecordedEvent> {
    const { direction = 'forwards', maxCount = Infinity } = options;
    const forwards = direction === 'forwards';
    let low = forwards ? startOf(direction, options.from) : Number(options.to ?? 0n);
    // Backwards leaves the given position out.
    let high = forwards ? safeNumber(options.to) : startOf(direction, options.from) - 1;
    for (let left = maxCount; left > 0;) {
      const asked = Math.min(left, PAGE);
      const page = this.#reading(() => this.#pages.all(direction, low, high, asked));
      yield* page;
      const end = page.at(-1);
      if (!end || page.length < asked) return;
      left -= page.length;
      if (forwards) low = Number(end.position) + 1;
      else high = Number(end.position) - 1;
    }
  }

  subscribeAll({ after, signal }: SubscribeAll): AsyncIterable<SubscriptionMessage> {
    if (this.#closed) throw new LedgerClosed();
    const start = after === 'start' ? 0 : after === 'end' ? this.#appender.head : safeNumber(after);
    return this.#follow(start, signal);
  }

  async *#follow(start: number, signal: AbortSignal | undefined): AsyncIterable<SubscriptionMessage> {
    const isOver = () => this.#closed || signal?.aborted === true;
    let given = start;
    let caughtUp = false;
    while (!isOver()) {
      const page = this.#reading(() => this.#pages.all('forwards', given + 1, Number.MAX_SAFE_INTEGER, PAGE));
      for (const event of page) {
        caughtUp = false;
        given = Number(event.position);
        yield { kind: 'event', event };
        if (isOver()) return;
      }
      if (page.length > 0) continue;
      if (!caughtUp) yield { kind: 'caughtUp', position: BigInt(given) };
      caughtUp = true;
      // Whatever was appended while the reader held the last message is there by now.
      if (this.#appender.head <= given && !isOver()) await this.#tail.next(signal);
    }
  }

  async revisionsOf(streams: readonly string[]): Promise<(bigint | undefined)[]> {
    return this.#reading(() =>
      streams.map((stream) => {
        const revision = this.#appender.revisionOf(stream);
        return revision === undefined ? undefined : BigInt(revision);
      }),
    );
  }

  async head(): Promise<Position> {
    return this.#reading(() => BigInt(this.#appender.head));
  }

  /** Synchronous scans, on a connection of their own; close it when done. */
  scan(): LedgerScan {
    if (this.#closed) throw new LedgerClosed();
    return LedgerScan.open(this.file);
  }

  /**
   * A consistent copy while appends go on; it holds everything acknowledged before the call.
   * @param path a file that does not exist yet
   */
  async backupTo(path: string): Promise<void> {
    if (this.#closed) throw new LedgerClosed();
    try {
      // 16 MiB a step: the event loop goes on in between.
      await this.database.backup(path, { progress: () => 4096 });
      const handle = openSync(path, 'r');
      fsyncSync(handle);
      closeSync(handle);
    } catch (error) {
      throw storageError(error, path);
    }
  }

  /** Writes what waits, ends subscriptions, and closes the file. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#queue.flush();
    this.#closed = true;
    this.#tail.moved();
    this.database.close();
  }

  #commit(appends: readonly StreamAppend[]): AppendOutcome[] {
    if (this.#closed) throw new LedgerClosed();
    const before = this.#appender.head;
    const outcomes = storing(this.file, () => this.#appender.append(appends));
    if (this.#appender.head > before) this.#tail.moved();
    return outcomes;
  }

  #reading<T>(read: () => T): T {
    if (this.#closed) throw new LedgerClosed();
    return storing(this.file, read);
  }
}

function startOf(direction: 'forwards' | 'backwards', from: 'start' | 'end' | bigint | undefined): number {
  if (from === undefined) return direction === 'forwards' ? 0 : Number.MAX_SAFE_INTEGER;
  if (from === 'start') return 0;
  return from === 'end' ? Number.MAX_SAFE_INTEGER : safeNumber(from);
}

function safeNumber(place: bigint | undefined): number {
  if (place === undefined || place > BigInt(Number.MAX_SAFE_INTEGER)) return Number.MAX_SAFE_INTEGER;
  return Number(place);
}
