import { Worker } from 'node:worker_threads';
import type { Prepared } from './prepared.js';
import type { PrepareWorkerData } from './prepare-worker.js';

export type ToWorker = { kind: 'chunk'; chunk: Uint8Array } | { kind: 'end' } | { kind: 'committed' };
export type FromWorker = { kind: 'taken' } | { kind: 'batch'; batch: Prepared[] } | { kind: 'done' };

/** Chunks on their way to the worker at a time: enough to keep it busy, few enough to bound memory. */
const CHUNKS_AHEAD = 4;

/**
 * As `preparedBatches`, in a worker thread: while this thread commits one batch, the next is read, redacted and named.
 * Reading stops while the worker is behind, and the worker waits while commits are.
 */
export async function* preparedInWorker(
  input: AsyncIterable<Uint8Array>,
  data: PrepareWorkerData,
): AsyncGenerator<Prepared[]> {
  const worker = new Worker(new URL('./prepare-worker.js', import.meta.url), { workerData: data });
  const batches: Prepared[][] = [];
  let ended = false;
  let failure: { error: unknown } | undefined;
  let ahead = 0;
  let wakeReader: (() => void) | undefined;
  let wakeWriter: (() => void) | undefined;
  const fail = (error: unknown): void => {
    failure ??= { error };
    wakeReader?.();
    wakeWriter?.();
  };
  worker.on('error', fail);
  worker.on('exit', () => {
    if (!ended) fail(new Error('the reading thread ended early'));
  });
  worker.on('message', (message: FromWorker) => {
    if (message.kind === 'taken') {
      ahead--;
      wakeWriter?.();
      return;
    }
    if (message.kind === 'batch') batches.push(message.batch);
    else ended = true;
    wakeReader?.();
  });
  const post = (message: ToWorker): void => worker.postMessage(message);
  const feed = async (): Promise<void> => {
    for await (const chunk of input) {
      while (ahead >= CHUNKS_AHEAD && failure === undefined)
        await new Promise<void>((resolve) => (wakeWriter = resolve));
      if (failure !== undefined) return;
      ahead++;
      post({ kind: 'chunk', chunk });
    }
    post({ kind: 'end' });
  };
  let cut: { error: unknown } | undefined;
  const feeding = feed().catch((error: unknown) => {
    // The input broke off: what came before it is still taken in, then the error is told.
    cut = { error };
    post({ kind: 'end' });
  });
  try {
    for (;;) {
      const batch = batches.shift();
      if (batch !== undefined) {
        yield batch;
        post({ kind: 'committed' });
      } else if (failure !== undefined) throw failure.error;
      else if (ended) break;
      else await new Promise<void>((resolve) => (wakeReader = resolve));
    }
    await feeding;
    if (cut !== undefined) throw cut.error;
  } finally {
    ended = true;
    await worker.terminate();
  }
}
