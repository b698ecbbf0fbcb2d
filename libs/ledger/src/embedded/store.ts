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
import { FileReads, safeNumber } from './file-reads.js';
import { EventPages } from './event-pages.js';
import { RawLedger } from './raw-ledger.js';
import { LedgerScan } from './scan.js';
import { openLedgerFile } from './schema.js';
import { portRevision } from './stored-event.js';
import type { ChangeOutcome, StreamChange } from './stream-change.js';
import { Tail } from './tail.js';

export interface OpenEmbeddedLedger extends OpenSqlite {
  clock?: Clock;
}

/** The ledger in one SQLite file, in this process. One process writes; `DataDirectory` sees to that. */
export class EmbeddedLedger implements Ledger {
  readonly #appender: Appender;
  readonly #reads: FileReads;
  readonly #queue: AppendQueue;
  readonly #tail = new Tail();
  /** For the wire endpoint. */
  readonly raw: RawLedger;
  #closed = false;

  private constructor(
    readonly file: string,
    private readonly database: Database.Database,
    clock: Clock,
  ) {
    this.#appender = new Appender(database, clock);
    this.#reads = new FileReads(file, database, this.#tail, {
      head: () => this.#appender.head,
      isClosed: () => this.#closed,
    });
    this.#queue = new AppendQueue((changes) => this.#commit(changes));
    this.raw = new RawLedger(this.#appender, new EventPages(database), this.#queue, this.#tail, (read) =>
      this.#reads.reading(read),
    );
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

  readStream(stream: string, options: ReadStream = {}): AsyncIterable<RecordedEvent> {
    return this.#reads.stream(stream, options);
  }

  readAll(options: ReadAll = {}): AsyncIterable<RecordedEvent> {
    return this.#reads.all(options);
  }

  subscribeAll({ after, signal }: SubscribeAll): AsyncIterable<SubscriptionMessage> {
    if (this.#closed) throw new LedgerClosed();
    const start = after === 'start' ? 0 : after === 'end' ? this.#appender.head : safeNumber(after);
    return this.#reads.follow(start, signal);
  }

  async revisionsOf(streams: readonly string[]): Promise<(bigint | undefined)[]> {
    return this.#reads.reading(() =>
      streams.map((stream) => {
        const revision = this.#appender.revisionOf(stream);
        return revision === undefined ? undefined : portRevision(revision);
      }),
    );
  }

  async head(): Promise<Position> {
    return this.#reads.reading(() => BigInt(this.#appender.productHead));
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

  #commit(changes: readonly StreamChange[]): ChangeOutcome[] {
    if (this.#closed) throw new LedgerClosed();
    const before = this.#appender.head;
    const outcomes = storing(this.file, () => this.#appender.append(changes));
    if (this.#appender.head > before) this.#tail.moved();
    return outcomes;
  }
}
