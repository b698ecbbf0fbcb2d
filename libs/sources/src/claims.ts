import { readEpoch, readExpiryTime, readNaming, type Audiences, type Millis, type Names } from '#lifecycle';
import type { Json, JsonObject, ReadContext } from './adapter.js';
import { MARK } from './credential-shapes.js';
import { isObject, textOf } from './fields.js';

/** Verified claims as names and data of a fact (MODEL §1.2). Never call it on claims that nobody verified. */
export interface ClaimsReading {
  names: Names;
  data: Record<string, unknown>;
  /** For the personal box. */
  subject?: string;
  userName?: string;
  notes: string[];
}
export type ClaimsFault = { field: string; reason: string };

export interface ClaimsShape {
  /** Where a claim stands in the record, for error texts. */
  pathOf(claim: string): string;
  /** True for a token's payload as a whole; false for single claims that an operator chose to log. */
  whole: boolean;
  /** `unknown` where the claims do not show that the token is a JWT, as they were not taken out of one. */
  form?: 'unknown';
  /** The token's header, if the line shows it too. */
  header?: JsonObject | undefined;
}

export const NOT_UNICODE = 'holds a lone surrogate or NUL, and such text cannot name anything';
const MAX_CLAIM_NAMES = 64;

/** The claims that gateways log one by one. */
export const FLAT_CLAIMS = [
  'iss',
  'sub',
  'jti',
  'aud',
  'client_id',
  'iat',
  'nbf',
  'exp',
  'scope',
  'kid',
  'alg',
  'typ',
  'sid',
] as const;

/** The single claims that a line shows; a claim whose field is absent is absent, one with null or "" says nothing. */
export function flatClaims(get: (claim: string) => Json | undefined): JsonObject | undefined {
  let claims: JsonObject | undefined;
  let says = false;
  for (const claim of FLAT_CLAIMS) {
    const value = get(claim);
    if (value === undefined) continue;
    (claims ??= {})[claim] = value;
    says ||= value !== null && value !== '' && value !== '-';
  }
  return says ? claims : undefined;
}

export function readClaims(claims: JsonObject, shape: ClaimsShape, context: ReadContext): ClaimsReading | ClaimsFault {
  const { profile, name } = context;
  const notes: string[] = [];
  const names: Names = {};
  const data: Record<string, unknown> = shape.form === 'unknown' ? { verified: true } : { form: 'jwt', verified: true };
  let fault: ClaimsFault | undefined;
  const naming = (claim: string, value: Json | undefined): string | undefined => {
    const reading = readNaming(value);
    if ('text' in reading && reading.text.includes(MARK)) {
      // A credential stood there: what is left would join strangers.
      notes.push(`${claim}:redacted`);
      return undefined;
    }
    if ('text' in reading) {
      if (reading.flag !== undefined) notes.push(`${claim}:${reading.flag}`);
      return reading.text;
    }
    if (reading.reason === 'not-unicode') fault ??= { field: shape.pathOf(claim), reason: NOT_UNICODE };
    else if (reading.reason === 'not-a-name') notes.push(`${claim}:not-a-name`);
    return undefined;
  };

  const spelled = naming('iss', claims['iss']);
  // A profile may name the issuer of lines that show none, under the empty key.
  const key = spelled ?? '';
  const issuer = Object.hasOwn(profile.issuers, key) ? profile.issuers[key] : spelled;
  const jti = naming('jti', claims['jti']);
  const subject = naming('sub', claims['sub']);
  const clientClaim = claims['client_id'] !== undefined ? 'client_id' : claims['azp'] !== undefined ? 'azp' : 'cid';
  const client = naming(clientClaim, claims[clientClaim]);
  const kid = naming('kid', shape.header?.['kid'] ?? (shape.whole ? undefined : claims['kid']));
  const session = naming('sid', claims['sid']);
  if (fault) return fault;

  if (issuer !== undefined) {
    data['issuer'] = issuer;
    const jtis = context.jtisOf?.(issuer) ?? profile.jti;
    if (jti !== undefined && jtis === 'unique') names.jti = name('jti', issuer, jti);
    if (subject !== undefined) names.sub = name('sub', issuer, subject);
    if (client !== undefined) names.cli = name('cli', issuer, client);
    if (kid !== undefined) names.kid = name('kid', issuer, kid);
    if (session !== undefined) names.ses = name('ses', issuer, session);
  } else if (jti !== undefined || subject !== undefined) notes.push('iss:absent');
  if (jti !== undefined) data['jti'] = jti;
  if (kid !== undefined) data['kid'] = kid;
  readTimes(claims, shape, context, data, notes);
  readLists(claims, shape, data, notes);
  const typ = textOf(shape.header?.['typ']) ?? textOf(claims['typ']);
  const alg = textOf(shape.header?.['alg']) ?? (shape.whole ? undefined : textOf(claims['alg']));
  if (typ !== undefined) data['typ'] = typ;
  if (alg !== undefined) data['alg'] = alg;
  const kind = kindOfTyp(typ);
  if (kind !== undefined) data['kind'] = kind;
  if (isObject(claims['cnf'])) {
    const [jkt, x5t] = [textOf(claims['cnf']['jkt']), textOf(claims['cnf']['x5t#S256'])];
    data['cnf'] = { ...(jkt !== undefined && { jkt }), ...(x5t !== undefined && { x5t }) };
  }
  const depth = actorDepth(claims['act']);
  if (depth > 0) data['actorDepth'] = depth;
  // Only a whole payload shows which claims a token lacks.
  if (shape.whole) data['claims'] = Object.keys(claims).sort().slice(0, MAX_CLAIM_NAMES);
  const reading: ClaimsReading = { names, data, notes };
  if (subject !== undefined) reading.subject = subject;
  const userName = claims['preferred_username'] ?? claims['name'];
  if (typeof userName === 'string' && userName !== '') reading.userName = userName;
  return reading;
}

