import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { stateLine, type Borders, type Cut, type History } from '#lifecycle';
import type { Frame } from './frame.js';
import type { Frames } from './frames.js';
import { SortedRows } from './sorted-rows.js';
import { inTurns } from './turns.js';

/** What the second thread is started with: where it reads, and the cut at which it folds. */
export interface StateWorkerData {
  file: string;
  tenant: string;
  position: bigint;
  cut: Cut;
  borders: Borders;
  streams: number;
  /** The number of shares taken so far, by either thread. */
  taken: Int32Array;
}
/** Lines of the state digest, one after another; empty: that was all. */
export type FromStateWorker = string;

/** Below so many streams a thread takes longer to start than it saves. */
const WORTH_STREAMS = 50_000;
/** Streams that a thread folds before it takes the next share. */
const SHARE = 1000;

/** A name without a stream of its own belongs to no share of the streams. */
export function isWorthThreads({ history }: Frame, { threads, ledger }: Frames): boolean {
  return threads && ledger.streams >= WORTH_STREAMS && history.links.namesWithoutStream().size === 0;
}

/** The lines of the shares of the streams that are still to be taken. */
export function* sharesOfLines(
  history: History,
  { cut, borders, streams, taken }: Pick<StateWorkerData, 'cut' | 'borders' | 'streams' | 'taken'>,
): Generator<string[]> {
  for (;;) {
    const from = 1 + SHARE * Atomics.add(taken, 0, 1);
    if (from > streams) return;
    const lines: string[] = [];
    for (const { view } of history.views(cut, borders, { order: 'any', made: { from, to: from + SHARE - 1 } }))
      if (view.kind !== 'consumer') lines.push(stateLine(view));
    yield lines;
  }
}

/**
 * The lines of the state digest in order of name, folded by this thread and one more: each takes the next share of
 * the streams when it is through with its last. Both see the same prefix of the ledger, so who folds makes no odds.
 */
export async function* linesInThreads(
  { history, tenant, position, cut, borders }: Frame,
  { file, streams }: { file: string; streams: number },
): AsyncGenerator<string> {
  const taken = new Int32Array(new SharedArrayBuffer(4));
  const sorted = new SortedRows();
  const addAll = (lines: readonly string[]): void => {
    for (const line of lines) sorted.add(line.slice(0, line.indexOf('\t')), line);
  };
  const worker = new Worker(new URL('./state-worker.js', import.meta.url), {
    workerData: { file, tenant, position, cut, borders, streams, taken } satisfies StateWorkerData,
    resourceLimits: { maxYoungGenerationSizeMb: 96 },
  });
  try {
    const others = new Promise<void>((resolve, reject) => {
      worker.on('message', (lines: FromStateWorker) => {
        if (lines === '') resolve();
        else addAll(lines.match(/.*\n/g) ?? []);
      });
      worker.on('error', reject);
      worker.on('exit', () => reject(new Error('a folding thread ended early')));
    });
    others.catch(() => undefined);
    for (const lines of sharesOfLines(history, { cut, borders, streams, taken })) {
      addAll(lines);
      // The other thread's lines are taken in meanwhile, and a running tally answers others.
      await setImmediate();
    }
    await others;
    yield* inTurns(sorted.drain());
  } finally {
    sorted.close();
    await worker.terminate();
  }
}
