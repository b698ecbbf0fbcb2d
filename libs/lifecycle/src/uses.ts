import type { Name } from './names.js';
import type { RefusalReason } from './observations.js';
import type { ResolvedFact } from './resolve.js';
import type { Outcome, Use } from './view.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Buckets older than this before the latest use are kept by the hour, then by the day (MODEL §5.4). */
const HOURLY_AFTER = 48 * HOUR;
const DAILY_AFTER = 60 * DAY;

/** Uses by everything but time, then by bucket. `latest` is the latest use that is not from the future. */
export interface Uses {
  entries: Map<string, Use>;
  latest: number;
}

export function noUses(): Uses {
  return { entries: new Map(), latest: -Infinity };
}

const OUTCOMES: Record<string, Outcome> = {
  'token.validated': 'accepted',
  'token.renewed': 'accepted',
  'token.rotated': 'accepted',
  'token.consumed': 'accepted',
  'token.rejected': 'refused',
  'token.observed': 'observed',
};

/** The use that a fact states, or undefined for facts that are none (issuance, ends). */
export function outcomeOf(fact: ResolvedFact): Outcome | undefined {
  if (fact.kind === undefined) return undefined;
  const outcome = OUTCOMES[fact.kind];
  return outcome === 'accepted' && fact.data['anonymous'] === true ? 'observed' : outcome;
}

/** Times at which an answer turns (an end, an expiry, the cut): no use may be merged across one. Sorted. */
export type Borders = readonly number[];

/** Adds the use of a fact; `borders` split buckets, so that first and last are exact on each side of a border. */
export function addUse(uses: Uses, fact: ResolvedFact, outcome: Outcome, borders: Borders = []): void {
  const { data } = fact;
  const first = typeof data['firstAt'] === 'number' ? data['firstAt'] : fact.time;
  const last = typeof data['lastAt'] === 'number' ? data['lastAt'] : fact.time;
  if (!fact.future && last > uses.latest) uses.latest = last;
  const proof = data['proof'] as Use['proof'] | undefined;
  const geo = data['geo'] as { country?: string } | undefined;
  const likeness = `${outcome}\t${fact.kind}\t${fact.source}\t${fact.gateway ?? ''}\t${fact.region ?? ''}\t${
    fact.version ?? ''
  }\t${(data['reason'] as string | undefined) ?? ''}\t${(data['class'] as string | undefined) ?? ''}\t${
    (data['status'] as number | undefined) ?? ''
  }\t${fact.names.net ?? ''}\t${(data['agent'] as string | undefined) ?? ''}\t${fact.names.cli ?? ''}\t${geo?.country ?? ''}\t${
    proof === undefined ? '' : `${proof.present} ${proof.jkt} ${proof.x5t}`
  }\t${(data['scheme'] as string | undefined) ?? ''}\t${(data['kind'] as string | undefined) ?? ''}\t${
    (data['typ'] as string | undefined) ?? ''
  }\t${data['shadow'] === true ? 's' : ''}${fact.future ? 'f' : ''}`;
  const exact = first === last || data['count'] === 2;
  put(
    uses.entries,
    `${likeness}\t${minuteBucket(first)}\t${segmentOf(first, borders)}`,
    () => useOf(fact, outcome, first, last, exact),
    first,
    last,
    exact,
  );
}

