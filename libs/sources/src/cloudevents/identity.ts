import { canName, isName, readNaming, type Name, type Names, type Naming } from '#lifecycle';
import type { Json, JsonObject, Personal, ReadContext } from '../adapter.js';
import { NOT_UNICODE, readClaims, type ClaimsFault, type ClaimsReading } from '../claims.js';
import { isObject, textOf } from '../fields.js';
import { readClientAddress } from '../net.js';
import { displayed, fieldsWhere } from '../parts.js';
import { agentProduct } from '../presenter.js';
import { countsOfIssuer, foreignName, NOT_ITS_OWN, readyNames, trustIn } from './ready-names.js';
import { STAMPED } from './stamps.js';

/** What the data of an event identifies: names, the fields that stay, and what goes into the personal box. */
export interface Identity {
  names: Names;
  /** The data without identifying fields; those that a token's facts keep (issuer, jti, grant, kid …) are in it. */
  data: Record<string, unknown>;
  personal: Personal;
}
export type IdentityFault = { field: string; reason: string };

/** Plain field → claim. Of two spellings, the one that is not the claim's own wins. */
const CLAIMS: ReadonlyMap<string, string> = new Map([
  ['issuer', 'iss'],
  ['subject', 'sub'],
  ['client', 'client_id'],
  ['session', 'sid'],
  ...'iss sub jti client_id azp sid kid aud exp iat nbf scope scp typ alg cnf act'
    .split(' ')
    .map((claim): [string, string] => [claim, claim]),
]);
/** Fields that name another token: a ready name, or how to find it. */
const REFERENCES = ['parent', 'successor', 'subjectToken', 'actorToken', 'token'] as const;
const CONSUMED = new Set([
  ...CLAIMS.keys(),
  ...REFERENCES,
  ...['names', 'payload', 'header', 'grant', 'credential', 'consumer', 'token_sha256', 'subjectGrant'],
  ...['client_ip', 'user_agent', 'user_name', 'access_token', 'refresh_token', 'id_token', 'api_key'],
]);
const CONSUMED_OF_TOKEN = new Set([...CONSUMED, ...STAMPED]);
/** Where a credential in clear may stand in `data`; the redaction has named it and taken it away. */
const RAW = /^data\.(access_token|refresh_token|id_token|api_key)$/;
const RAW_KINDS: Readonly<Record<string, string>> = { refresh_token: 'refresh', id_token: 'id', api_key: 'apiKey' };

/** @param ofToken whether the event is about a token, whose stamps stand beside its data. */
export function readIdentity(
  data: JsonObject,
  subject: unknown,
  context: ReadContext,
  ofToken: boolean,
): Identity | IdentityFault {
  const consumed = ofToken ? CONSUMED_OF_TOKEN : CONSUMED;
  const kept = fieldsWhere(data, (key) => !consumed.has(key));
  const claims = claimsOf(data, context);
  if ('field' in claims) return claims;
  const issuer = textOf(claims.data['issuer'] as Json | undefined);
  for (const key in claims.data) kept[key] ??= claims.data[key];

  const trust = trustIn(data, context);
  const stated: Names = {};
  for (const add of ADDERS) {
    const fault = add(data, issuer, stated, kept, context);
    if (fault) return fault;
  }
  const computed: Names = { ...claims.names, ...stated };
  const notes = [...claims.notes];
  const ready = readyNames(data, subject, computed, trust, notes);
  if (isFault(ready)) return ready;
  const foreign = trust === 'own' ? foreignName(data, computed) : undefined;
  if (foreign) return foreign;
  const names: Names = { ...ready, ...claims.names, ...stated };
  // Ids go before ready names, for the settings speak of ids: how an issuer is spelled, and whether its jtis name.
  if (issuer !== undefined && claims.data['jti'] !== undefined && claims.names.jti === undefined) delete names.jti;

  for (const key of REFERENCES) {
    const value = data[key];
    if (value === undefined || value === null) continue;
    const name = referenceOf(value, issuer, context);
    if (name === undefined) return notAReference(data, key);
    if (trust === 'own' && !mayRefer(key, value, name, issuer, computed)) {
      return { field: `data.${key}`, reason: typeof value === 'string' ? NOT_ITS_OWN : 'is of another issuer' };
    }
    if (trust !== 'none' || !countsOfIssuer(name)) kept[key] = name;
    else if (!notes.includes('names:unverified')) notes.push('names:unverified');
  }
  if (notes.length > 0) kept['notes'] = notes;
  const client = readClientAddress(data['client_ip'], context.profile.trustedProxies);
  if (client !== undefined) names.net = context.name('net', client.network);
  const agent = agentProduct(data['user_agent']);
  if (agent !== undefined) kept['agent'] ??= agent;
  const personal: Personal = {};
  if (claims.subject !== undefined) personal.subject = claims.subject;
  const userName = displayed(data['user_name']) ?? claims.userName;
  if (userName !== undefined) personal.userName = userName;
  const wholeAgent = displayed(data['user_agent']);
  if (wholeAgent !== undefined) personal.agent = wholeAgent;
  if (client !== undefined) personal.address = client.address;
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
  let any = false;
  for (const field in data) {
    const claim = CLAIMS.get(field);
    if (claim === undefined || (claim === field && claims[claim] !== undefined)) continue;
    claims[claim] = data[field]!;
    any = true;
  }
  if (!any) return empty;
  const pathOf = (claim: string): string => {
    for (const [field, of] of CLAIMS) if (of === claim && data[field] !== undefined) return `data.${field}`;
    return `data.${claim}`;
  };
  // The fields were chosen by who wrote the event: they tell neither a JWT nor which claims its payload has.
  return readClaims(claims, { pathOf, whole: false, form: 'unknown' }, context);
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
  const system = readNaming(isObject(value) ? value['system'] : undefined);
  const id = readNaming(isObject(value) ? value['id'] : undefined);
  if (notUnicode(system, id)) return { field: 'data.credential', reason: NOT_UNICODE };
  if (!('text' in system) || !('text' in id)) return { field: 'data.credential', reason: 'is not {system, id}' };
  names.cred = context.name('cred', system.text, id.text);
  return undefined;
};

