import type { Expiry } from './expiry.js';
import type { ResolvedFact } from './resolve.js';
import { rankOf } from './resolve.js';
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
  'issuanceVersion',
]);

const KEPT = 8;

/** Values of one attribute, best first: highest authority, then smallest bytes; at most 8, then `overflow`. */
export interface AttributeValues {
  values: { json: string; authority: Authority }[];
  overflow: boolean;
}
export type Attributes = Map<Attribute, AttributeValues>;

/** What one fact says of its token's attributes; facts without authority say nothing. */
export function attributesOf(fact: ResolvedFact): Attributes {
  const out: Attributes = new Map();
  if (fact.authority === 'claimed') return out;
  const { data, names } = fact;
  const put = (attribute: Attribute, value: unknown): void => {
    if (value === undefined || value === null) return;
    const json = attribute === 'expiry' ? expiryText(value as Expiry) : JSON.stringify(value);
    out.set(attribute, { values: [{ json, authority: fact.authority }], overflow: false });
  };
  put('issuer', data['issuer']);
  put('jti', data['jti']);
  put('iat', data['iat']);
  put('subject', names.sub);
  put('client', fact.kind === 'token.validated' || fact.kind === 'token.rejected' ? clientOfUse(fact) : names.cli);
  put('consumer', names.con);
  put('credential', names.cred);
  put('kidName', names.kid);
  put('kid', data['kid']);
  put('alg', data['alg']);
  put('typ', data['typ']);
  put('audiences', data['audiences']);
  put('scopes', data['scopes']);
  put('cnf', data['cnf']);
  put('parent', data['parent']);
  put('subjectToken', data['subjectToken']);
  put('subjectFamily', data['subjectFamily']);
  put('actorDepth', data['actorDepth']);
  put('kind', data['kind']);
  put('form', data['form']);
  put('claims', data['claims']);
  if (fact.kind === 'token.issued') put('issuanceVersion', fact.version);
  if (fact.kind !== 'token.renewed' && !fact.conflicting) put('expiry', data['expiry']);
  return out;
}

/** The client of a refused presentation is who presented it, not whom the token was issued to. */
function clientOfUse(fact: ResolvedFact): string | undefined {
  return fact.data['verified'] === true ? fact.names.cli : undefined;
}

/** Two expiries conflict iff kind or instant differ (MODEL §4.5): those two stand first, the rest is for people. */
export function expiryText(expiry: Expiry): string {
  return JSON.stringify([expiry.kind, expiry.at ?? null, expiry]);
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

export function attribute<T>(attributes: Attributes, name: Attribute): T | undefined {
  const best = attributes.get(name)?.values[0];
  return best === undefined ? undefined : (JSON.parse(best.json) as T);
}

export function everyValue<T>(attributes: Attributes, name: Attribute): T[] {
  return (attributes.get(name)?.values ?? []).map((value) => JSON.parse(value.json) as T);
}

/** The attributes with more than one value, sorted. */
export function conflictingAttributes(attributes: Attributes): Attribute[] {
  const out: Attribute[] = [];
  for (const [name, { values, overflow }] of attributes) {
    if (DESCRIPTIVE.has(name)) continue;
    if (values.length > 1 || overflow) out.push(name);
  }
  return out.sort();
}

/** What makes two values one: the bytes, and for an expiry its kind and instant alone. */
function identityOf(name: Attribute, json: string): string {
  return name === 'expiry' ? json.slice(0, json.indexOf(',{')) : json;
}
