import type { ResolvedFact } from './resolve.js';
import { isAlike, likenessOf, textOf, useOf, type Likeness, type Span } from './use-likeness.js';
import type { Outcome, Use } from './view.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Buckets older than this before the latest use are kept by the hour, then by the day (MODEL §5.4). */
const HOURLY_AFTER = 48 * HOUR;
const DAILY_AFTER = 60 * DAY;

/** Uses that differ in time alone, by bucket: see `bucketKey`. */
export interface UseGroup {
  like: Likeness;
  buckets: Map<number, Span>;
}

/** Groups by the text of their likeness. `latest` is the latest use that is not from the future. */
export interface Uses {
  groups: Map<string, UseGroup>;
  latest: number;
  /** The groups that facts fell into last: most lines repeat one. No part of the state. */
  recent: UseGroup[];
}

export function noUses(): Uses {
  return { groups: new Map(), latest: -Infinity, recent: [] };
}

/** Every use by bucket, as answers show them. */
export function* eachUse({ groups }: Uses): Iterable<Use> {
  for (const { like, buckets } of groups.values()) {
    for (const span of buckets.values()) yield useOf(like, span);
  }
}

/** Times at which an answer turns (an end, an expiry, the cut): no use may be merged across one. Sorted. */
export type Borders = readonly number[];

const RECENT = 4;

/** Adds the use of a fact; `borders` split buckets, so that first and last are exact on each side of a border. */
export function addUse(uses: Uses, fact: ResolvedFact, outcome: Outcome, borders: Borders = []): void {
  const { data } = fact;
  const first = typeof data['firstAt'] === 'number' ? data['firstAt'] : fact.time;
  const last = typeof data['lastAt'] === 'number' ? data['lastAt'] : fact.time;
  if (!fact.future && last > uses.latest) uses.latest = last;
  const exact = first === last || data['count'] === 2;
  const segment = borders.length === 0 ? 0 : segmentOf(first, borders);
  const key = bucketKey('minute', Math.floor(first / MINUTE), segment);
  const { buckets } = groupOf(uses, fact, outcome);
  const known = buckets.get(key);
  if (known === undefined) buckets.set(key, { first, last, exact });
  else widen(known, first, last, exact);
}

function groupOf(uses: Uses, fact: ResolvedFact, outcome: Outcome): UseGroup {
  for (const recent of uses.recent) if (isAlike(recent.like, fact, outcome)) return recent;
  const like = likenessOf(fact, outcome);
  const group = groupLike(uses.groups, like);
  if (uses.recent.length === RECENT) uses.recent.shift();
  uses.recent.push(group);
  return group;
}

function groupLike(groups: Map<string, UseGroup>, like: Likeness): UseGroup {
  const key = textOf(like);
  let group = groups.get(key);
  if (group === undefined) groups.set(key, (group = { like, buckets: new Map() }));
  return group;
}

/** Two distinct instants are both known; a third between them is known only as lying within. */
function widen(known: Span, first: number, last: number, exact: boolean): void {
  known.exact &&= exact && !addsThird(known, first, last);
  if (first < known.first) known.first = first;
  if (last > known.last) known.last = last;
}

function addsThird({ first: a, last: b }: Span, first: number, last: number): boolean {
  if (a === b) return first !== last && first !== a && last !== a;
  return (first !== a && first !== b) || (last !== a && last !== b);
}

function segmentOf(at: number, borders: Borders): number {
  let segment = 0;
  while (segment < borders.length && borders[segment]! <= at) segment++;
  return segment;
}

export function mergeUses(into: Uses, from: Uses): void {
  for (const [text, { like, buckets }] of from.groups) {
    let ours = into.groups.get(text);
    if (ours === undefined) into.groups.set(text, (ours = { like, buckets: new Map() }));
    for (const [key, span] of buckets) putSpan(ours.buckets, key, span);
  }
  into.latest = Math.max(into.latest, from.latest);
}

function putSpan(buckets: Map<number, Span>, key: number, span: Span): void {
  const known = buckets.get(key);
  if (known === undefined) buckets.set(key, { ...span });
  else widen(known, span.first, span.last, span.exact);
}

const UNITS = ['minute', 'hour', 'day'] as const;
type Unit = (typeof UNITS)[number];
/** More than the minutes on either side of 1970 that a time may lie in. */
const NUMBERS = 2 ** 33;

/** One number for a bucket: its unit, which one of them since 1970, and its segment between borders. */
function bucketKey(unit: Unit, number: number, segment: number): number {
  return (segment * UNITS.length + UNITS.indexOf(unit)) * NUMBERS + number + NUMBERS / 2;
}

/**
 * Coarsens old buckets. The rule looks at a bucket's own number and at `latest` alone, so that coarsening before or
 * after a merge gives the same; a bucket cut by a border keeps its segment.
 */
export function coarsen(uses: Uses): Uses {
  if (!hasOld(uses)) return uses;
  const out: Uses = { groups: new Map(), latest: uses.latest, recent: [] };
  for (const [text, { like, buckets }] of uses.groups) {
    const coarse = new Map<number, Span>();
    for (const [key, span] of buckets) putSpan(coarse, coarseKey(key, uses.latest), span);
    out.groups.set(text, { like, buckets: coarse });
  }
  return out;
}

function hasOld({ groups, latest }: Uses): boolean {
  for (const { buckets } of groups.values())
    for (const { first } of buckets.values()) if (first < latest - HOURLY_AFTER) return true;
  return false;
}

function coarseKey(key: number, latest: number): number {
  const prefix = Math.floor(key / NUMBERS);
  const segment = Math.floor(prefix / UNITS.length);
  let unit = UNITS[prefix % UNITS.length]!;
  let number = key - prefix * NUMBERS - NUMBERS / 2;
  if (unit === 'minute' && (number + 1) * MINUTE <= latest - HOURLY_AFTER) {
    unit = 'hour';
    number = Math.floor((number * MINUTE) / HOUR);
  }
  if (unit === 'hour' && (number + 1) * HOUR <= latest - DAILY_AFTER) {
    unit = 'day';
    number = Math.floor((number * HOUR) / DAY);
  }
  return bucketKey(unit, number, segment);
}

/** Whether some bucket holds more than one instant: only such a one can straddle a border. */
export function hasSpans({ groups }: Uses): boolean {
  for (const { buckets } of groups.values())
    for (const { first, last } of buckets.values()) if (first !== last) return true;
  return false;
}

/** Whether some bucket straddles a border; such buckets' facts must be read again with it as a border. */
export function straddles({ groups }: Uses, borders: Borders): boolean {
  for (const { buckets } of groups.values()) {
    for (const { first, last } of buckets.values()) {
      if (first === last) continue;
      for (const border of borders) if (first < border && border <= last) return true;
    }
  }
  return false;
}
