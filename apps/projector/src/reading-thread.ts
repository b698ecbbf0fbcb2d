import { Worker } from 'node:worker_threads';
import { unpackBatch, type KeysAt, type MinuteOutput, type OffsetRecord, type PackedBatch } from '#intake';
import type { ErrorDetails, TallyError } from '#platform';
import { ReadingThreadFailed } from './errors.js';
import { packRecords, type PackedRecords } from './packed-records.js';
import type { ReadAs } from './range-reader.js';
import type { TopicRule } from './topic-source.js';

export interface ReadingWorkerData {
  keys: KeysAt;
  rangeSize: number | undefined;
}

export interface Partition {
  topic: string;
  partition: number;
}

/** In the order in which they are to be heeded; each `take` is answered, in that order. */
export type ToReadingWorker =
  /** Takes the place of an earlier one of that number. */
  | { kind: 'way'; way: number; as: ReadAs }
  | { kind: 'open'; reading: number; place: Partition }
  | { kind: 'take'; reading: number; way: number; records: PackedRecords }
  | { kind: 'close'; reading: number }
  | { kind: 'end' };

/** An error comes out of a thread without its class, and what is no error of ours may hold input. */
export type Failure = Pick<ErrorDetails, 'facts' | 'retry' | 'remedy'> & { code: TallyError['code']; message: string };

export type FromReadingWorker = { packed: PackedBatch; committable: bigint | undefined } | { failure: Failure };

/** What is read dies soon; what a range folds is old. */
const YOUNG_GENERATION_MB = 16;

/** One thread; it does not come back from a failure of its own. */
export class ReadingThread {
  isOver = false;
  /** Readings that it has open. */
  readings = 0;
  private readonly worker: Worker;
  private readonly waiting: { resolve(output: MinuteOutput): void; reject(error: unknown): void }[] = [];
  /** How each topic is read now: the thread keeps one way a topic. */
  private readonly ways = new WeakMap<TopicRule, { way: number; as: ReadAs }>();
  private numbers = 0;

  constructor(data: ReadingWorkerData) {
    this.worker = new Worker(new URL('./reading-worker.js', import.meta.url), {
      workerData: data,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    });
    this.worker.on('message', (answer: FromReadingWorker) => {
      const asked = this.waiting.shift();
      if ('failure' in answer) asked?.reject(new ReadingThreadFailed(answer.failure));
      else asked?.resolve({ prepared: unpackBatch(answer.packed), committable: answer.committable });
    });
    this.worker.on('error', (error) => this.fail(error));
    // An answer was lost: those behind it would go to the wrong asker.
    this.worker.on('messageerror', (error) => this.fail(error));
    this.worker.on('exit', () => this.fail());
  }

  open(place: Partition): number {
    const reading = this.numbers++;
    this.readings++;
    this.tell({ kind: 'open', reading, place: { topic: place.topic, partition: place.partition } });
    return reading;
  }

  take(reading: number, as: ReadAs, records: readonly OffsetRecord[]): Promise<MinuteOutput> {
    if (this.isOver) return Promise.reject(ended());
    const way = this.wayOf(as);
    const output = new Promise<MinuteOutput>((resolve, reject) => this.waiting.push({ resolve, reject }));
    this.tell({ kind: 'take', reading, way, records: packRecords(records) });
    return output;
  }

  close(reading: number): void {
    this.readings--;
    this.tell({ kind: 'close', reading });
  }

  async end(): Promise<void> {
    this.tell({ kind: 'end' });
    await this.worker.terminate();
  }

  private wayOf(as: ReadAs): number {
    const known = this.ways.get(as.rule);
    if (known?.as === as) return known.way;
    const way = known?.way ?? this.numbers++;
    this.ways.set(as.rule, { way, as });
    this.tell({ kind: 'way', way, as });
    return way;
  }

  private tell(message: ToReadingWorker): void {
    this.worker.postMessage(message);
  }

  private fail(error?: unknown): void {
    this.isOver = true;
    for (const { reject } of this.waiting.splice(0)) reject(ended(error));
    void this.worker.terminate();
  }
}

/** @param error of the thread; its text may hold input */
export function ended(error?: unknown): ReadingThreadFailed {
  const why = error instanceof Error ? `: ${'code' in error ? String(error.code) : error.name}` : '';
  return new ReadingThreadFailed({
    code: 'TALLY_READING_THREAD_ENDED',
    message: `a thread that reads partitions ended${why}`,
    remedy: 'Its partitions are read again from their committed offsets. Where memory ran out, take a smaller --range.',
  });
}
