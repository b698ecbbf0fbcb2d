import { formatTime, type Millis } from '#lifecycle';
import { UnknownActivationError, UnknownComponentError, UnknownVersionError } from './errors.js';
import type { Interval } from './intervals.js';

/**
 * One activation of a version as people count them: its intervals on all scopes, as far as they hang together in time.
 * A blue-green switch from gateway to gateway is one activation with one interval a gateway.
 */
export interface Activation {
  component: string;
  version: string;
  /** 1 for the first. */
  n: number;
  of: number;
  intervals: Interval[];
  on: Millis;
  /** The latest off of any scope; absent while one is still active. */
  off?: Millis;
  inferred: boolean;
  /** It lasted no time at all: no fact can belong to it. */
  empty: boolean;
}

/** The activations of a version, in order of time. Empty if it has none: see {@link selectActivation} for the error. */
export function activationsOf(intervals: readonly Interval[], component: string, version: string): Activation[] {
  const own = intervals.filter((i) => i.component === component && i.version === version).sort((a, b) => a.on - b.on);
  const groups: Interval[][] = [];
  let reach = -Infinity;
  for (const interval of own) {
    // Sightings are too thin to tell a pause from silence: all of a version's inferred intervals are one activation.
    const together = groups.length > 0 && (interval.on <= reach || interval.inferred);
    if (together) groups.at(-1)!.push(interval);
    else groups.push([interval]);
    reach = Math.max(reach, interval.off ?? Infinity);
  }
  return groups.map((group, index) => {
    const activation: Activation = {
      component,
      version,
      n: index + 1,
      of: groups.length,
      intervals: group,
      on: group[0]!.on,
      inferred: group.some((i) => i.inferred),
      empty: group.every((i) => i.off === i.on),
    };
    if (group.every((i) => i.off !== undefined)) activation.off = Math.max(...group.map((i) => i.off!));
    return activation;
  });
}

export interface Selection {
  activation: Activation;
  /** What the answer must say of the choice, in words. */
  notes: string[];
}

/**
 * The activation that a question about a version means: the n-th if asked, else the latest that served anything.
 * What begins after `now` is not known yet.
 * @throws UnknownComponentError, UnknownVersionError (never an empty answer), UnknownActivationError
 */
export function selectActivation(
  intervals: readonly Interval[],
  asked: { component: string; version: string; now: Millis; n?: number },
): Selection {
  const { component, version, now, n } = asked;
  const begun = intervals.filter((i) => i.on <= now).map((i) => withoutFuture(i, now));
  const here = begun.filter((i) => i.component === component);
  if (here.length === 0) throw new UnknownComponentError(component, distinct(begun.map((i) => i.component)));
  const all = activationsOf(here, component, version);
  if (all.length === 0) throw new UnknownVersionError(component, version, distinct(here.map((i) => i.version)));
  const chosen = n === undefined ? (all.findLast((a) => !a.empty) ?? all.at(-1)!) : all[n - 1];
  if (!chosen) throw new UnknownActivationError(component, version, n!, all.length);

  const notes: string[] = [];
  if (chosen.of > 1) {
    const how =
      n === undefined ? (chosen.n === chosen.of ? 'the latest' : 'the latest that served anything') : 'as asked';
    notes.push(`${version} was activated ${chosen.of} times; this is activation ${chosen.n}, ${how}`);
  }
  if (chosen.off === undefined) notes.push(`${version} is still active`);
  if (chosen.empty)
    notes.push(`this activation lasted no time: facts at ${formatTime(chosen.on)} belong to the next version`);
  if (chosen.inferred)
    notes.push(`no activation of ${version} was declared: inferred from the versions stamped on lines`);
  return { activation: chosen, notes };
}

/** What was known of an interval at an instant: an off in the future has not happened. */
function withoutFuture(interval: Interval, now: Millis): Interval {
  if (interval.inferred || interval.off === undefined || interval.off <= now) return interval;
  const { off: _off, endedBy: _endedBy, ...rest } = interval;
  return rest;
}

function distinct(texts: readonly string[]): string[] {
  return [...new Set(texts)].sort();
}
