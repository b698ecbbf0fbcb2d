import type { Expiry } from './expiry.js';
import { rankOf, type ResolvedFact } from './resolve.js';
import type { Authority } from './settings.js';

/** The attributes of MODEL §5.2; each value is kept as its JSON text, so that equality is of bytes. */
export const ATTRIBUTES = [
  'issuer',
  'jti',
  'iat',
  'subject',
  'client',
  'consumer',
  'credential',
  'kidName',
  'kid',
  'alg',
  'typ',
  'audiences',
  'scopes',
  'cnf',
  'parent',
  'subjectToken',
  'subjectFamily',
  'actorDepth',
  'issuanceVersion',
  'expiry',
  'exp',
  'kind',
  'form',
  'claims',
] as const;
export type Attribute = (typeof ATTRIBUTES)[number];

/** Values that may differ between lines without contradicting each other: they describe the line, not the token. */
const DESCRIPTIVE: ReadonlySet<Attribute> = new Set([
  'claims',
  'form',
  'kind',
  'jti',
  'issuer',
  'actorDepth',
  // Its difference is that of the expiries.
  'exp',
]);
/** A set is one value: its order and repeats say nothing. */
const SETS: ReadonlySet<Attribute> = new Set(['scopes', 'claims']);

const KEPT = 8;

export interface AttributeValue {
  json: string;
  authority: Authority;
}
/** Values of one attribute, best first: highest authority, then smallest bytes; at most 8, then `overflow`. */
export interface AttributeValues {
  values: AttributeValue[];
  overflow: boolean;
  /** What was put last: most lines repeat it, and need not be serialised again. No part of the state. */
  recent?: { value: unknown; authority: Authority };
}
export type Attributes = Map<Attribute, AttributeValues>;

/** Adds what a fact says of its token's attributes; facts without authority say nothing. */
export function absorbAttributes(into: Attributes, fact: ResolvedFact): void {
  const { data, names, kind, authority } = fact;
  if (authority === 'claimed') return;
  put(into, 'subject', names.sub, authority);
  put(into, 'consumer', names.con, authority);
  put(into, 'credential', names.cred, authority);
  put(into, 'kidName', names.kid, authority);
  put(into, 'client', isPresentation(fact) && data['verified'] !== true ? undefined : names.cli, authority);
  put(into, 'kind', data['kind'], authority);
  put(into, 'form', data['form'], authority);
  if (kind === 'token.issued') put(into, 'issuanceVersion', fact.version, authority);
  // Claims that the line itself calls unverified never name, end or extend anything (MODEL §1.2).
  if (data['verified'] === false) return;
  for (const attribute of CLAIMED) {
    const value = data[attribute];
    if (value !== undefined) put(into, attribute, value, authority);
  }
  if (kind !== 'token.renewed' && !fact.conflicting) put(into, 'expiry', data['expiry'], authority);
  const exp = expClaimOf(data['expiry'] as Expiry | undefined);
  if (exp !== undefined) put(into, 'exp', exp, authority);
}

/** The `exp` claim itself, where the line shows it: another line may state the expiry as an instant with more authority. */
function expClaimOf(expiry: Expiry | undefined): number | string | undefined {
  if (expiry === undefined || expiry.unit === 'iso' || expiry.unit === 'duration-s' || expiry.unit === 'none')
    return undefined;
  return expiry.raw ?? undefined;
}

const CLAIMED = [
  'issuer',
  'jti',
  'iat',
  'kid',
  'alg',
  'typ',
  'audiences',
  'scopes',
  'cnf',
  'parent',
  'subjectToken',
  'subjectFamily',
  'actorDepth',
  'claims',
] as const;

/** The client of a presentation that shows no verified claims is who presented it, not whom it was issued to. */
export function isPresentation({ kind }: ResolvedFact): boolean {
  return kind === 'token.validated' || kind === 'token.rejected' || kind === 'token.observed';
}

function put(into: Attributes, attribute: Attribute, value: unknown, authority: Authority): void {
  if (value === undefined || value === null) return;
  const ours = into.get(attribute);
  if (ours === undefined) {
    const json = jsonOf(attribute, value);
    into.set(attribute, { values: [{ json, authority }], overflow: false, recent: { value, authority } });
    return;
  }
  const { recent } = ours;
  if (recent !== undefined && recent.authority === authority && isSame(recent.value, value)) return;
  addValue(attribute, ours, jsonOf(attribute, value), authority);
  ours.recent = { value, authority };
}

