import type { Subscriber } from '../subscriber.js';
import type { Strategy } from './strategy.js';

/** The one who came first, until it has no free slot; then the next. */
export class DispatchToSingle<E> implements Strategy<E> {
  readonly #inOrder = new Set<Subscriber>();

  joined(subscriber: Subscriber): void {
    this.#inOrder.add(subscriber);
  }

  left(subscriber: Subscriber): void {
    this.#inOrder.delete(subscriber);
  }

  choose(): Subscriber | 'full' {
    for (const subscriber of this.#inOrder) if (subscriber.free > 0) return subscriber;
    return 'full';
  }
}
