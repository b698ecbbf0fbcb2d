import type { Log } from '#platform';
import type { Follows, LocalTally } from './tally/local-tally.js';

/** How often the head is looked at, in ms: one read of an index. */
const LOOK_MS = 250;
/** After a failure, in ms: doubled each time, up to the last. */
const RETRY_MS = [1000, 60_000] as const;

/** Keeps what is made from the ledger up to its head while a process serves. */
export class BackgroundFollower {
  private readonly stopping = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  private under: Promise<void> = Promise.resolve();
  private settled = -1n;
  private failures = 0;

  constructor(
    private readonly tally: LocalTally,
    private readonly log: Log,
    private readonly follows: Follows = {},
  ) {
    this.again(0);
  }

  /** Ends after the batch that is under way; what is left is done when the process starts again. */
  async stop(): Promise<void> {
    this.stopping.abort();
    clearTimeout(this.timer);
    await this.under;
  }

  private again(afterMs: number): void {
    if (this.stopping.signal.aborted) return;
    this.timer = setTimeout(() => {
      this.under = this.look();
    }, afterMs);
    // It alone keeps no process alive.
    this.timer.unref();
  }

  private async look(): Promise<void> {
    try {
      const head = await this.tally.stores.ledger.head();
      if (head !== this.settled) {
        await this.tally.settle({ signal: this.stopping.signal, ...this.follows });
        this.settled = head;
      }
      this.failures = 0;
      this.again(LOOK_MS);
    } catch (error) {
      const wait = Math.min(RETRY_MS[0] * 2 ** this.failures++, RETRY_MS[1]);
      this.log.error('analytics did not follow the ledger', error, { retryInMs: wait });
      this.again(wait);
    }
  }
}
