import { StopDeadlinePassed } from './errors.js';
import type { BrokerCalls, Place, Timing } from './partition-work.js';

/** Waits that heartbeats go through, and that all end at the deadline of a stop. */
export class Waits {
  /** The deadline of a stop has passed. */
  abandoned = false;
  private readonly turns = new Set<AbortController>();

  constructor(
    private readonly timing: Timing,
    private readonly heartbeatMs: number,
  ) {}

  /** Resolves after `ms`, when `turn` is aborted, or when all is abandoned. */
  async pause(ms: number, turn = new AbortController()): Promise<void> {
    this.turns.add(turn);
    await this.timing.sleep(ms, turn.signal);
    this.turns.delete(turn);
  }

  abandon(): void {
    this.abandoned = true;
    for (const turn of this.turns) turn.abort();
  }

  /** Waits for work. A heartbeat that fails ends the wait: the group may have moved on. */
  async withHeartbeats<T>(work: Promise<T>, broker: BrokerCalls, { topic, partition }: Place): Promise<T> {
    const settled = work.then(
      () => true,
      () => true,
    );
    for (;;) {
      const turn = new AbortController();
      const done = await Promise.race([settled, this.pause(this.heartbeatMs, turn).then(() => false)]);
      turn.abort();
      if (done) return work;
      if (this.abandoned) throw new StopDeadlinePassed(topic, partition);
      await broker.heartbeat();
    }
  }
}
