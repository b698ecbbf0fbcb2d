import type { Millis } from '#lifecycle';
import type { Interval } from './intervals.js';
import { covers, mayTouch, type Scope } from './scope.js';

/** Which version a fact was made under (MODEL §7.2). Resolved when reading, never stored. */
export type Attribution =
  | { kind: 'stamped'; version: string }
  | { kind: 'derived'; version: string; inferred: boolean }
  /** Several versions may have made it, or one may; sorted. */
  | { kind: 'ambiguous'; candidates: string[] }
  /** No interval comes near its time and scope. */
  | { kind: 'unknown' };

/** What attribution needs of a fact, or of alike uses between `first` and `last`. */
export interface Attributable extends Pick<Scope, 'gateway' | 'region'> {
  version?: string;
  first: Millis;
  last: Millis;
}

/**
 * The version of a fact: stamped, else that of the interval which certainly contains its time and scope if no other
 * version's may. An instant at a switch belongs to the new version; with a clock error that reaches over the switch,
 * both are candidates. A canary's share and a cohort are not seen on a fact, so they leave it ambiguous.
 * @param intervals those of the fact's own component
 * @param clockError of the fact's source, in ms
 */
export function attribute(fact: Attributable, intervals: readonly Interval[], clockError: Millis = 0): Attribution {
  if (fact.version !== undefined) return { kind: 'stamped', version: fact.version };
  const from = fact.first - clockError;
  const to = fact.last + clockError;
  const scope: Scope = {};
  if (fact.gateway !== undefined) scope.gateway = fact.gateway;
  if (fact.region !== undefined) scope.region = fact.region;

  const candidates = intervals.filter((i) => mayContain(i, scope, from, to));
  const versions = [...new Set(candidates.map((i) => i.version))].sort();
  if (versions.length === 0) return { kind: 'unknown' };
  const certain = candidates.filter((i) => contains(i, scope, fact.first, fact.last));
  if (versions.length > 1 || certain.length === 0) return { kind: 'ambiguous', candidates: versions };
  return { kind: 'derived', version: versions[0]!, inferred: certain.every((i) => i.inferred) };
}

/** Whether the interval may have served the scope at some instant of [from, to]. */
function mayContain(interval: Interval, scope: Scope, from: Millis, to: Millis): boolean {
  const { on, off = Infinity, carved } = interval;
  if (!mayTouch(interval.scope, scope) || to < on) return false;
  const start = Math.max(from, on);
  const last = Math.min(to, off - 1);
  if (start > last) return false;
  return !carved.some((c) => covers(c.scope, scope) && c.from <= start && last < (c.to ?? Infinity));
}

/** Whether the interval served the whole of the scope, with all of its traffic, during all of [first, last]. */
function contains(interval: Interval, scope: Scope, first: Millis, last: Millis): boolean {
  const { on, off = Infinity, carved, weights } = interval;
  // No fact shows its cohort, so an interval of one cohort covers none for certain.
  if (!covers(interval.scope, scope)) return false;
  if (first < on || last >= off) return false;
  if (carved.some((c) => mayTouch(c.scope, scope) && c.from <= last && first < (c.to ?? Infinity))) return false;
  return weights.every((w, i) => w.weight === 1 || w.at > last || (weights[i + 1]?.at ?? Infinity) <= first);
}

/** The version itself and all that it descends from, as declared; sorted. */
export function lineageOf(version: string, lineages: ReadonlyMap<string, readonly string[]>): string[] {
  const seen = new Set<string>();
  const open = [version];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (seen.has(next)) continue;
    seen.add(next);
    open.push(...(lineages.get(next) ?? []));
  }
  return [...seen].sort();
}
