import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '#platform';
import type { RunningRole } from './intake-role.js';

/** Before a consumer that ended by itself starts again, in ms: doubled each time, up to the last. */
const AGAIN_MS = [1000, 60_000] as const;
/** A consumer that ran for so long had started well, in ms. */
const WELL_MS = 60_000;

/**
 * A role in a process that has more to do than this: where its consumer ends for good it starts again, from what Kafka
 * has as committed. A process that has nothing else to do ends instead.
 */
export class SteadyRole {
  private readonly stopping = new AbortController();
  private readonly running: Promise<void>;
  private role: RunningRole | undefined;

  constructor(
    private readonly start: () => Promise<RunningRole>,
    private readonly log: Log,
  ) {
    this.running = this.keepUp();
  }

  vitals(): ReturnType<RunningRole['vitals']> | undefined {
    return this.role?.vitals();
  }

  get counts(): RunningRole['counts'] {
    return this.role?.counts;
  }

  async close(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async keepUp(): Promise<void> {
    const { signal } = this.stopping;
    const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    for (let failures = 0; !signal.aborted;) {
      const began = performance.now();
      try {
        const starting = this.start();
        starting.catch(() => undefined);
        // Brokers that are away are waited for as long as it takes; a stop is not.
        const started = await Promise.race([starting, stopped]);
        if (started === undefined) return;
        this.role = started;
        await Promise.race([started.ended, stopped]);
      } catch (error) {
        failures = performance.now() - began > WELL_MS ? 1 : failures + 1;
        const retryInMs = Math.min(AGAIN_MS[0] * 2 ** (failures - 1), AGAIN_MS[1]);
        this.log.error('intake from Kafka ended', error, { retryInMs });
        await this.role?.close().catch(() => undefined);
        this.role = undefined;
        await delay(retryInMs, undefined, { signal }).catch(() => undefined);
      }
    }
    await this.role?.close();
  }
}
