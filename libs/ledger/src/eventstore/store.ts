import { NO_STREAM, WrongExpectedVersionError } from '@eventstore/db-client';
import type { Hop } from '#platform';
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
import { Appends } from './appends.js';
import { Connection } from './connection.js';
import { parseConnectionString } from './connection-string.js';
import { EventStoreRefused, NamedOtherwise, StreamTombstoned } from './errors.js';
import { Observed } from './observed.js';
import { Reads } from './reads.js';
import { Subscription } from './subscription.js';

export interface OpenEventStoreLedger {
  /** `esdb://[USER:PASSWORD@]HOST[:PORT][,…]?tls=…`, or `esdb+discover://…`. */
  url: string;
  /** Whether data may leave this machine unencrypted: something else, such as a mesh, encrypts it. */
  allowPlaintext?: boolean;
  /** Appends under way at once, 1 to 1,024; 64 to 256 are sensible. Default 128. */
  inFlight?: number;
  /** How long an append, retries included, and a read without an event may take, in ms. Default 10,000. */
  deadlineMs?: number;
  /** Data and metadata of one append, in bytes. Default 1 MiB, the server's own default. */
  maxAppendBytes?: number;
}

/** The stream whose metadata names the ledger. */
const IDENTITY = 'tallystick-ledger';
const IN_FLIGHT = 256;
const DEADLINE_MS = 10_000;
const MAX_APPEND_BYTES = 1024 * 1024;
/** Streams asked for at once by `revisionsOf`. */
const ASKED_AT_ONCE = 64;

/** The ledger in EventStoreDB, over the official client. */
export class EventStoreLedger implements Ledger {
  readonly #observed = new Observed();
  readonly #reads: Reads;
  readonly #appends: Appends;

  private constructor(
    private readonly connection: Connection,
    { inFlight = IN_FLIGHT, deadlineMs = DEADLINE_MS, maxAppendBytes = MAX_APPEND_BYTES }: OpenEventStoreLedger,
  ) {
    if (!Number.isInteger(inFlight) || inFlight < 1 || inFlight > 1024) throw new RangeError('inFlight: 1 to 1,024');
    this.#reads = new Reads(connection, this.#observed, deadlineMs);
    this.#appends = new Appends(connection, this.#observed, { inFlight, deadlineMs, maxAppendBytes }, (stream) =>
      this.#reads.lastOf(stream),
    );
  }

  /**
   * Connects, and reads the end of the log to see that it may.
   * @throws BadConnectionString, PlaintextRefused, EventStoreUnreachable, EventStoreAccessDenied, EventStoreRefused
   */
  static async open(options: OpenEventStoreLedger): Promise<EventStoreLedger> {
    const allowed: ReadonlySet<Hop> = new Set(options.allowPlaintext === true ? ['eventstore' as const] : []);
    const connection = new Connection(parseConnectionString(options.url), allowed);
    const ledger = new EventStoreLedger(connection, options);
    try {
      // From here on an append that an earlier run had written is told from a new one.
      await ledger.#reads.end();
      return ledger;
    } catch (error) {
      await ledger.close();
      throw error;
    }
  }

  /**
   * The id of this ledger, which every process that uses it is told; whoever comes first gives it one. It is stream
   * metadata, and so no event of `$all` that anybody replays.
   * @param proposed a UUID
   * @param keys tells the naming secrets of this process from others: events under two sets of names do not mix
   * @throws NamedOtherwise, EventStoreAccessDenied and the other errors of a read
   */
  async identify(proposed: string, keys: string): Promise<string> {
    for (let attempt = 0; attempt < 3; attempt++) {
      this.#assertOpen();
      const client = this.connection.client();
      try {
        const { metadata } = await client.getStreamMetadata(IDENTITY);
        const { ledgerId: known, keys: theirs } = metadata ?? {};
        if (typeof known === 'string') {
          if (theirs !== keys) throw new NamedOtherwise(this.server);
          return known;
        }
        await client.setStreamMetadata(IDENTITY, { ledgerId: proposed, keys }, { expectedRevision: NO_STREAM });
      } catch (error) {
        // Another process was first: then its id is there to be read.
        if (error instanceof WrongExpectedVersionError) continue;
        if (error instanceof NamedOtherwise) throw error;
        const judged = this.connection.judge(error, client);
        throw judged === undefined ? error : this.connection.named(judged.fault, error);
      }
    }
    throw new EventStoreRefused(this.server, `the metadata of ${IDENTITY} is another program's`, undefined);
  }

  /** Host and port, without credentials. */
  get server(): string {
    return this.connection.address.shown;
  }

  /** @throws StreamTombstoned besides */
  async append(stream: string, events: readonly NewEvent[], expected: ExpectedRevision): Promise<AppendResult> {
    const [outcome] = await this.appendMany([{ stream, events, expected }]);
    if (outcome?.ok === false && outcome.isDeleted === true) throw new StreamTombstoned(stream);
    if (!outcome?.ok) throw new WrongExpectedRevision(stream, expected, outcome?.actual);
    const { revision, position, written } = outcome;
    return { revision, position, written };
  }

  /**
   * Many appends at once, those of one stream one after another; across streams the order in `$all` may differ from
   * the order here. Rejects after everything under way has settled.
   * @throws InvalidEvent, AppendTooLarge (before anything is sent), AppendUnanswered, EventStoreAccessDenied,
   * EventStoreRefused, EventStoreTooOld, LedgerClosed
   */
  async appendMany(appends: readonly StreamAppend[]): Promise<AppendOutcome[]> {
    this.#assertOpen();
    return this.#appends.run(appends);
  }

  readStream(stream: string, options: ReadStream = {}): AsyncIterable<RecordedEvent> {
    return this.#reads.stream(stream, options);
  }

  readAll(options: ReadAll = {}): AsyncIterable<RecordedEvent> {
    return this.#reads.all(options);
  }

  subscribeAll({ after, signal }: SubscribeAll): AsyncIterable<SubscriptionMessage> {
    this.#assertOpen();
    const over = signal === undefined ? this.connection.closing : AbortSignal.any([signal, this.connection.closing]);
    // Asked now, and not when the first message is wanted: what is appended in between belongs to it.
    const start = after === 'end' ? this.#reads.end() : Promise.resolve(after === 'start' ? 0n : after);
    start.catch(() => undefined);
    return this.#follow(start, over);
  }

  async *#follow(start: Promise<Position>, over: AbortSignal): AsyncIterable<SubscriptionMessage> {
    yield* new Subscription(this.connection, this.#reads, this.#observed, await start, over).messages();
  }

  async revisionsOf(streams: readonly string[]): Promise<(bigint | undefined)[]> {
    this.#assertOpen();
    const revisions = Array<bigint | undefined>(streams.length).fill(undefined);
    let next = 0;
    const ask = async (): Promise<void> => {
      for (let index = next++; index < streams.length; index = next++)
        revisions[index] = (await this.#reads.lastOf(streams[index] ?? ''))?.revision;
    };
    await Promise.all(Array.from({ length: Math.min(ASKED_AT_ONCE, streams.length) }, ask));
    return revisions;
  }

  async head(): Promise<Position> {
    this.#assertOpen();
    return this.#reads.head();
  }

  async close(): Promise<void> {
    await this.connection.close();
  }

  #assertOpen(): void {
    if (this.connection.closing.aborted) throw new LedgerClosed();
  }
}
