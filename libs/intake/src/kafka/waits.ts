import { StopDeadlinePassed } from './errors.js';
import type { BrokerCalls, Place, Timing } from './partition-work.js';

/** Waits that heartbeats go through, and that all end at the deadline of a stop. */
export class Waits {
  /** A stop began. */
  stopping = false;
  /** Its deadline has passed. */
  abandoned = false;
  private readonly turns = new Set<AbortController>();
  /** Of those, the ones that a stop ends at once. */
  private readonly idle = new Set<AbortController>();

  constructor(
    private readonly timing: Timing,
    private readonly heartbeatMs: number,
  ) {}

  /** What only waits ends now, all else in `deadline` ms. */
  stop(deadline: number): void {
    if (this.stopping) return;
    this.stopping = true;
    for (const turn of this.idle) turn.abort();
    void this.pause(deadline).then(() => {
      this.abandoned = true;
      for (const turn of this.turns) turn.abort();
    });
  }

  /** Resolves after `ms`, or when a stop begins. */
  async rest(ms: number, turn = new AbortController()): Promise<void> {
    if (this.stopping) return;
    this.idle.add(turn);
    await this.pause(ms, turn);
    this.idle.delete(turn);
  }

  /** Waits for work. A heartbeat that fails ends the wait: the group may have moved on. */
  async withHeartbeats<T>(work: Promise<T>, broker: BrokerCalls, { topic, partition }: Place): Promise<T> {
    while (!(await this.isDone(work, (turn) => this.pause(this.heartbeatMs, turn)))) {
      if (this.abandoned) throw new StopDeadlinePassed(topic, partition);
      await broker.heartbeat();
    }
    return work;
  }

  /** As `withHeartbeats` for what comes before the work: a stop ends the wait, too. */
  async beforeWork(ready: Promise<unknown>, broker: BrokerCalls): Promise<void> {
    while (!(await this.isDone(ready, (turn) => this.rest(this.heartbeatMs, turn)))) {
      if (this.stopping) return;
      await broker.heartbeat();
    }
    await ready;
  }

  /**
   * Waits `ms` at most for work whose result nobody needs. A group that rebalances keeps a member whose heartbeats come,
   * and refuses each of them.
   */
  async atMost(ms: number, work: Promise<unknown>, broker: BrokerCalls): Promise<void> {
    const deadline = this.timing.now() + ms;
    for (let left = ms; left > 0 && !this.abandoned; left = deadline - this.timing.now()) {
      if (await this.isDone(work, (turn) => this.pause(Math.min(left, this.heartbeatMs), turn))) return;
      // Not waited for: a broker that is away answers late.
      broker.heartbeat().catch(() => undefined);
    }
  }

  /** Whether work ended, well or not, before the pause did. */
  private async isDone(work: Promise<unknown>, pause: (turn: AbortController) => Promise<void>): Promise<boolean> {
    const turn = new AbortController();
    const settled = work.then(
      () => true,
      () => true,
    );
    const done = await Promise.race([settled, pause(turn).then(() => false)]);
    turn.abort();
    return done;
  }

  /** Resolves after `ms`, when `turn` is aborted, or at the deadline of a stop. */
  private async pause(ms: number, turn = new AbortController()): Promise<void> {
    this.turns.add(turn);
    await this.timing.sleep(ms, turn.signal);
    this.turns.delete(turn);
  }
}
