import type { Log } from '#platform';
import { deliver, deliveriesOf } from './deliveries.js';
import { PartitionWorkFailed, ResultsMiscounted } from './errors.js';
import { LOOP_DEFAULTS, type LoopOptions } from './loop-options.js';
import { PartitionProgress, type PartitionVitals } from './partition-progress.js';
import type { BrokerCalls, Committed, PartitionWork, Place, Timing } from './partition-work.js';
import type { FetchedBatch, KafkaRecord, RecordResult } from './record.js';
import { backoff, isRetriable } from './retriable.js';
import { Waits } from './waits.js';

/** Records of a batch's first sub-batch, at most; the next may hold twice as many. The ledger need not wait long then. */
const FIRST_PIECE = 250;

export interface LoopParts<P> {
  work: PartitionWork<P>;
  timing: Timing;
  log: Log;
  options?: Partial<LoopOptions>;
}

export interface LoopVitals {
  /** Ms since something was fetched (nothing new counts too) or committed: what liveness is judged by. */
  sinceProgress: number;
  partitions: PartitionVitals[];
  /** Records by what became of them, since the start. */
  results: Record<RecordResult['kind'], number>;
}

/** A failure of the work or of a delivery, told apart from those of the consumer itself. */
class WorkFailure {
  constructor(readonly cause: unknown) {}
}

async function toldApart<T>(work: () => Promise<T> | T): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof WorkFailure ? error : new WorkFailure(error);
  }
}

/** Records whose preparation is under way. */
interface Ahead<P> {
  records: readonly KafkaRecord[];
  prepared: Promise<P>;
}

/**
 * Takes fetched batches to the ledger and commits their offsets. Several partitions may run at once, one batch of a
 * partition at a time. What it promises, whatever fails: an offset is committed only when every record before it is
 * durable in the ledger, and its dead letter or redirection with all replicas; commits of a partition ascend; nothing
 * is committed for a partition that is no longer ours. It knows no client library, clock or chance of its own.
 */
export class PartitionLoop<P> {
  private readonly options: LoopOptions;
  private readonly partitions = new Map<string, PartitionProgress>();
  /** Work that a batch left running when it had to end early, whatever was assigned since: the next batch waits for it. */
  private readonly left = new Map<string, Promise<unknown>>();
  private readonly results: LoopVitals['results'] = { ok: 0, drop: 0, 'dead-letter': 0, redirect: 0 };
  private assignment = 0;
  private prepareAssignment: () => Promise<unknown> = () => Promise.resolve();
  private ready: Promise<unknown> | undefined;
  private lastProgress: number;
  private readonly waits: Waits;

  constructor(private readonly parts: LoopParts<P>) {
    this.options = { ...LOOP_DEFAULTS, ...parts.options };
    this.lastProgress = parts.timing.now();
    this.waits = new Waits(parts.timing, this.options.heartbeatMs);
  }

  /**
   * The group gave this member its partitions anew. `prepare` begins at once (the index of what is in the ledger
   * catches up), nothing is taken before it resolves, and it is called again where it fails in a way that may pass.
   */
  assigned(prepare: () => Promise<unknown> = () => Promise.resolve()): void {
    this.assignment++;
    this.partitions.clear();
    this.prepareAssignment = prepare;
    this.ready = undefined;
    // Whoever waits for it is told of its failure.
    this.prepared().catch(() => undefined);
  }

  /** Something was fetched, even if it was nothing. */
  fetched(): void {
    this.lastProgress = this.parts.timing.now();
  }

  /**
   * Takes one batch. Returns early, with the rest neither resolved nor committed, when the partition is stale, a stop
   * began, or the ledger failed in a way that may pass; then the partition is paused for a while.
   * @throws what `heartbeat` and `commit` throw, as it is; PartitionWorkFailed; StopDeadlinePassed
   */
  async run(batch: FetchedBatch, broker: BrokerCalls): Promise<void> {
    const { timing } = this.parts;
    this.fetched();
    if (this.waits.stopping || batch.records.length === 0) return;
    const progress = this.progressOf(batch);
    const place: Place = {
      topic: batch.topic,
      partition: batch.partition,
      assignment: this.assignment,
      begun: progress.begun,
    };
    const underWay = new Set<Promise<unknown>>();
    const wait = <T>(work: Promise<T>): Promise<T> => this.waits.withHeartbeats(work, broker, place);
    /** Starts work at once. */
    const start = <T>(work: () => Promise<T> | T): Promise<T> => {
      const begun = toldApart(work);
      underWay.add(begun);
      begun.then(
        () => underWay.delete(begun),
        () => underWay.delete(begun),
      );
      return begun;
    };
    const isOver = (): boolean => this.waits.stopping || this.isStale(broker, place);
    let [from, pieces] = [0, 0];
    const ahead: Ahead<P>[] = [];
    const prepareMore = (): void => {
      while (ahead.length < this.options.ahead && from < batch.records.length) {
        const records = progress.size.cut(batch.records, from, FIRST_PIECE * 2 ** pieces++);
        from += records.length;
        const before = ahead.at(-1)?.prepared;
        const prepared = start(async () => {
          if (before !== undefined) await before;
          return this.parts.work.prepare(records, place);
        });
        ahead.push({ records, prepared });
      }
    };
    try {
      await this.waits.beforeWork(this.left.get(keyOf(place)) ?? Promise.resolve(), broker);
      // Where the group moves on meanwhile, nobody waits for it: it goes on for the next assignment.
      await this.waits.beforeWork(
        toldApart(() => this.prepared()),
        broker,
      );
      if (isOver()) return;
      prepareMore();
      for (let next = ahead.shift(); next !== undefined; next = ahead.shift()) {
        const { records, prepared } = next;
        const began = timing.now();
        const ready = await wait(prepared);
        if (isOver()) break;
        const committing = start(() => this.parts.work.commit(ready, place));
        prepareMore();
        const taken = await wait(committing);
        const { results } = taken;
        if (results.length !== records.length) {
          throw new WorkFailure(new ResultsMiscounted(records.length, results.length));
        }
        const deliveries = deliveriesOf(records, results, this.options.deadLetterTopic);
        if (deliveries.size > 0) await wait(start(() => deliver(deliveries, broker)));
        for (const { kind } of results) this.results[kind]++;
        if (this.isStale(broker, place)) return;
        progress.size.took(timing.now() - began);
        await this.advance(progress, batch, records, taken, broker, ahead.length === 0);
        await broker.heartbeat();
        if (isOver()) break;
      }
      if (!this.isStale(broker, place)) await this.commit(progress, broker);
    } catch (error) {
      if (!(error instanceof WorkFailure)) throw error;
      // Of an assignment that is over: whoever has the partition now sees for himself.
      if (this.isStale(broker, place)) return;
      await this.commit(progress, broker);
      this.failed(error.cause, progress, broker, place);
    } finally {
      await this.settle(place, underWay, broker);
    }
  }

