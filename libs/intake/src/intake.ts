import type { Ledger, StreamAppend } from '#ledger';
import type { DeadLetters } from './dead-letters.js';
import { LedgerRefused } from './errors.js';
import { partKey } from './ids.js';
import { ownFact } from './own-facts.js';
import type { Prepared, PreparedEvent } from './prepared.js';
import { catchUp, recordOf, memoryOf } from './remember.js';
import { Account } from './report.js';
import type { SeenIndex } from './seen-index.js';
import { endsAmongWriters, endsOfSoleWriter, type StreamEnds } from './stream-ends.js';

/** Gives prepared records in batches, in the order of the input. */
export type PreparedBatches = AsyncIterable<Prepared[]>;

export interface IntakeParts {
  ledger: Ledger;
  seen: SeenIndex;
  /** Where refused records go before their batch counts as taken. */
  deadLetters: Pick<DeadLetters, 'add'>;
  clock: () => number;
  /** Lines dated later than recorded by more than this advance no watermark; in ms. */
  futureSlack: number;
  /** Others append to this ledger as well (other projectors, the API). Default: this is its only writer. */
  shared?: boolean;
  /** Where the index reads what others appended; default: the ledger itself. A copy nearby has the same positions. */
  feed?: Ledger;
}

/** How often an append is decided anew because others keep appending to the same stream. */
const ROUNDS = 20;
/** Own appends after which a writer among others reads `$all` again, so that a takeover has little to read. */
const CATCH_UP_AFTER = 200_000;

const LINKS = '{"links":true}';
const CONFLICT = '{"conflict":true}';
const LINKS_AND_CONFLICT = '{"links":true,"conflict":true}';

/**
 * The second pass of intake: tell new records from duplicates and conflicts, append, remember. A batch is reported
 * only after the ledger has it on disk. One batch at a time; the first call catches the index up with the ledger.
 */
export class Intake {
  private turn: Promise<unknown> = Promise.resolve();
  private readonly ends: StreamEnds;
  private sinceCaughtUp = 0;

  private constructor(private readonly parts: IntakeParts) {
    this.ends = parts.shared === true ? endsAmongWriters() : endsOfSoleWriter(parts.ledger);
  }

  static async open(parts: IntakeParts): Promise<Intake> {
    const intake = new Intake(parts);
    await intake.catchUp();
    return intake;
  }

  /** Reads what others appended since; call it before input is taken over from another process. */
  async catchUp(): Promise<void> {
    await this.inTurn(() => this.orForget(() => this.lookAtAll()));
  }

  /** Takes one prepared batch in; resolves when all of it is durable. After an error, repeat it. */
  async takeBatch(batch: readonly Prepared[], account: Account): Promise<void> {
    await this.inTurn(() => this.orForget(() => this.commit(batch, account)));
  }

  /** Writes the index to its file. */
  async save(): Promise<void> {
    await this.inTurn(() => Promise.resolve(this.parts.seen.save()));
  }

  /** Takes prepared batches in, in turn with other inputs; calls back after each batch is durable. */
  async take(batches: PreparedBatches, account: Account, onBatch?: (account: Account) => void): Promise<void> {
    for await (const batch of batches) {
      await this.takeBatch(batch, account);
      onBatch?.(account);
    }
    await this.save();
  }

  /** Appends facts that the product states itself; those stated before are not written again. Gives how many were. */
  async state(events: readonly PreparedEvent[]): Promise<number> {
    return this.inTurn(() =>
      this.orForget(() =>
        this.append(
          events.filter((event) => this.isFirst(event)),
          new Map(),
        ),
      ),
    );
  }

  /** Closes the sources of a finished input: their watermark is the last time that they showed in it (MODEL §4.4). */
  async closeSources(tenant: string, highs: ReadonlyMap<string, number>): Promise<void> {
    const closings = [...highs].map(([source, watermark]) =>
      ownFact({ type: 'source.closed', tenant, subject: source, time: watermark, data: { source, watermark } }),
    );
    await this.state(closings);
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const next = this.turn.then(work, work);
    this.turn = next.catch(() => undefined);
    return next;
  }

