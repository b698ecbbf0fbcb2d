import { DispatchToSingle } from './dispatch-to-single.js';
import { Pinned } from './pinned.js';
import { correlationOf, type Pinnable, sourceStreamOf } from './pins.js';
import { RoundRobin } from './round-robin.js';
import type { Strategy, StrategyName } from './strategy.js';

/** @param seen what the pinning strategies look at in an event */
export function strategyOf<E>(name: StrategyName, seen: (event: E) => Pinnable): Strategy<E> {
  switch (name) {
    case 'RoundRobin':
      return new RoundRobin();
    case 'DispatchToSingle':
      return new DispatchToSingle();
    case 'Pinned':
      return new Pinned((event) => sourceStreamOf(seen(event)));
    case 'PinnedByCorrelation':
      return new Pinned((event) => correlationOf(seen(event)));
  }
}