  /** No more is begun; what is under way may end and be committed until the deadline, in ms. */
  stop(deadline: number): void {
    this.waits.stop(deadline);
  }

  vitals(): LoopVitals {
    const now = this.parts.timing.now();
    return {
      sinceProgress: now - this.lastProgress,
      partitions: [...this.partitions.values()].map((each) => each.vitals(now)),
      results: { ...this.results },
    };
  }

  /** Once an assignment, and again after a failure. */
  private prepared(): Promise<unknown> {
    if (this.ready === undefined) {
      const ready = this.prepareAssignment();
      this.ready = ready;
      ready.catch(() => {
        if (this.ready === ready) this.ready = undefined;
      });
    }
    return this.ready;
  }

  private progressOf(batch: FetchedBatch): PartitionProgress {
    const key = keyOf(batch);
    const now = this.parts.timing.now();
    let progress = this.partitions.get(key);
    const first = batch.records[0]!.offset;
    let begun = 0;
    if (progress !== undefined && first < progress.committed) {
      // What was committed is no longer in the partition: it was deleted and made anew, or the client began it again.
      const { topic, partition } = batch;
      this.parts.log.warn('a partition begins again', { topic, partition, at: first, committed: progress.committed });
      begun = progress.begun + 1;
      progress = undefined;
    }
    if (progress === undefined) {
      progress = new PartitionProgress(batch.topic, batch.partition, this.options.subBatch, batch, now);
      progress.begun = begun;
      this.partitions.set(key, progress);
    }
    progress.fetched(batch);
    return progress;
  }

  private isStale(broker: BrokerCalls, place: Place): boolean {
    return place.assignment !== this.assignment || broker.isStale();
  }

  /** Records are durable: the next fetch goes on behind them, and so does whoever takes over. */
  private async advance(
    progress: PartitionProgress,
    batch: FetchedBatch,
    records: readonly KafkaRecord[],
    { committable }: Committed,
    broker: BrokerCalls,
    isLast: boolean,
  ): Promise<void> {
    const last = records.at(-1)!;
    // Behind the last record may lie marks of the broker itself, which no consumer sees.
    const next = (isLast ? batch.lastOffset : last.offset) + 1n;
    progress.due = committable !== undefined && committable < next ? committable : next;
    const isTime = this.parts.timing.now() - progress.committedAt >= this.options.commitMs;
    if (isLast || isTime) await this.commit(progress, broker);
    // Only now: where the commit failed, the same records are fetched again, and their commit is tried again.
    broker.resolve(last.offset);
    progress.done(next, last.timestamp);
  }

  private async commit(progress: PartitionProgress, broker: BrokerCalls): Promise<void> {
    const { due } = progress;
    if (due <= progress.committed) return;
    // Where it fails, the next fetch begins at the last commit or behind it, never before.
    progress.due = progress.committed;
    await broker.commit(due);
    progress.due = progress.committed = due;
    progress.committedAt = this.lastProgress = this.parts.timing.now();
  }

  /** The ledger or a delivery failed: the partition rests if that may pass, else the consumer ends. */
  private failed(cause: unknown, progress: PartitionProgress, broker: BrokerCalls, place: Place): void {
    const { timing, log } = this.parts;
    const { topic, partition } = place;
    const offset = BigInt(progress.vitals(timing.now()).next);
    if (!isRetriable(cause)) throw new PartitionWorkFailed(topic, partition, offset, cause);
    progress.failures++;
    const rest = backoff(progress.failures, this.options.backoff, timing.random);
    log.error('a partition rests', cause, { topic, partition, offset, failures: progress.failures, rest });
    progress.paused = true;
    broker.pause();
    void this.waits.rest(rest).then(() => {
      progress.paused = false;
      broker.resume();
    });
  }

  /** A batch that ends early waits a while for what it began; what is still under way then, the next batch waits for. */
  private async settle(place: Place, underWay: ReadonlySet<Promise<unknown>>, broker: BrokerCalls): Promise<void> {
    if (underWay.size === 0) return;
    const key = keyOf(place);
    const all = Promise.allSettled([...underWay]);
    this.left.set(key, all);
    void all.then(() => {
      if (this.left.get(key) === all) this.left.delete(key);
    });
    await this.waits.atMost(this.options.settleMs, all, broker);
  }
}

function keyOf({ topic, partition }: { topic: string; partition: number }): string {
  return `${topic}/${partition}`;
}
