import { isOwnConclusion } from '#lifecycle';
import { START, type Ledger, type Position, type StreamAppend } from '#ledger';
import type { DeadLetters } from './dead-letters.js';
import { LedgerRefused } from './errors.js';
import { onceKey } from './ids.js';
import { ownFact } from './own-facts.js';
import type { Prepared, PreparedEvent } from './prepared.js';
import { Account } from './report.js';
import type { SeenIndex } from './seen-index.js';

/** Gives prepared records in batches, in the order of the input. */
export type PreparedBatches = AsyncIterable<Prepared[]>;

export interface IntakeParts {
  ledger: Ledger;
  seen: SeenIndex;
  deadLetters: DeadLetters;
  clock: () => number;
  /** Lines dated later than recorded by more than this advance no watermark; in ms. */
  futureSlack: number;
}

const LINKS = '{"links":true}';
const CONFLICT = '{"conflict":true}';
const LINKS_AND_CONFLICT = '{"links":true,"conflict":true}';

/**
 * The second pass of intake: tell new records from duplicates and conflicts, append, remember. A batch is reported
 * only after the ledger has it on disk. One batch at a time; the first call catches the index up with the ledger.
 */
export class Intake {
  private turn: Promise<unknown> = Promise.resolve();

  private constructor(private readonly parts: IntakeParts) {}

  static async open(parts: IntakeParts): Promise<Intake> {
    await catchUp(parts.ledger, parts.seen);
    return new Intake(parts);
  }

  /** Takes prepared batches in, in turn with other inputs; calls back after each batch is durable. */
  async take(batches: PreparedBatches, account: Account, onBatch?: (account: Account) => void): Promise<void> {
    for await (const batch of batches) {
      await this.inTurn(() => this.orForget(() => this.commit(batch, account)));
      onBatch?.(account);
    }
    await this.inTurn(() => Promise.resolve(this.parts.seen.save()));
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
      else {
        local.from(prepared.source);
        if (prepared.high <= now + this.parts.futureSlack) local.advance(prepared.source, Math.min(prepared.high, now));
        const outcome = seen.see(prepared.key, prepared.digest);
        local.count(outcome === 'new' ? 'accepted' : outcome === 'conflict' ? 'conflicts' : 'duplicates');
        if (outcome === 'duplicate') continue;
        for (const event of prepared.events) {
          if (!this.isFirst(event)) continue;
          if (outcome === 'conflict') conflicting.set(event.id, true);
          events.push(event);
        }
      }
    }
    local.report.events = await this.append(events, conflicting);
    merge(account, local);
  }

  private async append(events: readonly PreparedEvent[], conflicting: ReadonlyMap<string, boolean>): Promise<number> {
    const { ledger, seen } = this.parts;
    if (events.length === 0) {
      seen.commit(seen.cursor);
      return 0;
    }
    const byStream = new Map<string, PreparedEvent[]>();
    for (const event of events) {
      const list = byStream.get(event.stream);
      if (list === undefined) byStream.set(event.stream, [event]);
      else list.push(event);
    }
    const streams = [...byStream.keys()];
    const revisions = await ledger.revisionsOf(streams);
    const appends = streams.map((stream, i): StreamAppend => ({
      stream,
      expected: revisions[i] ?? 'no_stream',
      events: byStream.get(stream)!.map(({ id, type, data, links }) => {
        const metadata = conflicting.has(id) ? (links ? LINKS_AND_CONFLICT : CONFLICT) : links ? LINKS : undefined;
        return metadata === undefined ? { id, type, data } : { id, type, data, metadata };
      }),
    }));
    const outcomes = await ledger.appendMany(appends);
    let position: Position = START;
    for (const outcome of outcomes) {
      if (!outcome.ok) throw new LedgerRefused(String(outcome.expected), String(outcome.actual));
      if (outcome.position > position) position = outcome.position;
    }
    seen.commit(position);
    return events.length;
  }
}

function merge(into: Account, from: Account): void {
  for (const key of ['records', 'accepted', 'duplicates', 'conflicts', 'rejected', 'ignored', 'events'] as const) {
    into.report[key] += from.report[key];
  }
  for (const rejection of from.rejections) if (into.rejections.length < 1000) into.rejections.push(rejection);
  for (const [source, at] of from.highs) into.advance(source, at);
  for (const [source, n] of from.sources) into.sources.set(source, (into.sources.get(source) ?? 0) + n);
}

/** Feeds the index what the ledger holds after its cursor. */
async function catchUp(ledger: Ledger, seen: SeenIndex): Promise<void> {
  // An index from another life of this directory (a restored backup) knows of events that are not there.
  if (seen.cursor > (await ledger.head())) seen.reset();
  let unsaved = 0;
  let position = seen.cursor;
  for await (const event of ledger.readAll({ from: seen.cursor === START ? 'start' : seen.cursor })) {
    position = event.position;
    unsaved++;
    const { source, record } = JSON.parse(event.data) as {
      source: string;
      record: { key: string; digest: string; ordinal: number };
    };
    // What was concluded was never taken in.
    if (isOwnConclusion({ type: event.type, source })) continue;
    if (record.key === record.digest) seen.see(onceKey(record), onceKey(record));
    else seen.see(record.key, record.digest);
    if (unsaved >= 10_000) {
      seen.commit(position);
      unsaved = 0;
    }
  }
  if (unsaved > 0) seen.commit(position);
}
