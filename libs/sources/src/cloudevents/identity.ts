import { isName, kindOfName, namesSchema, readNaming, type Name, type Names } from '#lifecycle';
import type { Json, JsonObject, Personal, ReadContext } from '../adapter.js';
import { NOT_UNICODE, readClaims, type ClaimsFault, type ClaimsReading } from '../claims.js';
import { isObject, textOf } from '../fields.js';
import { netName, readClientAddress } from '../net.js';
import { displayed, present } from '../parts.js';
import { agentProduct } from '../presenter.js';

/** What the data of an event identifies: names, the fields that stay, and what goes into the personal box. */
export interface Identity {
  names: Names;
  /** The data without identifying fields; those that a token's facts keep (issuer, jti, grant, kid …) are in it. */
  data: Record<string, unknown>;
  personal: Personal;
}
export type IdentityFault = { field: string; reason: string };

/** Plain field → claim; the first of two spellings wins. */
const CLAIMS: Readonly<Record<string, string>> = {
  issuer: 'iss',
  subject: 'sub',
  client: 'client_id',
  session: 'sid',
  iss: 'iss',
  sub: 'sub',
  jti: 'jti',
  client_id: 'client_id',
  azp: 'azp',
  sid: 'sid',
  kid: 'kid',
  aud: 'aud',
  exp: 'exp',
  iat: 'iat',
  nbf: 'nbf',
  scope: 'scope',
  scp: 'scp',
  typ: 'typ',
  alg: 'alg',
  cnf: 'cnf',
  act: 'act',
};
/** Fields that name another token: a ready name, or how to find it. */
const REFERENCES = ['parent', 'successor', 'subjectToken', 'actorToken', 'token'] as const;
const CONSUMED = new Set([
  ...Object.keys(CLAIMS),
  ...REFERENCES,
  ...['names', 'payload', 'header', 'grant', 'credential', 'consumer', 'token_sha256', 'subjectGrant'],
  ...['client_ip', 'user_agent', 'user_name', 'access_token', 'refresh_token', 'id_token', 'api_key'],
]);
/** Where a credential in clear may stand in `data`; the redaction has named it and taken it away. */
const RAW = /^data\.(access_token|refresh_token|id_token|api_key)$/;
const RAW_KINDS: Readonly<Record<string, string>> = { refresh_token: 'refresh', id_token: 'id', api_key: 'apiKey' };

export function readIdentity(data: JsonObject, subject: unknown, context: ReadContext): Identity | IdentityFault {
  const names: Names = {};
  const kept: Record<string, unknown> = Object.fromEntries(Object.entries(data).filter(([key]) => !CONSUMED.has(key)));
  const claims = claimsOf(data, context);
  if ('field' in claims) return claims;
  Object.assign(names, claims.names);
  const issuer = textOf(claims.data['issuer'] as Json | undefined);
  for (const [key, value] of Object.entries(claims.data)) kept[key] ??= value;
  if (claims.notes.length > 0) kept['notes'] = claims.notes;

  const ready = namesSchema.safeParse(data['names'] ?? {});
  if (!ready.success) return faultOf('data.names', ready.error.issues[0]!);
  Object.assign(names, present(ready.data));
  if (typeof subject === 'string' && isName(subject)) names[kindOfName(subject)!] ??= subject;

  for (const add of [addDigest, addCredential, addConsumer, addGrant]) {
    const fault = add(data, issuer, names, kept, context);
    if (fault) return fault;
  }
  for (const key of REFERENCES) {
    const value = data[key];
    if (value === undefined || value === null) continue;
    const name = referenceOf(value, issuer, context);
    if (name === undefined) return notAReference(data, key);
    kept[key] = name;
  }
  const net = netName(context.name, data['client_ip'], context.profile.trustedProxies);
  if (net !== undefined) names.net = net;
  const agent = agentProduct(data['user_agent']);
  if (agent !== undefined) kept['agent'] ??= agent;
  const personal = present({
    subject: claims.subject,
    userName: displayed(data['user_name']) ?? claims.userName,
    agent: displayed(data['user_agent']),
    address: readClientAddress(data['client_ip'], context.profile.trustedProxies)?.address,
  });
  return { names, data: kept, personal };
}

