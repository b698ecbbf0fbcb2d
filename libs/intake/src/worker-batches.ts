import { Worker } from 'node:worker_threads';
import { unpackBatch, type PackedBatch } from './packed-batch.js';
import type { Prepared } from './prepared.js';
import type { PrepareWorkerData } from './prepare-worker.js';
import type { InputBlock } from './split-lines.js';

export type FromWorker = PackedBatch;

/** Threads that read, redact and name; this thread commits meanwhile. */
const THREADS = 2;
/** Blocks that a thread has before it, under way or waiting: bounds memory. */
const BLOCKS_AHEAD = 8;
/** Records of prepared blocks that are committed together, with one sync to disk. */
const COMMITTED_TOGETHER = 4000;

/** One thread, which answers blocks in the order in which it gets them. */
class Reader {
  private readonly worker: Worker;
  private readonly waiting: { resolve(batch: Prepared[]): void; reject(error: unknown): void }[] = [];

  constructor(data: PrepareWorkerData) {
    this.worker = new Worker(new URL('./prepare-worker.js', import.meta.url), {
      workerData: data,
      // A batch lives longer than the default young generation, and would be copied again and again.
      resourceLimits: { maxYoungGenerationSizeMb: 48 },
    });
    this.worker.on('message', (batch: FromWorker) => this.waiting.shift()?.resolve(unpackBatch(batch)));
    this.worker.on('error', (error) => this.fail(error));
    this.worker.on('exit', () => this.fail(new Error('a reading thread ended early')));
  }

  private fail(error: unknown): void {
    for (const { reject } of this.waiting.splice(0)) reject(error);
  }

  prepare(block: InputBlock): Promise<Prepared[]> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject });
      this.worker.postMessage(block);
    });
  }

  async close(): Promise<void> {
    this.worker.postMessage('end');
    await this.worker.terminate();
  }
}

/**
 * As `preparedBatches`, in threads of their own: while one batch is committed, the next are read. Batches come in the
 * order of the input; reading stops while the threads are behind, and they wait while commits are.
 */
export async function* preparedInWorkers(
  blocks: AsyncIterable<InputBlock>,
  data: PrepareWorkerData,
): AsyncGenerator<Prepared[]> {
  const readers = Array.from({ length: THREADS }, () => new Reader(data));
  const underWay: { batch: Promise<Prepared[]>; ready?: Prepared[] }[] = [];
  let next = 0;
  try {
    let cut: { error: unknown } | undefined;
    const iterator = blocks[Symbol.asyncIterator]();
    for (let ended = false; !ended || underWay.length > 0;) {
      while (!ended && underWay.length < THREADS * BLOCKS_AHEAD) {
        try {
          const block = await iterator.next();
          if (block.done === true) ended = true;
          else {
            const entry: (typeof underWay)[number] = { batch: readers[next++ % THREADS]!.prepare(block.value) };
            entry.batch.then(
              (batch) => (entry.ready = batch),
              () => undefined,
            );
            underWay.push(entry);
          }
        } catch (error) {
          // The input broke off: what came before it is still taken in, then the error is told.
          cut = { error };
          ended = true;
        }
      }
      const batch = (await underWay.shift()?.batch) ?? [];
      while (underWay[0]?.ready !== undefined && batch.length < COMMITTED_TOGETHER)
        batch.push(...underWay.shift()!.ready!);
      if (batch.length > 0) yield batch;
    }
    if (cut !== undefined) throw cut.error;
  } finally {
    await Promise.all(readers.map((reader) => reader.close()));
  }
}
