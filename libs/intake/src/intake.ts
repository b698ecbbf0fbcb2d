import { TOMBSTONE_REVISION, type Ledger } from '#ledger';
import { OWN_SOURCE } from '#lifecycle';
import type { DeadLetters } from './dead-letters.js';
import { LedgerRefused } from './errors.js';
import { partKey } from './ids.js';
import { ownFact } from './own-facts.js';
import type { Facts, Prepared, PreparedEvent } from './prepared.js';
import { catchUp } from './remember.js';
import { Account } from './report.js';
import type { SeenIndex } from './seen-index.js';
import { setAsideFacts, setAsideRecords, type Aside, type KeepLetters, type Taken } from './set-aside.js';
import { appendOf, byStream, portionOf } from './stream-appends.js';
import { endsAmongWriters, endsOfSoleWriter, type StreamEnds } from './stream-ends.js';
import { TakenTogether } from './taken-together.js';
import { writtenBefore } from './written-before.js';

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
/** Batches that queued and are appended in one go: those of the partitions that a projector reads at once. */
const TOGETHER = 4;

/**
 * The second pass of intake: tell new records from duplicates and conflicts, append, remember. A batch is reported
 * only after the ledger has it on disk. What comes while a batch is under way is taken together after it; the first call
 * catches the index up with the ledger.
 */
export class Intake {
  private turn: Promise<unknown> = Promise.resolve();
  private readonly ends: StreamEnds;
  private readonly batches = new TakenTogether<Take>(
    (work) => this.inTurn(work),
    (takes) => this.orForget(() => this.commit(takes)),
    TOGETHER,
  );
  private sinceCaughtUp = 0;
  private isBehind = false;

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

  /**
   * Takes one prepared batch in; resolves when all of it is durable. After an error, repeat it.
   * @param keep takes the letters of what was set aside, its stream being deleted for good, in place of the dead letters
   * of this intake; after an error it can get the same again
   */
  async takeBatch(batch: readonly Prepared[], account: Account, keep?: KeepLetters): Promise<void> {
    await this.batches.add({ batch, account, keep });
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

  /**
   * Appends facts that the product states itself; those stated before are not written again, and those whose stream
   * was deleted for good become dead letters. Gives how many were written.
   */
  async state(events: readonly PreparedEvent[]): Promise<number> {
    return this.inTurn(() =>
      this.orForget(async () => {
        const { deadLetters, seen } = this.parts;
        const unstated = events.filter((event) => this.isFirst(event));
        const keep = (aside: Aside): void => deadLetters.add(setAsideFacts(aside, OWN_SOURCE, seen));
        const { there, aside } = await this.append(unstated, new Map(), keep);
        return unstated.length - there.size - aside.size;
      }),
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
      if (this.isBehind) await this.lookAtAll();
      return await work();
    } catch (error) {
      this.parts.seen.rollback();
      this.ends.forget();
      // A part of it may be in the ledger, and who writes alone does not look there again by itself.
      this.isBehind = this.parts.shared !== true;
      throw error;
    }
  }

  /** Whether an event that is stated only once was not stated yet; asking remembers it. */
  private isFirst({ once }: PreparedEvent): boolean {
    return once === undefined || this.parts.seen.see(once, once) === 'new';
  }

  private async commit(takes: readonly Take[]): Promise<void> {
    const conflicting = new Map<string, boolean>();
    const looked = takes.map(({ batch }) => this.lookAt(batch, conflicting));
    const { deadLetters, seen } = this.parts;
    const keep = (aside: Aside): void => {
      for (const [i, { local, taken }] of looked.entries()) {
        const letters = setAsideRecords(taken, aside, local, seen);
        const { keep: elsewhere } = takes[i]!;
        if (elsewhere === undefined) deadLetters.add(letters);
        else elsewhere(letters);
      }
    };
    const { there, aside } = await this.append(
      looked.flatMap(({ events }) => events),
      conflicting,
      keep,
    );
    for (const [i, { local, events }] of looked.entries()) {
      const isWritten = (event: PreparedEvent): boolean => !there.has(event.id) && !aside.has(event);
      local.report.events = there.size + aside.size === 0 ? events.length : events.filter(isWritten).length;
      takes[i]!.account.add(local);
    }
  }

  /** Which events of a batch are to be appended, and what will have become of its records then. */
  private lookAt(
    batch: readonly Prepared[],
    conflicting: Map<string, boolean>,
  ): { local: Account; events: PreparedEvent[]; taken: Taken } {
    const { seen, deadLetters, clock } = this.parts;
    deadLetters.add(batch.flatMap((each) => (each.kind === 'rejected' ? [each.letter] : [])));
    const now = clock();
    const events: PreparedEvent[] = [];
    const taken: Taken = { facts: [], outcomes: [] };
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
        const older = known.older?.map(({ digest }) => digest);
        const outcome = seen.see(known.key, known.digest, older);
        const word = outcome === 'new' ? 'accepted' : outcome === 'conflict' ? 'conflicts' : 'duplicates';
        local.count(word, prepared.records);
        const absent = this.absentEvents(known, outcome === 'duplicate');
        if (absent.length === 0) continue;
        taken.facts.push(known);
        taken.outcomes.push(word);
        const conflicts =
          outcome === 'conflict' || (outcome === 'duplicate' && seen.isVariant(known.key, known.digest));
        for (const event of absent) {
          if (conflicts) conflicting.set(event.id, true);
          events.push(event);
        }
      }
    }
    return { local, events, taken };
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

