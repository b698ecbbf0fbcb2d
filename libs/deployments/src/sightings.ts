import type { Millis } from '#lifecycle';
import { byStart, declaredIntervals, type DeploymentFact, type Interval } from './intervals.js';
import { scopeOf } from './scope.js';

/** A version stamped on lines: where, and when first and last. */
export interface Sighting {
  tenant?: string;
  component: string;
  version: string;
  gateway?: string;
  region?: string;
  first: Millis;
  last: Millis;
}

/**
 * Intervals of versions that are known only from stamped lines: one per (component, version, gateway, region), from the
 * first sighting to the last, both included, so `off` is one millisecond after the last. They are never still active:
 * silence proves nothing, and the answer says that they are inferred.
 */
export function inferredIntervals(sightings: Iterable<Sighting>): Interval[] {
  const found = new Map<string, Interval>();
  for (const { tenant = 'default', component, version, gateway, region, first, last } of sightings) {
    const key = JSON.stringify([tenant, component, version, gateway, region]);
    const known = found.get(key);
    if (known) {
      known.on = Math.min(known.on, first);
      known.off = Math.max(known.off!, last + 1);
      known.weights = [{ at: known.on, weight: 1 }];
      continue;
    }
    found.set(key, {
      tenant,
      component,
      version,
      scope: scopeOf({ gateway, region, cohort: undefined }),
      on: first,
      off: last + 1,
      endedBy: 'last sighting',
      weights: [{ at: first, weight: 1 }],
      carved: [],
      inferred: true,
    });
  }
  return [...found.values()].sort(byStart);
}

/** All intervals: what was declared of a component's version replaces what was inferred of it (MODEL §7.1). */
export function intervalsOf(facts: Iterable<DeploymentFact>, sightings: Iterable<Sighting>): Interval[] {
  const declared = declaredIntervals(facts);
  const key = (i: Interval): string => JSON.stringify([i.tenant, i.component, i.version]);
  const stated = new Set(declared.map(key));
  return [...declared, ...inferredIntervals(sightings).filter((i) => !stated.has(key(i)))].sort(byStart);
}
