import type { LeftOut, Order, Place } from './message.js';

export interface CheckpointRule {
  afterMs: number;
  minCount: number;
  maxCount: number;
}

/** How far a group has come, and when that is worth writing down. */
export class Progress {
  #sequence = -1;
  #place: Place | undefined;
  #written = -1;
  #writtenAt = -Infinity;

  /** @param checkpoint the place up to which everything was done before; undefined: nothing was */
  constructor(
    private readonly rule: CheckpointRule,
    checkpoint: Place | undefined,
  ) {
    if (checkpoint === undefined) return;
    this.#place = checkpoint;
    this.#sequence = 0;
    this.#written = 0;
  }

  /** The order of the next event. */
  next(): Order {
    return { sequence: this.#sequence + 1, before: this.#place };
  }

  /** The next events, up to a place, are given out or left out. */
  advance({ count, place }: LeftOut): void {
    this.#sequence += count;
    this.#place = place;
  }

  /** Whether a checkpoint could be due at all: what spares the search for the lowest open message. */
  isNear(onTick: boolean): boolean {
    return onTick || this.#sequence - this.#written >= this.rule.maxCount;
  }

  /**
   * The place to write down now. Everything up to it is done: it is that before the lowest open message, or the last
   * one where none is open.
   * @param lowest the lowest message that is not acknowledged yet
   * @param now in ms, of the clock that ticks
   */
  due(lowest: Order | undefined, now: number, onTick: boolean): Place | undefined {
    const sequence = lowest ? lowest.sequence - 1 : this.#sequence;
    const place = lowest ? lowest.before : this.#place;
    const done = sequence - this.#written;
    if (place === undefined || done <= 0) return undefined;
    const enough = done >= this.rule.maxCount;
    const isTime = this.rule.afterMs > 0 && now - this.#writtenAt >= this.rule.afterMs;
    if (!enough && !(onTick && isTime && done >= this.rule.minCount)) return undefined;
    this.#written = sequence;
    this.#writtenAt = now;
    return place;
  }
}