function readTimes(
  claims: JsonObject,
  shape: ClaimsShape,
  { profile }: ReadContext,
  data: Record<string, unknown>,
  notes: string[],
): void {
  const epoch = (claim: 'iat' | 'nbf'): Millis | undefined => {
    const value = claims[claim];
    if (value === undefined || value === null || value === '' || value === '-') return undefined;
    const reading =
      typeof value === 'number' || typeof value === 'string' ? readEpoch(value, profile.expUnit) : undefined;
    if (!reading) notes.push(`${claim}:implausible`);
    else if (reading.suspect) notes.push(`${claim}:unit-suspect`);
    return reading?.at;
  };
  const iat = epoch('iat');
  const nbf = epoch('nbf');
  if (iat !== undefined) data['iat'] = iat;
  if (nbf !== undefined) data['nbf'] = nbf;
  const exp = claims['exp'] === '-' ? '' : claims['exp'];
  // An operator who logs no exp has not said that there is none: only a payload, or its iat beside it, says so.
  if (exp === undefined && !shape.whole && iat === undefined) return;
  const others = Object.keys(claims).some((claim) => claim !== 'exp' && textOrMore(claims[claim]));
  data['expiry'] = readExpiryTime(exp, profile.expUnit, others, iat);
}

const textOrMore = (value: Json | undefined) => value !== undefined && value !== null && value !== '' && value !== '-';

function readLists(claims: JsonObject, shape: ClaimsShape, data: Record<string, unknown>, notes: string[]): void {
  if (claims['aud'] !== undefined || shape.whole) {
    const audiences = readAudiences(claims['aud'], !shape.whole);
    data['audiences'] = audiences;
    if (audiences.kind === 'invalid') notes.push('audience:invalid');
  }
  const scopes = readScopes(claims['scope'] ?? claims['scp']);
  if (scopes !== undefined) data['scopes'] = scopes;
}

/**
 * Audiences are a set: "x" and ["x"] are equal, order and repeats do not matter; "", [] and null are none. Anything
 * else is invalid, kept raw and never coerced.
 * @param flattened whether the source writes lists as JSON text.
 */
export function readAudiences(value: Json | undefined, flattened = false): Audiences {
  if (value === undefined || value === null || value === '' || value === '-') return { kind: 'none' };
  if (typeof value === 'string') {
    const list = flattened && value.startsWith('[') ? listOf(value) : undefined;
    if (!list) return { kind: 'set', values: [value] };
    // Such text may be nested deeper than it could be written again.
    const plain = list.every((item) => typeof item === 'string');
    return plain ? readAudiences(list) : { kind: 'invalid', raw: value.slice(0, 64) };
  }
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) {
    return { kind: 'invalid', raw: JSON.stringify(value).slice(0, 64) };
  }
  const values = [...new Set(value as string[])].filter((item) => item !== '').sort();
  return values.length === 0 ? { kind: 'none' } : { kind: 'set', values };
}

/** Scopes as a sorted set, from a list or a text with blanks (RFC 6749 §3.3). */
export function readScopes(value: Json | undefined): string[] | undefined {
  if (value === undefined || value === null || value === '-') return undefined;
  const list = Array.isArray(value)
    ? value
    : typeof value === 'string'
      ? (listOf(value) ?? value.split(/\s+/))
      : undefined;
  if (!list) return undefined;
  return [...new Set(list.filter((scope): scope is string => typeof scope === 'string' && scope !== ''))].sort();
}

function listOf(text: string): Json[] | undefined {
  if (!text.startsWith('[')) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? (value as Json[]) : undefined;
  } catch {
    return undefined;
  }
}

/** RFC 9068, OpenID Back-Channel Logout, and the payload `typ` of Keycloak. */
function kindOfTyp(typ: string | undefined): 'access' | 'refresh' | 'id' | 'logout' | undefined {
  switch (typ?.toLowerCase().replace(/^application\//, '')) {
    case 'at+jwt':
    case 'bearer':
      return 'access';
    case 'refresh':
    case 'offline':
      return 'refresh';
    case 'id':
      return 'id';
    case 'logout+jwt':
    case 'logout':
      return 'logout';
    default:
      return undefined;
  }
}

/** How many actors stand in a chain (RFC 8693 §4.1), counted up to 32. */
function actorDepth(act: Json | undefined): number {
  let depth = 0;
  for (let actor = act; isObject(actor) && depth < 32; actor = actor['act']) depth++;
  return depth;
}
