import type { Timing } from '../partition-work.js';

/** Turns that an engine in this process takes for one call, and what it never takes. */
const TURNS = 4;
const PATIENCE = 10_000;

/** Time that passes only when nothing else is left to do, and chance from a seed: the same run every time. */
export class VirtualTime implements Timing {
  private at = 1_700_000_000_000;
  private readonly sleepers: { at: number; wake: () => void }[] = [];

  constructor(readonly random: () => number) {}

  now(): number {
    return this.at;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return Promise.resolve();
    return new Promise((resolve) => {
      const abort = (): void => {
        const i = this.sleepers.indexOf(sleeper);
        if (i >= 0) this.sleepers.splice(i, 1);
        resolve();
      };
      const wake = (): void => {
        signal?.removeEventListener('abort', abort);
        resolve();
      };
      const sleeper = { at: this.at + ms, wake };
      this.sleepers.push(sleeper);
      signal?.addEventListener('abort', abort, { once: true });
    });
  }

  /** Runs until `work` settles. */
  async until<T>(work: Promise<T>): Promise<T> {
    let done = false;
    work.then(
      () => (done = true),
      () => (done = true),
    );
    for (;;) {
      // Everything that needs no time comes first, however many turns of the event loop that takes.
      for (let turn = 0; turn < TURNS && !done; turn++) await new Promise(setImmediate);
      for (let turn = 0; this.sleepers.length === 0 && turn < PATIENCE && !done; turn++) {
        await new Promise(setImmediate);
      }
      if (done) return work;
      const next = this.sleepers.reduce<{ at: number; wake: () => void } | undefined>(
        (first, each) => (first === undefined || each.at < first.at ? each : first),
        undefined,
      );
      if (next === undefined) throw new Error('nothing is left to wait for, and the work did not end');
      this.sleepers.splice(this.sleepers.indexOf(next), 1);
      this.at = Math.max(this.at, next.at);
      next.wake();
    }
  }
}

/** Numbers in [0, 1) from a seed (mulberry32). */
export function seeded(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