  /** What was seen in a batch that the ledger did not take was not seen. */
  private async orForget<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.parts.seen.rollback();
      this.ends.forget();
      throw error;
    }
  }

  /** Whether an event that is stated only once was not stated yet; asking remembers it. */
  private isFirst({ once }: PreparedEvent): boolean {
    return once === undefined || this.parts.seen.see(once, once) === 'new';
  }

  private async commit(batch: readonly Prepared[], account: Account): Promise<void> {
    const { seen, deadLetters, clock } = this.parts;
    const letters = batch.flatMap((each) => (each.kind === 'rejected' ? [each.letter] : []));
    deadLetters.add(letters);
    const now = clock();
    const events: PreparedEvent[] = [];
    const conflicting = new Map<string, boolean>();
    const local = new Account();
    for (const prepared of batch) {
      if (prepared.kind === 'rejected') local.reject(prepared.rejection);
      else if (prepared.kind === 'ignored') local.count('ignored');
      else if (prepared.kind === 'duplicate') {
        local.from(prepared.source);
        local.count('duplicates');
      } else {
        local.from(prepared.source, prepared.records);
        if (prepared.high <= now + this.parts.futureSlack) local.advance(prepared.source, Math.min(prepared.high, now));
        const known = this.underOlderSecrets(prepared);
        const outcome = seen.see(
          known.key,
          known.digest,
          known.older?.map(({ digest }) => digest),
        );
        local.count(
          outcome === 'new' ? 'accepted' : outcome === 'conflict' ? 'conflicts' : 'duplicates',
          prepared.records,
        );
        const absent = this.absentEvents(known, outcome === 'duplicate');
        if (absent.length === 0) continue;
        const conflicts =
          outcome === 'conflict' || (outcome === 'duplicate' && seen.isVariant(known.key, known.digest));
        for (const event of absent) {
          if (conflicts) conflicting.set(event.id, true);
          events.push(event);
        }
      }
    }
    local.report.events = await this.append(events, conflicting);
    merge(account, local);
  }

  /**
   * A record whose key rests on names, as it was taken in before its tenant's secrets were rotated; others as they are:
   * their key is the same, and a digest of older secrets is told to the index.
   */
  private underOlderSecrets(facts: Facts): Facts {
    for (const { key, digest } of facts.older ?? [])
      if (key !== facts.key && this.parts.seen.holds(key, digest)) return { ...facts, key, digest };
    return facts;
  }

  /**
   * Events of a record that the ledger does not hold. A crash can leave some of them behind: they lie in several
   * streams, and not every ledger appends to all of them at once.
   */
  private absentEvents({ key, digest, older, events }: Facts, firstIsThere: boolean): PreparedEvent[] {
    return events.filter((event, ordinal) => {
      if (event.once !== undefined) return this.isFirst(event);
      if (ordinal === 0) return !firstIsThere;
      const digests = older?.map((each) => each.digest);
      return this.parts.seen.see(partKey(key, ordinal), digest, digests) !== 'duplicate';
    });
  }

  private async append(events: readonly PreparedEvent[], conflicting: Map<string, boolean>): Promise<number> {
    const { ledger, seen, shared = false } = this.parts;
    let position = seen.cursor;
    let appended = events.length;
    let waiting = byStream(events);
    for (let round = 0; waiting.size > 0; round++) {
      const streams = [...waiting.keys()];
      const expected = await this.ends.expected(streams);
      const outcomes = await ledger.appendMany(
        streams.map((stream, i) => appendOf(stream, waiting.get(stream)!, expected[i]!, conflicting)),
      );
      const left = new Map<string, PreparedEvent[]>();
      for (const [i, outcome] of outcomes.entries()) {
        const stream = streams[i]!;
        if (outcome.ok) {
          this.ends.moved(stream, outcome.revision);
          if (outcome.position > position) position = outcome.position;
          // Somebody had written just these events before.
          if (!outcome.written) appended -= waiting.get(stream)!.length;
          continue;
        }
        if (!shared || round >= ROUNDS) throw new LedgerRefused(String(outcome.expected), String(outcome.actual));
        const own = waiting.get(stream)!;
        const absent = await this.withoutWritten(stream, own, conflicting);
        appended -= own.length - absent.length;
        if (absent.length > 0) left.set(stream, absent);
      }
      waiting = left;
    }
    // Among other writers, own appends say nothing about what lies between them.
    seen.commit(shared ? seen.cursor : position);
    if (shared && (this.sinceCaughtUp += appended) >= CATCH_UP_AFTER) await this.lookAtAll();
    return appended;
  }

  /**
   * Reads what stands at the end of a stream and is not remembered yet, remembers it, and gives those own events that
   * are not among it: an append with an unknown outcome, or another process, may have written them.
   */
  private async withoutWritten(
    stream: string,
    own: readonly PreparedEvent[],
    conflicting: Map<string, boolean>,
  ): Promise<PreparedEvent[]> {
    const { ledger, seen } = this.parts;
    const written = new Set<string>();
    let end: bigint | undefined;
    for await (const event of ledger.readStream(stream, { direction: 'backwards' })) {
      end ??= event.revision;
      if (event.position <= seen.cursor) break;
      written.add(event.id);
      const record = recordOf(event);
      if (record === undefined) continue;
      const { key, digest } = memoryOf(record);
      if (seen.see(key, digest) !== 'conflict') continue;
      // This batch saw the record first, but the ledger had it with other content before.
      for (const { id, data } of own) {
        const ours = recordOf({ type: '', data });
        if (ours?.key === record.key && ours.digest !== record.digest) conflicting.set(id, true);
      }
    }
    if (end !== undefined) this.ends.moved(stream, end);
    return own.filter(({ id }) => !written.has(id));
  }

  private async lookAtAll(): Promise<void> {
    const { ledger, feed = ledger, seen } = this.parts;
    await catchUp(ledger, feed, seen);
    this.sinceCaughtUp = 0;
  }
}

type Facts = Extract<Prepared, { kind: 'facts' }>;

function byStream(events: readonly PreparedEvent[]): Map<string, PreparedEvent[]> {
  const streams = new Map<string, PreparedEvent[]>();
  for (const event of events) {
    const list = streams.get(event.stream);
    if (list === undefined) streams.set(event.stream, [event]);
    else list.push(event);
  }
  return streams;
}

function appendOf(
  stream: string,
  events: readonly PreparedEvent[],
  expected: StreamAppend['expected'],
  conflicting: ReadonlyMap<string, boolean>,
): StreamAppend {
  return {
    stream,
    expected,
    events: events.map(({ id, type, data, links }) => {
      const metadata = conflicting.has(id) ? (links ? LINKS_AND_CONFLICT : CONFLICT) : links ? LINKS : undefined;
      return metadata === undefined ? { id, type, data } : { id, type, data, metadata };
    }),
  };
}

function merge(into: Account, from: Account): void {
  for (const key of ['records', 'accepted', 'duplicates', 'conflicts', 'rejected', 'ignored', 'events'] as const) {
    into.report[key] += from.report[key];
  }
  for (const rejection of from.rejections) if (into.rejections.length < 1000) into.rejections.push(rejection);
  for (const [source, at] of from.highs) into.advance(source, at);
  for (const [source, n] of from.sources) into.sources.set(source, (into.sources.get(source) ?? 0) + n);
}
