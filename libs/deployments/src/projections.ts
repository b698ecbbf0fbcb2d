import { formatTime, type Cut, type Millis, type Status, type TokenView } from '#lifecycle';
import { selectActivation, type Activation } from './activation.js';
import { attribute, lineageOf, type Attributable } from './attribution.js';
import type { Interval } from './intervals.js';
import { describeScope, mayTouch, scopeOf } from './scope.js';

export type TimeCut =
  | { applicable: true; cut: Cut; activation: Activation; stillActive: boolean; notes: string[] }
  /** The version was never active in the part that was asked about: no answer, which is not an empty one. */
  | { applicable: false; why: string };

export interface CutQuestion {
  component: string;
  version: string;
  /** The instant up to which the question looks; while the version is active, this is the cut. */
  now: Millis;
  /** Which activation, 1 for the first; the latest if left out. */
  n?: number;
  region?: string;
  gateway?: string;
}

/**
 * P1, time (MODEL §7.3): the state when the version's activation ended. Facts of a gateway count before the off of that
 * gateway, issuer facts and fences before the latest off. An off is exclusive, so the last instant that counts is one
 * millisecond before it.
 * @throws UnknownComponentError, UnknownVersionError, UnknownActivationError
 */
export function timeCut(intervals: readonly Interval[], asked: CutQuestion): TimeCut {
  const { activation, notes } = selectActivation(intervals, asked);
  const part = scopeOf({ gateway: asked.gateway, region: asked.region, cohort: undefined });
  const here = activation.intervals.filter((i) => mayTouch(i.scope, part));
  if (here.length === 0) {
    return { applicable: false, why: `${asked.version} was never active at ${describeScope(part)}` };
  }
  const last = (off: Millis | undefined): Millis => (off === undefined ? asked.now : off - 1);
  const T = Math.max(...here.map((i) => last(i.off)));
  const named = new Map<string, Millis>();
  const raise = (gateway: string, at: Millis): void => {
    named.set(gateway, Math.max(named.get(gateway) ?? -Infinity, at));
  };
  for (const interval of here) {
    if (interval.scope.gateway !== undefined) raise(interval.scope.gateway, last(interval.off));
    // Where another version took a gateway out of a wider activation for good, that gateway was cut then.
    for (const { scope, from, to } of interval.carved) {
      const forGood = to === undefined || to > last(interval.off);
      if (scope.gateway !== undefined && forGood && from <= asked.now) raise(scope.gateway, last(from));
    }
  }
  const gateways = new Map([...named].filter(([, at]) => at !== T).sort(([a], [b]) => (a < b ? -1 : 1)));
  for (const [gateway, at] of gateways) notes.push(`${gateway}: cut at ${formatTime(at)}`);
  const cut: Cut = gateways.size > 0 ? { T, gateways } : { T };
  return { applicable: true, cut, activation, stillActive: here.some((i) => i.off === undefined), notes };
}

export interface ProducedContext {
  /** The component's intervals. */
  intervals: readonly Interval[];
  version: string;
  lineages?: ReadonlyMap<string, readonly string[]>;
  /** Whether issuance facts without a stamp are this component's; else only stamped ones can be. */
  issues: boolean;
  componentOf?(source: string): string | undefined;
  component: string;
  clockErrorOf?(source: string | undefined): Millis;
}

export interface Produced {
  /** The token as the version's own facts show it, with every end of any version before the time cut. */
  view: TokenView;
  by: ('issued' | 'used')[];
  /** Facts left out because their version is not certain. */
  ambiguous: number;
  unknown: number;
}

/**
 * P2, produced (MODEL §7.4): the token from facts that are attributed to the version or its lineage on this component.
 * `view` is evaluated at the time cut. Undefined if no fact is the version's; what was left out is counted all the same.
 */
export function produced(
  view: TokenView,
  context: ProducedContext,
): Produced | { view: undefined; ambiguous: number; unknown: number } {
  const line = new Set(lineageOf(context.version, context.lineages ?? new Map()));
  let ambiguous = 0;
  let unknown = 0;
  const isOwn = (fact: Attributable & { source?: string }): boolean => {
    const owner = fact.source === undefined ? undefined : context.componentOf?.(fact.source);
    if (owner !== undefined && owner !== context.component) return false;
    const found = attribute(fact, context.intervals, context.clockErrorOf?.(fact.source) ?? 0);
    if (found.kind === 'ambiguous') ambiguous++;
    else if (found.kind === 'unknown') unknown++;
    else return line.has(found.version);
    return false;
  };
  const uses = view.uses.filter((use) => isOwn(use));
  const counted = { ambiguous, unknown };
  const accepted = view.accepted.filter((onset) => isOwn({ ...onset, first: onset.at, last: onset.at }));
  // First acceptances are uses too: they are not counted a second time.
  ({ ambiguous, unknown } = counted);
  const issuance = view.issuedBy;
  const mayIssue = issuance !== undefined && (issuance.version !== undefined || context.issues);
  const issued = mayIssue && isOwn({ ...issuance, first: issuance.at, last: issuance.at });
  if (uses.length === 0 && accepted.length === 0 && !issued) return { view: undefined, ambiguous, unknown };
  const { issuedBy: _issuedBy, issuedAt: _issuedAt, ...rest } = view;
  const own: TokenView = {
    ...(issued ? view : rest),
    uses,
    accepted,
    status: statusOf(view.status, accepted.length > 0, issued),
    versions: {
      issued: view.versions.issued.filter((v) => line.has(v)),
      accepted: view.versions.accepted.filter((v) => line.has(v)),
      refused: view.versions.refused.filter((v) => line.has(v)),
    },
  };
  const by: Produced['by'] = issued ? ['issued'] : [];
  if (uses.length > 0 || accepted.length > 0) by.push('used');
  return { view: own, by, ambiguous, unknown };
}

/** Ends, expiry and suspension hold whoever stated them; the rest is what the version itself saw. */
function statusOf(status: Status, accepted: boolean, issued: boolean): Status {
  if (status !== 'active' && status !== 'issued' && status !== 'observed') return status;
  return accepted ? 'active' : issued ? 'issued' : 'observed';
}