function useOf(fact: ResolvedFact, outcome: Outcome, first: number, last: number, exact: boolean): Use {
  const { data, names } = fact;
  const proof = data['proof'] as (Use['proof'] & object) | undefined;
  const use: Use = { outcome, via: fact.kind!.slice('token.'.length), source: fact.source, first, last, exact };
  if (fact.gateway !== undefined) use.gateway = fact.gateway;
  if (fact.region !== undefined) use.region = fact.region;
  if (fact.version !== undefined) use.version = fact.version;
  if (data['reason'] !== undefined) use.reason = data['reason'] as RefusalReason;
  if (data['class'] !== undefined) use.class = data['class'] as 'who' | 'may';
  if (data['status'] !== undefined) use.status = data['status'] as number;
  if (names.net !== undefined) use.net = names.net;
  if (data['agent'] !== undefined) use.agent = data['agent'] as string;
  if (names.cli !== undefined) use.client = names.cli as Name;
  const country = (data['geo'] as { country?: string } | undefined)?.country;
  if (country !== undefined) use.country = country;
  if (proof !== undefined) {
    use.proof = { present: proof.present ?? true };
    if (proof.jkt !== undefined) use.proof.jkt = proof.jkt;
    if (proof.x5t !== undefined) use.proof.x5t = proof.x5t;
  }
  if (data['scheme'] !== undefined) use.scheme = data['scheme'] as string;
  if (data['kind'] !== undefined) use.kind = data['kind'] as string;
  if (data['typ'] !== undefined) use.typ = data['typ'] as string;
  if (data['shadow'] === true) use.shadow = true;
  if (fact.future) use.future = true;
  return use;
}

function put(
  entries: Map<string, Use>,
  key: string,
  make: () => Use,
  first: number,
  last: number,
  exact: boolean,
): void {
  const known = entries.get(key);
  if (known === undefined) {
    entries.set(key, make());
    return;
  }
  // Two distinct instants are both known; a third between them is known only as lying within.
  const instants = new Set([known.first, known.last, first, last]);
  known.exact = known.exact && exact && instants.size <= 2;
  known.first = Math.min(known.first, first);
  known.last = Math.max(known.last, last);
}

function minuteBucket(at: number): string {
  return `m${Math.floor(at / MINUTE)}`;
}

function segmentOf(at: number, borders: Borders): number {
  let segment = 0;
  while (segment < borders.length && borders[segment]! <= at) segment++;
  return segment;
}

export function mergeUses(into: Uses, from: Uses): void {
  for (const [key, use] of from.entries) put(into.entries, key, () => ({ ...use }), use.first, use.last, use.exact);
  into.latest = Math.max(into.latest, from.latest);
}

/**
 * Coarsens old buckets. The rule looks at a bucket's own number and at `latest` alone, so that coarsening before or
 * after a merge gives the same; a bucket cut by a border keeps its segment.
 */
export function coarsen(uses: Uses): Uses {
  if (uses.latest === -Infinity) return uses;
  const out: Uses = { entries: new Map(), latest: uses.latest };
  for (const [key, use] of uses.entries) {
    put(out.entries, coarseKey(key, uses.latest), () => ({ ...use }), use.first, use.last, use.exact);
  }
  return out;
}

function coarseKey(key: string, latest: number): string {
  const segmentAt = key.lastIndexOf('\t');
  const bucketAt = key.lastIndexOf('\t', segmentAt - 1);
  const bucket = coarseBucket(key.slice(bucketAt + 1, segmentAt), latest);
  return `${key.slice(0, bucketAt + 1)}${bucket}${key.slice(segmentAt)}`;
}

function coarseBucket(bucket: string, latest: number): string {
  let unit = bucket[0]!;
  let number = Number(bucket.slice(1));
  if (unit === 'm' && (number + 1) * MINUTE <= latest - HOURLY_AFTER) {
    unit = 'h';
    number = Math.floor((number * MINUTE) / HOUR);
  }
  if (unit === 'h' && (number + 1) * HOUR <= latest - DAILY_AFTER) {
    unit = 'd';
    number = Math.floor((number * HOUR) / DAY);
  }
  return `${unit}${number}`;
}

/** The first border that some bucket straddles; such buckets' facts must be read again with it as a border. */
export function straddles(uses: Uses, borders: Borders): boolean {
  for (const use of uses.entries.values()) {
    for (const border of borders) if (use.first < border && border <= use.last) return true;
  }
  return false;
}
