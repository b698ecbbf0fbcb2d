import { digestOf } from '../naming.js';
import { claimNames, isObject, pickClaims, pickHeader } from './claims.js';
import type { EventInput, TokenRef } from './inputs.js';
import { isRedacted, without, withoutTokens } from './redaction.js';
import { METHODS, type Method } from './vocabulary.js';

/** A token as it waits in memory: no raw token or key is in it. */
export interface Ref {
  /** Lower-case hex. */
  sha256?: string;
  /** Whether that is the digest of an API key, which may be weak. */
  isKey?: boolean;
  credential?: { system: string; id: string };
  issuer?: string;
  jti?: string;
}

/** One event on its way: taken out of the caller's hands, and not yet named or written. */
export interface Draft {
  method: Method;
  id: string;
  /** ms */
  at: number;
  about: Ref;
  refs: Record<string, Ref>;
  fields: Record<string, unknown>;
  /** About how many bytes of memory it holds. */
  weight: number;
}

const BASE_WEIGHT = 512;
/** Objects that an event may carry whole are small; more is no event. */
const MOST_WEIGHT = 65_536;

const RENAMED = new Map([
  ['clientIp', 'client_ip'],
  ['userAgent', 'user_agent'],
  ['count', 'lost'],
]);
type Copy = 'plain' | 'list' | 'object' | 'deep' | 'ref' | 'claims' | 'header';
/** What an event may say. A field that is not here is not told, whatever an untyped caller puts into it. */
const FIELDS = new Map<string, Copy>([
  // Written under the names that the intake reads.
  ...[...RENAMED.keys()].map((field): [string, Copy] => [field, 'plain']),
  ...`subject client session kid grant iat nbf exp typ alg kind form offline verified version gateway region api status
  upstreamStatus reason scheme shadow anonymous grantType unconfirmed cause reasonId subjectGrant
  cutoff tokenKind symmetric distrusted component artifact cohort weight sticky from to closed watermark`
    .split(/\s+/)
    .map((field): [string, Copy] => [field, 'plain']),
  ['aud', 'list'],
  ['scope', 'list'],
  ['lineage', 'list'],
  ['consumer', 'object'],
  ['proof', 'object'],
  ['contract', 'deep'],
  ['parent', 'ref'],
  ['successor', 'ref'],
  ['subjectToken', 'ref'],
  ['actorToken', 'ref'],
  ['claims', 'claims'],
  ['header', 'header'],
]);

/** @throws RangeError for an event that is too large; whatever else a getter of the caller throws. */
export function draftOf(method: Method, input: EventInput, id: string, now: number): Draft {
  const draft: Draft = { method, id: input.id ?? id, at: input.at ?? now, about: {}, refs: {}, fields: {}, weight: 0 };
  const { fields, refs } = draft;
  const aboutToken = METHODS[method].startsWith('token.');
  for (const key in input) {
    const value: unknown = input[key as keyof EventInput];
    if (value === undefined || value === null) continue;
    const copy = FIELDS.get(key);
    if (copy === 'plain') {
      if (typeof value !== 'object' && typeof value !== 'function') fields[RENAMED.get(key) ?? key] = value;
    } else if (copy !== undefined) copyInto(draft, key, value, copy);
    else if (key === 'token' && !aboutToken && isObject(value)) refs['token'] = refOf(value);
    else if (key === 'issuer' && !aboutToken && typeof value === 'string') fields['issuer'] = value;
  }
  if (aboutToken) {
    const ref = input as TokenRef;
    const raw = typeof ref.token === 'string' && ref.token !== '' ? ref.token : ref.apiKey;
    draft.about = refOf(ref);
    if (typeof raw === 'string') without(fields, raw);
  }
  draft.weight = BASE_WEIGHT + weightOf(fields) + weightOf(draft.about) + weightOf(refs);
  if (draft.weight > MOST_WEIGHT) throw new RangeError('the event is too large');
  return draft;
}

function copyInto(draft: Draft, key: string, value: unknown, copy: Copy): void {
  const { fields, refs } = draft;
  if (copy === 'list') {
    if (typeof value === 'string') fields[key] = value;
    else if (Array.isArray(value)) fields[key] = value.filter((item) => typeof item === 'string');
  } else if (copy === 'object' && typeof value === 'string') fields[key] = value;
  else if (!isObject(value)) return;
  else if (copy === 'object') fields[key] = { ...value };
  else if (copy === 'deep') fields[key] = JSON.parse(JSON.stringify(value));
  else if (copy === 'ref') refs[key] = refOf(value);
  else if (copy === 'header') fields['header'] = pickHeader(value);
  else {
    fields['payload'] = pickClaims(value);
    fields['claims'] = claimNames(value);
  }
}

/** Hashes what is raw; nothing of it goes on from here. */
function refOf(input: TokenRef): Ref {
  const ref: Ref = {};
  const { token, tokenSha256, apiKey, credential, issuer, jti } = input;
  if (typeof token === 'string' && token !== '') ref.sha256 = digestOf(token);
  else if (typeof tokenSha256 === 'string' && /^[0-9a-fA-F]{64}$/.test(tokenSha256)) {
    ref.sha256 = tokenSha256.toLowerCase();
  } else if (typeof apiKey === 'string' && apiKey !== '') {
    ref.sha256 = digestOf(apiKey);
    ref.isKey = true;
  }
  // Some issuers and systems use the token itself as its id: then there is no id that could be told.
  const raw = token ?? apiKey ?? '';
  const isId = (text: unknown): text is string =>
    typeof text === 'string' && text !== '' && !isRedacted(withoutTokens(without(text, raw)));
  if (isObject(credential) && isId(credential.system) && isId(credential.id)) {
    ref.credential = { system: credential.system, id: credential.id };
  }
  if (isId(issuer)) ref.issuer = issuer;
  if (isId(jti)) ref.jti = jti;
  return ref;
}

/** Two bytes a character, and what an object costs. */
function weightOf(value: unknown): number {
  if (typeof value === 'string') return 2 * value.length + 16;
  if (typeof value !== 'object' || value === null) return 8;
  let sum = 32;
  for (const key in value) sum += 16 + weightOf(value[key as keyof typeof value]);
  return sum;
}