  /**
   * Gives the ids of those that somebody had written before, and those whose stream was deleted for good.
   * @param keep makes the latter durable, before what was seen is
   */
  private async append(
    events: readonly PreparedEvent[],
    conflicting: Map<string, boolean>,
    keep: (aside: Aside) => void,
  ): Promise<{ there: Set<string>; aside: Aside }> {
    const { ledger, seen, shared = false } = this.parts;
    const there = new Set<string>();
    const aside = new Set<PreparedEvent>();
    let position = seen.cursor;
    let waiting = byStream(events);
    for (let refusals = 0; waiting.size > 0;) {
      const streams = [...waiting.keys()];
      const expected = await this.ends.expected(streams);
      const portions = streams.map((stream) => portionOf(waiting.get(stream)!));
      const outcomes = await ledger.appendMany(
        streams.map((stream, i) => appendOf(stream, portions[i]!, expected[i]!, conflicting)),
      );
      const left = new Map<string, PreparedEvent[]>();
      let isRefused = false;
      for (const [i, outcome] of outcomes.entries()) {
        const stream = streams[i]!;
        const own = waiting.get(stream)!;
        if (outcome.ok) {
          const portion = portions[i]!;
          this.ends.moved(stream, outcome.revision);
          if (outcome.position > position) position = outcome.position;
          seen.note(outcome.position, portion.at(-1)!.id);
          if (!outcome.written) for (const { id } of portion) there.add(id);
          if (portion.length < own.length) left.set(stream, own.slice(portion.length));
          continue;
        }
        const isGone = outcome.isDeleted === true && outcome.actual === TOMBSTONE_REVISION;
        if (!isGone && (!shared || refusals >= ROUNDS))
          throw new LedgerRefused(String(outcome.expected), String(outcome.actual));
        isRefused = true;
        const { written, end } = await writtenBefore(ledger, seen, stream, own, conflicting);
        if (end !== undefined) this.ends.moved(stream, end);
        for (const { id } of own) if (written.has(id)) there.add(id);
        const absent = own.filter(({ id }) => !written.has(id));
        if (isGone) for (const event of absent) aside.add(event);
        else if (absent.length > 0) left.set(stream, absent);
      }
      if (isRefused) refusals++;
      waiting = left;
    }
    if (aside.size > 0) keep(aside);
    // Among other writers, own appends say nothing about what lies between them.
    seen.commit(shared ? seen.cursor : position);
    if (shared && (this.sinceCaughtUp += events.length - there.size) >= CATCH_UP_AFTER) await this.lookAtAll();
    return { there, aside };
  }

  private async lookAtAll(): Promise<void> {
    const { ledger, feed = ledger, seen } = this.parts;
    await catchUp(ledger, feed, seen);
    this.sinceCaughtUp = 0;
    this.isBehind = false;
  }
}

interface Take {
  batch: readonly Prepared[];
  account: Account;
  keep: KeepLetters | undefined;
}
