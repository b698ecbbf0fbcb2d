import type { ChangeOutcome, StreamChange } from './stream-change.js';

interface Waiting {
  appends: readonly StreamChange[];
  resolve(outcomes: ChangeOutcome[]): void;
  reject(reason: unknown): void;
}

/** Calls that wait for no more company. */
const ENOUGH = 256;

/**
 * Group commit: all appends asked for while turns of the event loop bring more of them share one transaction and one
 * sync to disk, in the order in which they were asked for. A turn costs far less than a sync.
 */
export class AppendQueue {
  #waiting: Waiting[] = [];

  /** @param commit writes a batch, all or nothing */
  constructor(private readonly commit: (appends: readonly StreamChange[]) => ChangeOutcome[]) {}

  add(appends: readonly StreamChange[]): Promise<ChangeOutcome[]> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.push({ appends, resolve, reject }) === 1) setImmediate(() => this.#whenQuiet(0));
    });
  }

  #whenQuiet(before: number): void {
    const now = this.#waiting.length;
    if (now > before && now < ENOUGH) setImmediate(() => this.#whenQuiet(now));
    else this.flush();
  }

  flush(): void {
    const batch = this.#waiting;
    this.#waiting = [];
    try {
      this.#commitTogether(batch);
    } catch {
      // What is wrong with one call (an invalid event, more than fits on the disk) must not fail the others.
      for (const alone of batch) this.#commitAlone(alone);
    }
  }

  #commitTogether(batch: readonly Waiting[]): void {
    const [first] = batch;
    if (first && batch.length === 1) return this.#commitAlone(first);
    const outcomes = this.commit(batch.flatMap((waiting) => waiting.appends));
    let start = 0;
    for (const { appends, resolve } of batch) resolve(outcomes.slice(start, (start += appends.length)));
  }

  #commitAlone({ appends, resolve, reject }: Waiting): void {
    try {
      resolve(this.commit(appends));
    } catch (error) {
      reject(error);
    }
  }
}
