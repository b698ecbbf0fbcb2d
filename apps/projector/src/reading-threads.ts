import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Log } from '#platform';
import { unpackBatch, type KeysAt, type MinuteOutput, type OffsetRecord, type PackedBatch } from '#intake';
import { packRecords, type PackedRecords } from './packed-records.js';
import type { RangeReader, ReadAs } from './range-reader.js';

export interface ReadingWorkerData {
  keys: KeysAt;
  rangeSize: number | undefined;
}

interface Partition {
  topic: string;
  partition: number;
}

/** In the order in which they are to be heeded; each `take` is answered, in that order. */
export type ToReadingWorker =
  | { kind: 'way'; way: number; as: ReadAs }
  | { kind: 'open'; reading: number; place: Partition }
  | { kind: 'take'; reading: number; way: number; records: PackedRecords }
  | { kind: 'close'; reading: number }
  | { kind: 'end' };
export type FromReadingWorker = { packed: PackedBatch; committable: bigint | undefined } | { error: unknown };

/** Records of one message: the thread answers some ten milliseconds later, and another partition's turn comes. */
const READ_AT_ONCE = 500;
/** What is read dies soon; what a range folds is old. */
const YOUNG_GENERATION_MB = 16;

/** Each costs some 80 MiB; beyond that, more processes share the partitions. */
const MOST_THREADS = 2;

/** One thread; it does not come back from a failure of its own. */
class ReadingThread {
  isOver = false;
  /** Readings that it has open. */
  readings = 0;
  private readonly worker: Worker;
  private readonly waiting: { resolve(output: MinuteOutput): void; reject(error: unknown): void }[] = [];
  private readonly ways = new WeakMap<ReadAs, number>();
  private numbers = 0;

  constructor(data: ReadingWorkerData) {
    this.worker = new Worker(new URL('./reading-worker.js', import.meta.url), {
      workerData: data,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    });
    this.worker.on('message', (answer: FromReadingWorker) => {
      const asked = this.waiting.shift();
      if ('error' in answer) asked?.reject(answer.error);
      else asked?.resolve({ prepared: unpackBatch(answer.packed), committable: answer.committable });
    });
    this.worker.on('error', (error) => this.fail(error));
    this.worker.on('exit', () => this.fail(new Error('the reading thread ended')));
  }

  open(place: Partition): number {
    const reading = this.numbers++;
    this.readings++;
    this.tell({ kind: 'open', reading, place: { topic: place.topic, partition: place.partition } });
    return reading;
  }

  take(reading: number, as: ReadAs, records: readonly OffsetRecord[]): Promise<MinuteOutput> {
    if (this.isOver) return Promise.reject(new Error('the reading thread ended'));
    let way = this.ways.get(as);
    if (way === undefined) {
      this.ways.set(as, (way = this.numbers++));
      this.tell({ kind: 'way', way, as });
    }
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

  private tell(message: ToReadingWorker): void {
    this.worker.postMessage(message);
  }

  private fail(error: unknown): void {
    this.isOver = true;
    for (const { reject } of this.waiting.splice(0)) reject(error);
  }
}

/** Reads partitions in threads of their own, each started when it is first needed, and again after it failed. */
export class ReadingThreads {
  private threads: ReadingThread[] = [];

  /** @param most threads at once; default: one for each core but that of everything else, two at most, and one in any case */
  constructor(
    private readonly data: ReadingWorkerData,
    private readonly log: Log,
    private readonly most = Math.max(1, Math.min(MOST_THREADS, availableParallelism() - 1)),
  ) {}

  /** A thread that fails takes the readings with it that it had open; their partitions are read anew. */
  reader(place: Partition): RangeReader<ReadAs> {
    const thread = this.leastBusy();
    const reading = thread.open(place);
    return {
      atOnce: READ_AT_ONCE,
      take: (as, records) => thread.take(reading, as, records),
      close: () => thread.close(reading),
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.threads.splice(0).map((thread) => thread.end()));
  }

  private leastBusy(): ReadingThread {
    this.threads = this.threads.filter(({ isOver }) => !isOver);
    const [idlest] = this.threads.toSorted((a, b) => a.readings - b.readings);
    if (idlest !== undefined && (idlest.readings === 0 || this.threads.length >= this.most)) return idlest;
    const thread = new ReadingThread(this.data);
    this.threads.push(thread);
    this.log.info('a source may be in minute mode: threads of their own read', { threads: this.threads.length });
    return thread;
  }
}
