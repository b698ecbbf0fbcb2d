/**
 * The ledger as the rest of the product sees it. Two stores stand behind it: the embedded one and EventStoreDB;
 * `contract.ts` says what both must do. Semantics are EventStoreDB's.
 */

/** Place in `$all`: opaque, strictly increasing, not dense. `START` lies before every event. */
export type Position = bigint;
export const START: Position = 0n;

export interface NewEvent {
  /** A UUID; the same event must always get the same one, for that makes an append repeatable. */
  id: string;
  type: string;
  /** JSON text, kept byte for byte (as UTF-8). */
  data: string;
  /** JSON text. Only what a first pass of a replay must know without the data. */
  metadata?: string;
}

export interface RecordedEvent extends NewEvent {
  stream: string;
  /** Place in its stream; the first is 0. */
  revision: bigint;
  position: Position;
  /** When the store wrote it, in ms, by the clock of its machine: it can step back from one event to the next. */
  recordedAt: number;
}

/** `any` and `stream_exists` are idempotent only for recent events; an exact revision and `no_stream` always are. */
export type ExpectedRevision = 'any' | 'no_stream' | 'stream_exists' | bigint;

export interface StreamAppend {
  stream: string;
  events: readonly NewEvent[];
  expected: ExpectedRevision;
}

export interface AppendResult {
  /** Revision of the last event of this append; -1n where nothing was to be written to an absent stream. */
  revision: bigint;
  /** Position of that event, the same that a read gives; START where there is none. */
  position: Position;
  /** False if an earlier append had written these very events: nothing was written now. */
  written: boolean;
}

/** The last revision of a stream that was deleted for good, as the wire has it (Int64 max): nothing can be appended to it. */
export const TOMBSTONE_REVISION = 2n ** 63n - 1n;

export interface RevisionConflict {
  expected: ExpectedRevision;
  /** The stream's last revision; undefined if it does not exist. */
  actual: bigint | undefined;
  /** The stream was deleted: for good (`actual` is `TOMBSTONE_REVISION`), or it was expected to exist. */
  isDeleted?: boolean;
}

export type AppendOutcome = ({ ok: true } & AppendResult) | ({ ok: false } & RevisionConflict);

export interface ReadStream {
  /** `forwards` by default. */
  direction?: 'forwards' | 'backwards';
  /** First revision given, inclusive both ways; default: the start forwards, the end backwards. */
  from?: 'start' | 'end' | bigint;
  maxCount?: number;
}

export interface ReadAll {
  direction?: 'forwards' | 'backwards';
  /** Inclusive forwards; exclusive backwards (as EventStoreDB does it). Default as for streams. */
  from?: 'start' | 'end' | Position;
  maxCount?: number;
  /** Forwards: the last position given; backwards: the lowest. Inclusive. */
  to?: Position;
}

export interface SubscribeAll {
  /** Exclusive. `end`: only what is appended from now on. */
  after: 'start' | 'end' | Position;
  /** Ends the iteration, without an error. */
  signal?: AbortSignal;
}

export type SubscriptionMessage =
  | { kind: 'event'; event: RecordedEvent }
  /** Everything up to `position` was given; what follows is live. Said again whenever it becomes true again. */
  | { kind: 'caughtUp'; position: Position };

export interface Ledger {
  /**
   * Appends events to one stream, all or none; resolves when they are on disk.
   * @throws WrongExpectedRevision, InvalidEvent, and the store's own (DiskFull, …), after which nothing was written.
   */
  append(stream: string, events: readonly NewEvent[], expected: ExpectedRevision): Promise<AppendResult>;

  /**
   * Many appends, in order, with one sync to disk where the store can. Each is atomic by itself: a wrong expected
   * revision is the outcome of that append alone. If the promise rejects, repeat all of it with the same event ids.
   */
  appendMany(appends: readonly StreamAppend[]): Promise<AppendOutcome[]>;

  /**
   * The events of a stream; none if there is no such stream (see `revisionsOf`). Reads give what the product wrote:
   * events of other programs, which may hold any bytes, are left out, and deleting a stream hides nothing.
   */
  readStream(stream: string, options?: ReadStream): AsyncIterable<RecordedEvent>;

  readAll(options?: ReadAll): AsyncIterable<RecordedEvent>;

  /** Every event after a position, then live. Ends when its signal aborts or the ledger closes. */
  subscribeAll(options: SubscribeAll): AsyncIterable<SubscriptionMessage>;

  /** The last revision of each stream, in the order asked; undefined where there is no such stream. */
  revisionsOf(streams: readonly string[]): Promise<(bigint | undefined)[]>;

  /** Position of the last event that reads give; START if there is none. */
  head(): Promise<Position>;

  close(): Promise<void>;
}
