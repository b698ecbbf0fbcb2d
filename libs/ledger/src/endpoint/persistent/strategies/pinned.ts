import type { Message } from '../message.js';
import type { Subscriber } from '../subscriber.js';
import { hashOf } from './hash.js';
import type { Strategy } from './strategy.js';

const BUCKETS = 1024;

/**
 * Messages with the same pin go to the same subscriber as long as it stays: pins are spread over 1,024 buckets, and
 * each bucket belongs to one subscriber from its first message on. A newcomer takes its share of the buckets over.
 */
export class Pinned<E> implements Strategy<E> {
  readonly #owners = new Array<Subscriber | undefined>(BUCKETS).fill(undefined);
  readonly #buckets = new Map<Subscriber, Set<number>>();

  /** @param pinOf what keeps messages together */
  constructor(private readonly pinOf: (event: E) => string) {}

  joined(newcomer: Subscriber): void {
    const taken = [...this.#buckets.values()].reduce((sum, buckets) => sum + buckets.size, 0);
    const share = Math.ceil(taken / (this.#buckets.size + 1));
    const moving = [...this.#buckets.values()].flatMap((buckets) => [...buckets].slice(share));
    this.#buckets.set(newcomer, new Set());
    for (const bucket of moving) this.#assign(bucket, newcomer);
  }

  left(subscriber: Subscriber): void {
    for (const bucket of this.#buckets.get(subscriber) ?? []) this.#owners[bucket] = undefined;
    this.#buckets.delete(subscriber);
  }

  choose(message: Message<E>): Subscriber | 'later' | 'full' {
    if (![...this.#buckets.keys()].some((subscriber) => subscriber.free > 0)) return 'full';
    const bucket = hashOf(this.pinOf(message.event)) % BUCKETS;
    const owner = this.#owners[bucket] ?? this.#assign(bucket, this.#leastBurdened());
    return owner && owner.free > 0 ? owner : 'later';
  }

  #assign(bucket: number, subscriber: Subscriber | undefined): Subscriber | undefined {
    const before = this.#owners[bucket];
    if (before) this.#buckets.get(before)?.delete(bucket);
    this.#owners[bucket] = subscriber;
    if (subscriber) this.#buckets.get(subscriber)?.add(bucket);
    return subscriber;
  }

  #leastBurdened(): Subscriber | undefined {
    const [least] = [...this.#buckets].sort(([, a], [, b]) => a.size - b.size);
    return least?.[0];
  }
}
