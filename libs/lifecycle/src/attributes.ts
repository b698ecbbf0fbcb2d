import type { Expiry } from './expiry.js';
import type { Audiences } from './observations.js';
import { rankOf, type ResolvedFact } from './resolve.js';
import type { Authority } from './settings.js';

/** The attributes of MODEL §5.2; values are equal iff their JSON bytes are. */
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
const KEPT = 8;

/** One value, in its one form; its text is made only where two values meet. */
export class AttributeValue {
  private text: string | undefined;

  constructor(
    readonly attribute: Attribute,
    readonly value: unknown,
    readonly authority: Authority,
  ) {}

  get json(): string {
    return (this.text ??= this.attribute === 'expiry' ? expiryText(this.value as Expiry) : JSON.stringify(this.value));
  }
}

/** Values of one attribute, best first: highest authority, then smallest bytes; at most 8, then `overflow`. */
export interface AttributeValues {
  values: AttributeValue[];
  overflow: boolean;
  /** What was put last: most lines repeat it. No part of the state. */
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
export function expClaimOf(expiry: Expiry | undefined): number | string | undefined {
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
export function isPresentation({ kind }: Pick<ResolvedFact, 'kind'>): boolean {
  return kind === 'token.validated' || kind === 'token.rejected' || kind === 'token.observed';
}

function put(into: Attributes, attribute: Attribute, value: unknown, authority: Authority): void {
  if (value === undefined || value === null) return;
  const ours = into.get(attribute);
  if (ours === undefined) {
    const first = new AttributeValue(attribute, oneForm(attribute, value), authority);
    into.set(attribute, { values: [first], overflow: false, recent: { value, authority } });
    return;
  }
  const { recent } = ours;
  if (recent !== undefined && recent.authority === authority && isSame(recent.value, value)) return;
  addValue(ours, new AttributeValue(attribute, oneForm(attribute, value), authority));
  ours.recent = { value, authority };
}

/** The same value always in the same form: sets sorted and without repeats, fields in a fixed order. */
function oneForm(attribute: Attribute, value: unknown): unknown {
  if (typeof value !== 'object') return value;
  switch (attribute) {
    case 'scopes':
    case 'claims':
      return sortedSet(value as string[]);
    case 'audiences': {
      const { kind, values, raw } = value as Audiences;
      return { kind, ...(values !== undefined && { values: sortedSet(values) }), ...(raw !== undefined && { raw }) };
    }
    case 'cnf': {
      const { jkt, x5t } = value as { jkt?: string; x5t?: string };
      return { ...(jkt !== undefined && { jkt }), ...(x5t !== undefined && { x5t }) };
    }
    case 'expiry': {
      const { kind, at, raw, unit, flags } = value as Expiry;
      return at === undefined ? { kind, raw, unit, flags } : { kind, at, raw, unit, flags };
    }
    default:
      return value;
  }
}

/** The text by which two values of an attribute are told apart. */
export function attributeText(attribute: Attribute, value: unknown): string {
  return new AttributeValue(attribute, oneForm(attribute, value), 'claimed').json;
}

function sortedSet(values: string[]): string[] {
  for (let i = 1; i < values.length; i++) if (values[i - 1]! >= values[i]!) return [...new Set(values)].sort();
  return values;
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
  return JSON.stringify([kind, at ?? null, { raw, unit, flags }]);
}

export function mergeAttributes(into: Attributes, from: Attributes): void {
  for (const [attribute, theirs] of from) {
    const ours = into.get(attribute);
    if (ours === undefined) {
      into.set(attribute, { values: theirs.values.slice(), overflow: theirs.overflow });
      continue;
    }
    if (theirs.overflow) ours.overflow = true;
    for (const value of theirs.values) addValue(ours, value);
  }
}

function addValue(ours: AttributeValues, value: AttributeValue): void {
  const same = identityOf(value);
  const known = ours.values.findIndex((each) => identityOf(each) === same);
  if (known !== -1) {
    if (!isBetter(value, ours.values[known]!)) return;
    ours.values.splice(known, 1);
  }
  const at = ours.values.findIndex((each) => isBetter(value, each));
  ours.values.splice(at === -1 ? ours.values.length : at, 0, value);
  if (ours.values.length > KEPT) {
    ours.values.length = KEPT;
    ours.overflow = true;
  }
}

function isBetter(a: AttributeValue, b: AttributeValue): boolean {
  const [x, y] = [rankOf(a.authority), rankOf(b.authority)];
  return x !== y ? x > y : a.json < b.json;
}

/** What makes two values one: the bytes, and for an expiry its kind and instant alone. */
function identityOf({ attribute, json }: AttributeValue): string {
  return attribute === 'expiry' ? json.slice(0, json.indexOf(',{')) : json;
}

/** The value that holds: highest authority, then smallest bytes. */
export function attribute<T>(attributes: Attributes, name: Attribute): T | undefined {
  return attributes.get(name)?.values[0]?.value as T | undefined;
}

export function everyValue<T>(attributes: Attributes, name: Attribute): T[] {
  return (attributes.get(name)?.values ?? []).map(({ value }) => value as T);
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
      ? new Set(values.map(({ value }) => canonical(value as string))).size
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
  for (const { value, authority } of values) {
    if (rankOf(authority) < rankOf(values[0]!.authority)) break;
    const today = canonical(value as string);
    if (best === undefined || today < best) best = today;
  }
  return best;
}
