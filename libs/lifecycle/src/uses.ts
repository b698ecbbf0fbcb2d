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
  /** The buckets that facts fell into last: most lines repeat one. No part of the state. */
  recent: { use: Use; minute: number; segment: number }[];
}

export function noUses(): Uses {
  return { entries: new Map(), latest: -Infinity, recent: [] };
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

const RECENT = 4;

/** Adds the use of a fact; `borders` split buckets, so that first and last are exact on each side of a border. */
export function addUse(uses: Uses, fact: ResolvedFact, outcome: Outcome, borders: Borders = []): void {
  const { data } = fact;
  const first = typeof data['firstAt'] === 'number' ? data['firstAt'] : fact.time;
  const last = typeof data['lastAt'] === 'number' ? data['lastAt'] : fact.time;
  if (!fact.future && last > uses.latest) uses.latest = last;
  const exact = first === last || data['count'] === 2;
  const minute = Math.floor(first / MINUTE);
  const segment = borders.length === 0 ? 0 : segmentOf(first, borders);
  for (const recent of uses.recent) {
    if (recent.minute !== minute || recent.segment !== segment || !isAlike(recent.use, fact, outcome)) continue;
    widen(recent.use, first, last, exact);
    return;
  }
  const use = useOf(fact, outcome, first, last, exact);
  const key = `${likenessOf(use)}\tm${minute}\t${segment}`;
  const kept = put(uses.entries, key, use);
  if (uses.recent.length === RECENT) uses.recent.shift();
  uses.recent.push({ use: kept, minute, segment });
}

/** Whether a fact's use differs from a known one in time alone. Mirrors `useOf`; `likenessOf` says the same in text. */
function isAlike(use: Use, fact: ResolvedFact, outcome: Outcome): boolean {
  const { data, names } = fact;
  const proof = data['proof'] as Use['proof'];
  return (
    use.gateway === fact.gateway &&
    use.version === fact.version &&
    use.net === names.net &&
    use.status === data['status'] &&
    use.outcome === outcome &&
    use.source === fact.source &&
    use.agent === data['agent'] &&
    use.reason === data['reason'] &&
    use.class === data['class'] &&
    use.client === names.cli &&
    use.region === fact.region &&
    use.scheme === data['scheme'] &&
    use.kind === data['kind'] &&
    use.typ === data['typ'] &&
    use.via === viaOf(fact.kind) &&
    use.country === countryOf(data) &&
    (use.shadow ?? false) === (data['shadow'] === true) &&
    (use.future ?? false) === fact.future &&
    (use.proof === undefined) === (proof === undefined) &&
    (proof === undefined ||
      (use.proof!.present === (proof.present ?? true) && use.proof!.jkt === proof.jkt && use.proof!.x5t === proof.x5t))
  );
}

function likenessOf(use: Use): string {
  const { proof } = use;
  return [
    use.outcome,
    use.via,
    use.source,
    use.gateway,
    use.region,
    use.version,
    use.reason,
    use.class,
    use.status,
    use.net,
    use.agent,
    use.client,
    use.country,
    proof === undefined ? '' : `${proof.present} ${proof.jkt} ${proof.x5t}`,
    use.scheme,
    use.kind,
    use.typ,
    `${use.shadow === true ? 's' : ''}${use.future === true ? 'f' : ''}`,
  ].join('\t');
}

function viaOf(kind: ResolvedFact['kind']): string {
  return VIA.get(kind) ?? '';
}
const VIA = new Map<string | undefined, string>(
  Object.keys(OUTCOMES).map((kind) => [kind, kind.slice('token.'.length)]),
);

function countryOf(data: Record<string, unknown>): string | undefined {
  return (data['geo'] as { country?: string } | undefined)?.country;
}

function useOf(fact: ResolvedFact, outcome: Outcome, first: number, last: number, exact: boolean): Use {
  const { data, names } = fact;
  const proof = data['proof'] as (Use['proof'] & object) | undefined;
  const use: Use = { outcome, via: viaOf(fact.kind), source: fact.source, first, last, exact };
  if (fact.gateway !== undefined) use.gateway = fact.gateway;
  if (fact.region !== undefined) use.region = fact.region;
  if (fact.version !== undefined) use.version = fact.version;
  if (data['reason'] !== undefined) use.reason = data['reason'] as RefusalReason;
  if (data['class'] !== undefined) use.class = data['class'] as 'who' | 'may';
  if (data['status'] !== undefined) use.status = data['status'] as number;
  if (names.net !== undefined) use.net = names.net;
  if (data['agent'] !== undefined) use.agent = data['agent'] as string;
  if (names.cli !== undefined) use.client = names.cli;
  const country = countryOf(data);
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

/** Puts a use into its bucket; gives the one that is kept. */
function put(entries: Map<string, Use>, key: string, use: Use): Use {
  const known = entries.get(key);
  if (known === undefined) {
    entries.set(key, use);
    return use;
  }
  widen(known, use.first, use.last, use.exact);
  return known;
}

/** Two distinct instants are both known; a third between them is known only as lying within. */
function widen(known: Use, first: number, last: number, exact: boolean): void {
  known.exact &&= exact && !addsThird(known, first, last);
  if (first < known.first) known.first = first;
  if (last > known.last) known.last = last;
}

function addsThird({ first: a, last: b }: Use, first: number, last: number): boolean {
  if (a === b) return first !== last && first !== a && last !== a;
  return (first !== a && first !== b) || (last !== a && last !== b);
}

function segmentOf(at: number, borders: Borders): number {
  let segment = 0;
  while (segment < borders.length && borders[segment]! <= at) segment++;
  return segment;
}

export function mergeUses(into: Uses, from: Uses): void {
  for (const [key, use] of from.entries) put(into.entries, key, { ...use });
  into.latest = Math.max(into.latest, from.latest);
}

/**
 * Coarsens old buckets. The rule looks at a bucket's own number and at `latest` alone, so that coarsening before or
 * after a merge gives the same; a bucket cut by a border keeps its segment.
 */
export function coarsen(uses: Uses): Uses {
  if (!hasOld(uses)) return uses;
  const out: Uses = { entries: new Map(), latest: uses.latest, recent: [] };
  for (const [key, use] of uses.entries) put(out.entries, coarseKey(key, uses.latest), { ...use });
  return out;
}

function hasOld({ entries, latest }: Uses): boolean {
  for (const { first } of entries.values()) if (first < latest - HOURLY_AFTER) return true;
  return false;
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

/** Whether some bucket straddles a border; such buckets' facts must be read again with it as a border. */
export function straddles(uses: Uses, borders: Borders): boolean {
  for (const use of uses.entries.values()) {
    if (use.first === use.last) continue;
    for (const border of borders) if (use.first < border && border <= use.last) return true;
  }
  return false;
}
