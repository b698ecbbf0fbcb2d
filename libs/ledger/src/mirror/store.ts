import { LedgerScan } from '../embedded/scan.js';
import { FileReads, safeNumber } from '../embedded/file-reads.js';
import { Tail } from '../embedded/tail.js';
import { LedgerClosed } from '../errors.js';
import {
  START,
  type AppendOutcome,
  type AppendResult,
  type ExpectedRevision,
  type Ledger,
  type NewEvent,
  type Position,
  type ReadAll,
  type ReadStream,
  type RecordedEvent,
  type StreamAppend,
  type SubscribeAll,
  type SubscriptionMessage,
} from '../port.js';
import { MirrorOfAnotherLedger } from './errors.js';
import { Feed } from './feed.js';
import { MirrorFile, type Landmark } from './mirror-file.js';

export interface OpenMirroredLedger {
  /** The authority. The mirror takes it over, and closes it when it is closed. */
  remote: Ledger;
  /** A file of its own, made on first use; one process at a time. */
  file: string;
  /** Which events are copied; default: all. Another program's can be left out, for no replay reads them. */
  keeps?: (event: RecordedEvent) => boolean;
}

/**
 * A ledger elsewhere with a copy of `$all` here: appends go there, reads come from here. The copy is a ledger file, so
 * scans and replays work on it as on the embedded store, with the positions, revisions and times of the authority.
 * Asynchronous reads wait for what was appended through this object; before a `scan()`, await `settled()`.
 */
export class MirroredLedger implements Ledger {
  readonly #tail = new Tail();
  readonly #reads: FileReads;
  readonly #feed: Feed;
  readonly #caughtUp: Promise<void>;
  /** The last position that was acknowledged to a caller here. */
  #acknowledged: Position = START;
  #isClosed = false;

  private constructor(
    readonly remote: Ledger,
    private readonly mirror: MirrorFile,
    end: Position,
    keeps: (event: RecordedEvent) => boolean,
  ) {
    this.#reads = new FileReads(mirror.path, mirror.database, this.#tail, {
      head: () => mirror.head,
      isClosed: () => this.#isClosed || this.#feed.hasEnded,
    });
    this.#feed = new Feed(remote, mirror, () => this.#tail.moved(), keeps);
    this.#caughtUp = this.#feed.settleTo(end);
    this.#caughtUp.catch(() => undefined);
  }

  /**
   * Opens the copy, sees that it is one of this ledger, and follows from where it stopped.
   * @throws MirrorOfAnotherLedger, NotAMirror, the errors of the file and those of the remote; the remote stays the
   * caller's then
   */
  static async open({ remote, file, keeps = () => true }: OpenMirroredLedger): Promise<MirroredLedger> {
    const mirror = MirrorFile.open(file);
    try {
      const end = await assertCopyOf(mirror, remote);
      return new MirroredLedger(remote, mirror, end, keeps);
    } catch (error) {
      mirror.close();
      throw error;
    }
  }

  get file(): string {
    return this.mirror.path;
  }

  async append(stream: string, events: readonly NewEvent[], expected: ExpectedRevision): Promise<AppendResult> {
    this.#assertOpen();
    const result = await this.remote.append(stream, events, expected);
    this.#acknowledge(result.position);
    return result;
  }

  async appendMany(appends: readonly StreamAppend[]): Promise<AppendOutcome[]> {
    this.#assertOpen();
    const outcomes = await this.remote.appendMany(appends);
    for (const outcome of outcomes) if (outcome.ok) this.#acknowledge(outcome.position);
    return outcomes;
  }

  async *readStream(stream: string, options: ReadStream = {}): AsyncIterable<RecordedEvent> {
    await this.settled();
    yield* this.#reads.stream(stream, options);
  }

  async *readAll(options: ReadAll = {}): AsyncIterable<RecordedEvent> {
    await this.settled();
    yield* this.#reads.all(options);
  }

  /** Out of the copy, once that has caught up; `end` is the end of the authority. */
  subscribeAll({ after, signal }: SubscribeAll): AsyncIterable<SubscriptionMessage> {
    this.#assertOpen();
    const start = after === 'end' ? this.remote.head() : Promise.resolve(after === 'start' ? START : after);
    start.catch(() => undefined);
    return this.#follow(start, signal);
  }

  async *#follow(start: Promise<Position>, signal: AbortSignal | undefined): AsyncIterable<SubscriptionMessage> {
    // "Caught up" would not be true before.
    const ready = Promise.all([start, this.#caughtUp, this.settled()]);
    ready.catch(() => undefined);
    const [from] = (await Promise.race([ready, aborted(signal)])) ?? [];
    if (from === undefined) return;
    for await (const message of this.#reads.follow(safeNumber(from), signal)) {
      yield message;
      this.#feed.assertRunning();
    }
    if (signal?.aborted !== true && !this.#isClosed) this.#feed.assertRunning();
  }

  /** As far as the copy has come, which is at least what was appended here. */
  async revisionsOf(streams: readonly string[]): Promise<(bigint | undefined)[]> {
    await this.settled();
    return this.#reads.reading(() => streams.map((stream) => this.mirror.revisionOf(stream)));
  }

  /** Of the copy. */
  async head(): Promise<Position> {
    await this.settled();
    return this.#reads.reading(() => BigInt(this.mirror.head));
  }

  /** Resolves when the copy holds everything that the authority held when it was opened. */
  caughtUp(): Promise<void> {
    return this.#caughtUp;
  }

  /** Resolves when the copy holds everything up to a position of the authority. */
  settleTo(position: Position): Promise<void> {
    if (this.#isClosed) return Promise.reject(new LedgerClosed());
    return this.#feed.settleTo(position);
  }

  /** Resolves when the copy holds everything that was appended through this object. */
  settled(): Promise<void> {
    return this.settleTo(this.#acknowledged);
  }

  /** Synchronous scans of the copy, on a connection of their own; close it when done. */
  scan(): LedgerScan {
    this.#assertOpen();
    return LedgerScan.open(this.mirror.path);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#feed.stop();
    this.#tail.moved();
    this.mirror.close();
    await this.remote.close();
  }

  #acknowledge(position: Position): void {
    if (position > this.#acknowledged) this.#acknowledged = position;
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new LedgerClosed();
    this.#feed.assertRunning();
  }
}

function aborted(signal: AbortSignal | undefined): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) resolve(undefined);
    signal?.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}

/** @returns the end of the authority */
async function assertCopyOf(mirror: MirrorFile, remote: Ledger): Promise<Position> {
  const end = await remote.head();
  const [first, last] = [mirror.landmark('first'), mirror.landmark('last')];
  if (first === undefined || last === undefined) return end;
  if (end < last.position)
    throw new MirrorOfAnotherLedger(mirror.path, `it goes up to ${last.position}, the ledger only up to ${end}`);
  await assertThere(mirror.path, 'first', first, remote.readAll({ maxCount: 1 }));
  await assertThere(mirror.path, 'last', last, remote.readAll({ from: last.position, maxCount: 1 }));
  return end;
}

async function assertThere(
  file: string,
  which: 'first' | 'last',
  mark: Landmark,
  found: AsyncIterable<RecordedEvent>,
): Promise<void> {
  for await (const { id, position } of found) if (id === mark.id && position === mark.position) return;
  throw new MirrorOfAnotherLedger(file, `its ${which} event, at ${mark.position}, is not there in the ledger`);
}