const notUnicode = (...namings: Naming[]) =>
  namings.some((naming) => 'reason' in naming && naming.reason === 'not-unicode');

const addConsumer: Add = (data, _issuer, names, _kept, context) => {
  const value = data['consumer'];
  if (value === undefined || value === null) return undefined;
  const system = readNaming(isObject(value) ? value['system'] : context.profile.name);
  const id = readNaming(isObject(value) ? value['id'] : value);
  if (notUnicode(system, id)) return { field: 'data.consumer', reason: NOT_UNICODE };
  if (!('text' in system) || !('text' in id))
    return { field: 'data.consumer', reason: 'is neither text nor {system, id}' };
  names.con = context.name('con', system.text, id.text);
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

const ADDERS = [addDigest, addCredential, addConsumer, addGrant];

/** A ready name; or `{issuer?, jti}`, `{token_sha256}`, `{credential: {system, id}}`. */
function referenceOf(value: Json, issuer: string | undefined, context: ReadContext): Name | undefined {
  if (typeof value === 'string') return isName(value) ? value : undefined;
  if (!isObject(value)) return undefined;
  const jti = readNaming(value['jti']);
  const of = textOf(value['issuer']) ?? issuer;
  if ('text' in jti && of !== undefined && canName(of)) return context.name('jti', of, jti.text);
  if (typeof value['token_sha256'] === 'string') return context.nameOfDigest(value['token_sha256']);
  const { credential } = value;
  if (!isObject(credential)) return undefined;
  const [system, id] = [textOf(credential['system']), readNaming(credential['id'])];
  return system !== undefined && canName(system) && 'text' in id ? context.name('cred', system, id.text) : undefined;
}

/**
 * What an issuer's source may refer to. An exchange may begin with another issuer's token, which it does not change;
 * every other reference reaches the token itself, and must be to one of the event's own issuer.
 */
function mayRefer(key: string, value: Json, name: Name, issuer: string | undefined, computed: Names): boolean {
  if (!countsOfIssuer(name) || Object.values(computed).includes(name)) return true;
  if (!isObject(value)) return false;
  if (key === 'subjectToken' || key === 'actorToken') return true;
  return issuer !== undefined && (textOf(value['issuer']) ?? issuer) === issuer;
}

const isFault = (value: Names | IdentityFault): value is IdentityFault => 'field' in value;

/** A text that is no name may be a token in clear: it must not live on in a dead letter. */
function notAReference(data: JsonObject, key: string): IdentityFault {
  if (typeof data[key] === 'string') data[key] = '[redacted]';
  return { field: `data.${key}`, reason: 'is neither a name nor {issuer, jti}, {token_sha256} or {credential}' };
}