/** The plain claims, or a whole verified `payload`; without verification they name nothing (MODEL §1.2). */
function claimsOf(data: JsonObject, context: ReadContext): ClaimsReading | ClaimsFault {
  const empty: ClaimsReading = { names: {}, data: {}, notes: [] };
  if (data['verified'] === false || !context.profile.claimsVerified) return empty;
  if (isObject(data['payload'])) {
    const header = isObject(data['header']) ? data['header'] : undefined;
    return readClaims(data['payload'], { pathOf: (claim) => `data.payload.${claim}`, whole: true, header }, context);
  }
  const claims: JsonObject = {};
  const paths = new Map<string, string>();
  for (const [field, claim] of Object.entries(CLAIMS)) {
    const value = data[field];
    if (value === undefined || claim in claims) continue;
    claims[claim] = value;
    paths.set(claim, `data.${field}`);
  }
  if (paths.size === 0) return empty;
  const reading = readClaims(claims, { pathOf: (claim) => paths.get(claim) ?? `data.${claim}`, whole: false }, context);
  // The fields were chosen by who wrote the event: they tell neither a JWT nor which claims its payload has.
  if ('names' in reading) for (const key of ['form', 'claims']) Reflect.deleteProperty(reading.data, key);
  return reading;
}

type Add = (
  data: JsonObject,
  issuer: string | undefined,
  names: Names,
  kept: Record<string, unknown>,
  context: ReadContext,
) => IdentityFault | undefined;

const addDigest: Add = (data, _issuer, names, kept, context) => {
  const raw = context.credentials.find(({ path, name }) => name !== undefined && RAW.test(path));
  const shown = data['token_sha256'];
  if (shown !== undefined && shown !== null) {
    const name = typeof shown === 'string' ? context.nameOfDigest(shown) : undefined;
    if (name === undefined) return { field: 'data.token_sha256', reason: 'is no SHA-256 in hex, or that of nothing' };
    names.tok = name;
  } else if (raw?.name !== undefined) {
    names.tok = raw.name;
    const kind = RAW_KINDS[RAW.exec(raw.path)![1]!];
    if (kind !== undefined) kept['kind'] ??= kind;
  }
  return undefined;
};

const addCredential: Add = (data, _issuer, names, _kept, context) => {
  const value = data['credential'];
  if (value === undefined || value === null) return undefined;
  const system = isObject(value) ? textOf(value['system']) : undefined;
  const id = readNaming(isObject(value) ? value['id'] : undefined);
  if (system === undefined || !('text' in id)) return { field: 'data.credential', reason: 'is not {system, id}' };
  names.cred = context.name('cred', system, id.text);
  return undefined;
};

const addConsumer: Add = (data, _issuer, names, _kept, context) => {
  const value = data['consumer'];
  if (value === undefined || value === null) return undefined;
  const system = isObject(value) ? textOf(value['system']) : context.profile.name;
  const id = readNaming(isObject(value) ? value['id'] : value);
  if (system === undefined || !('text' in id))
    return { field: 'data.consumer', reason: 'is neither text nor {system, id}' };
  names.con = context.name('con', system, id.text);
  return undefined;
};

/** `grant` is the issuer's id of the grant; `subjectGrant` that of an exchanged token's subject. */
const addGrant: Add = (data, issuer, names, kept, context) => {
  for (const field of ['grant', 'subjectGrant'] as const) {
    const value = data[field];
    if (value === undefined || value === null || value === '') continue;
    const grant = readNaming(value);
    if (!('text' in grant)) {
      return { field: `data.${field}`, reason: grant.reason === 'not-unicode' ? NOT_UNICODE : 'is no text that names' };
    }
    if (issuer === undefined) return { field: 'data.issuer', reason: `is missing, and data.${field} needs it` };
    const fam = context.name('fam', issuer, grant.text);
    if (field === 'subjectGrant') kept['subjectFamily'] ??= fam;
    else {
      names.fam = fam;
      kept['grant'] = grant.text;
    }
  }
  return undefined;
};

/** A ready name; or `{issuer?, jti}`, `{token_sha256}`, `{credential: {system, id}}`. */
function referenceOf(value: Json, issuer: string | undefined, context: ReadContext): Name | undefined {
  if (typeof value === 'string') return isName(value) ? value : undefined;
  if (!isObject(value)) return undefined;
  const jti = readNaming(value['jti']);
  const of = textOf(value['issuer']) ?? issuer;
  if ('text' in jti && of !== undefined) return context.name('jti', of, jti.text);
  if (typeof value['token_sha256'] === 'string') return context.nameOfDigest(value['token_sha256']);
  const { credential } = value;
  if (!isObject(credential)) return undefined;
  const [system, id] = [textOf(credential['system']), readNaming(credential['id'])];
  return system !== undefined && 'text' in id ? context.name('cred', system, id.text) : undefined;
}

/** A text that is no name may be a token in clear: it must not live on in a dead letter. */
function notAReference(data: JsonObject, key: string): IdentityFault {
  if (typeof data[key] === 'string') data[key] = '[redacted]';
  return { field: `data.${key}`, reason: 'is neither a name nor {issuer, jti}, {token_sha256} or {credential}' };
}

export function faultOf(at: string, issue: { path: PropertyKey[]; message: string }): IdentityFault {
  return { field: [at, ...issue.path.map(String)].join('.'), reason: issue.message };
}