function jsonOf(attribute: Attribute, value: unknown): string {
  if (attribute === 'expiry') return expiryText(value as Expiry);
  if (SETS.has(attribute) && Array.isArray(value)) return JSON.stringify([...new Set(value as string[])].sort());
  if (typeof value !== 'object') return JSON.stringify(value);
  const sorted = Object.entries(value as object).sort(([a], [b]) => (a < b ? -1 : 1));
  const canonical = sorted.map(([key, inner]: [string, unknown]) => [
    key,
    key === 'values' && Array.isArray(inner) ? [...new Set(inner as string[])].sort() : inner,
  ]);
  return JSON.stringify(Object.fromEntries(canonical as [string, unknown][]));
}

/** Whether two parsed JSON values are alike; false where that is not cheap to see. */
function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) if (!isSame(a[i], b[i])) return false;
    return true;
  }
  let keys = 0;
  for (const key in a) {
    keys++;
    if (!isSame((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key])) return false;
  }
  for (const _key in b) keys--;
  return keys === 0;
}

/** Two expiries conflict iff kind or instant differ (MODEL §4.5): those two stand first, the rest is for people. */
export function expiryText({ kind, at, raw, unit, flags }: Expiry): string {
  const shown = at === undefined ? { kind, raw, unit, flags } : { kind, at, raw, unit, flags };
  return JSON.stringify([kind, at ?? null, shown]);
}
export function expiryOfText(json: string): Expiry {
  return (JSON.parse(json) as [string, number | null, Expiry])[2];
}

export function mergeAttributes(into: Attributes, from: Attributes): void {
  for (const [attribute, theirs] of from) {
    const ours = into.get(attribute);
    if (ours === undefined) {
      into.set(attribute, { values: theirs.values.slice(), overflow: theirs.overflow });
      continue;
    }
    if (theirs.overflow) ours.overflow = true;
    for (const value of theirs.values) addValue(attribute, ours, value.json, value.authority);
  }
}

function addValue(name: Attribute, ours: AttributeValues, json: string, authority: Authority): void {
  const same = identityOf(name, json);
  const known = ours.values.find((value) => value.json === json || identityOf(name, value.json) === same);
  if (known !== undefined) {
    if (!better(authority, json, known.authority, known.json)) return;
    ours.values.splice(ours.values.indexOf(known), 1);
  }
  const at = ours.values.findIndex((value) => better(authority, json, value.authority, value.json));
  ours.values.splice(at === -1 ? ours.values.length : at, 0, { json, authority });
  if (ours.values.length > KEPT) {
    ours.values.length = KEPT;
    ours.overflow = true;
  }
}

function better(a: Authority, aJson: string, b: Authority, bJson: string): boolean {
  return rankOf(a) !== rankOf(b) ? rankOf(a) > rankOf(b) : aJson < bJson;
}

/** What makes two values one: the bytes, and for an expiry its kind and instant alone. */
function identityOf(name: Attribute, json: string): string {
  return name === 'expiry' ? json.slice(0, json.indexOf(',{')) : json;
}

/** The value that holds: highest authority, then smallest bytes. */
export function attribute<T>(attributes: Attributes, name: Attribute): T | undefined {
  const best = attributes.get(name)?.values[0];
  return best === undefined ? undefined : (JSON.parse(best.json) as T);
}

export function everyValue<T>(attributes: Attributes, name: Attribute): T[] {
  return (attributes.get(name)?.values ?? []).map((value) => JSON.parse(value.json) as T);
}

/** Attributes that are names: compared as what they are called today (MODEL §1.5). */
const NAMING: ReadonlySet<Attribute> = new Set([
  'subject',
  'client',
  'consumer',
  'credential',
  'kidName',
  'parent',
  'subjectToken',
  'subjectFamily',
]);

/** The attributes with more than one value after renames, sorted. */
export function conflictingAttributes(attributes: Attributes, canonical: (name: string) => string): Attribute[] {
  const out: Attribute[] = [];
  for (const [name, { values, overflow }] of attributes) {
    if (DESCRIPTIVE.has(name) || (values.length < 2 && !overflow)) continue;
    const distinct = NAMING.has(name)
      ? new Set(values.map(({ json }) => canonical(JSON.parse(json) as string))).size
      : values.length;
    if (distinct > 1 || overflow) out.push(name);
  }
  return out.sort();
}

/** A name that holds after renames: of the values with the highest authority the smallest. */
export function namingAttribute(
  attributes: Attributes,
  name: Attribute,
  canonical: (name: string) => string,
): string | undefined {
  const values = attributes.get(name)?.values;
  if (values === undefined) return undefined;
  let best: string | undefined;
  for (const { json, authority } of values) {
    if (rankOf(authority) < rankOf(values[0]!.authority)) break;
    const today = canonical(JSON.parse(json) as string);
    if (best === undefined || today < best) best = today;
  }
  return best;
}
