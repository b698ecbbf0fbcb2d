import type { AppendOutcome, StreamAppend } from '../port.js';

interface Waiting {
  appends: readonly StreamAppend[];
  resolve(outcomes: AppendOutcome[]): void;
  reject(reason: unknown): void;
}

/**
 * Group commit: all appends asked for in one turn of the event loop share one transaction and one sync to disk, in
 * the order in which they were asked for.
 */
export class AppendQueue {
  #waiting: Waiting[] = [];

  /** @param commit writes a batch, all or nothing */
  constructor(private readonly commit: (appends: readonly StreamAppend[]) => AppendOutcome[]) {}

  add(appends: readonly StreamAppend[]): Promise<AppendOutcome[]> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.push({ appends, resolve, reject }) === 1) setImmediate(() => this.flush());
    });
  }

  flush(): void {
    const batch = this.#waiting;
    if (batch.length === 0) return;
    this.#waiting = [];
    try {
      const [only] = batch;
      const appends = only && batch.length === 1 ? only.appends : batch.flatMap((waiting) => waiting.appends);
      const outcomes = this.commit(appends);
      let start = 0;
      for (const { appends: own, resolve } of batch) resolve(outcomes.slice(start, (start += own.length)));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}
