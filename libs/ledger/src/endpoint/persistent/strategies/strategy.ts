import type { Message } from '../message.js';
import type { Subscriber } from '../subscriber.js';

export const STRATEGIES = ['RoundRobin', 'DispatchToSingle', 'Pinned', 'PinnedByCorrelation'] as const;
export type StrategyName = (typeof STRATEGIES)[number];

export function isStrategyName(name: string): name is StrategyName {
  return STRATEGIES.some((known) => known === name);
}

/** Says who gets a message. */
export interface Strategy<E> {
  joined(subscriber: Subscriber): void;
  left(subscriber: Subscriber): void;
  /** Somebody with a free slot; `later` if only this message must wait; `full` if nobody has a slot. */
  choose(message: Message<E>): Subscriber | 'later' | 'full';
}
