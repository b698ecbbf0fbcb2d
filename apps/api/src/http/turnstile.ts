import { TooBusy } from './errors.js';
import type { Patience } from './idle-body.js';

/** Lets a few in at a time and a few more wait; those beyond are turned away at once. */
export class Turnstile {
  private inside = 0;
  private readonly waiting: (() => void)[] = [];
  private whenIdle: (() => void)[] = [];

  constructor(
    private readonly places: number,
    private readonly benches: number,
    private readonly idleMs = 30_000,
  ) {}

  /** What those inside owe to those who wait; see `whileSending`. */
  get patience(): Patience {
    return { idleMs: this.idleMs, isWaitedFor: () => this.waiting.length > 0 };
  }

  /** Runs work when there is room for it. @throws TooBusy if too many wait already. */
  async pass<T>(work: () => Promise<T>): Promise<T> {
    if (this.inside < this.places) this.inside++;
    else if (this.waiting.length >= this.benches) throw new TooBusy(this.waiting.length);
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      // A place is handed on, never free in between: else a newcomer could overtake those who wait.
      if (next !== undefined) next();
      else if (--this.inside === 0) for (const done of this.whenIdle.splice(0)) done();
    }
  }

  /** Resolves when nobody is inside or waiting. */
  async idle(): Promise<void> {
    if (this.inside > 0) await new Promise<void>((resolve) => this.whenIdle.push(resolve));
  }
}
