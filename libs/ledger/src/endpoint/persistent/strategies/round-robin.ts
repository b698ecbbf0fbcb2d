import type { Subscriber } from '../subscriber.js';
import type { Strategy } from './strategy.js';

/** Each in turn; whoever has no free slot is passed over. */
export class RoundRobin<E> implements Strategy<E> {
  #turn: Subscriber[] = [];

  joined(subscriber: Subscriber): void {
    this.#turn.push(subscriber);
  }

  left(subscriber: Subscriber): void {
    this.#turn = this.#turn.filter((other) => other !== subscriber);
  }

  choose(): Subscriber | 'full' {
    const at = this.#turn.findIndex((subscriber) => subscriber.free > 0);
    const chosen = this.#turn[at];
    if (!chosen) return 'full';
    this.#turn = [...this.#turn.slice(at + 1), ...this.#turn.slice(0, at + 1)];
    return chosen;
  }
}
