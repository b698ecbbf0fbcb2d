import { canName, placementOf, refusalClass, type Name, type Names, type RefusalReason } from '../../shared.js';
import { digestOf, type TokenNaming } from '../naming.js';
import { isObject } from './claims.js';
import type { Draft, Ref } from './draft.js';
import { isRedacted, withoutTokens } from './redaction.js';
import { METHODS, type Authority } from './vocabulary.js';

/** An event as it leaves: its bytes are never made anew, so that sending it twice sends the same. */
export interface Written {
  id: string;
  type: string;
  /** One CloudEvent, JSON without a line end. */
  json: string;
  /** What it is kept together by: the name of what it is about, else a digest. */
  key: string;
}

export interface Writer {
  source: string;
  tenant: string;
  authority: Authority;
  naming?: TokenNaming | undefined;
}

/** Names what a draft is about, and writes it as a CloudEvent (structured JSON). */
export function cloudEventOf(draft: Draft, writer: Writer): Written | { why: string } {
  const type = METHODS[draft.method];
  const data = draft.fields;
  const names: Names = {};
  if (type.startsWith('token.')) {
    const why = tellToken(draft, data, names, writer);
    if (why !== undefined) return { why };
    if (type === 'token.rejected') {
      const verified = data['verified'] !== false;
      data['class'] = refusalClass(data['reason'] as RefusalReason, data['status'] as number, verified);
    }
  } else if (writer.authority === 'operator') nameOthers(data, names, writer.naming);
  for (const [field, ref] of Object.entries(draft.refs)) {
    const told = referenceTo(ref, writer);
    if (told !== undefined) data[field] = told;
  }
  if (Object.keys(names).length > 0) data['names'] = names;
  const about = placementOf(names) ?? names.fam ?? names.kid;
  const json = JSON.stringify({
    specversion: '1.0',
    id: draft.id,
    source: writer.source,
    type: `tallystick.${type}.v1`,
    time: new Date(draft.at).toISOString(),
    ...(about !== undefined && { subject: about, partitionkey: about }),
    tenant: writer.tenant,
    datacontenttype: 'application/json',
    data,
  });
  return { id: draft.id, type, json: withoutTokens(json), key: about ?? keyOf(draft, writer) };
}

/** What an event of a token shows of it; gives back why it shows nothing. */
function tellToken(
  draft: Draft,
  data: Record<string, unknown>,
  names: Names,
  { authority, naming }: Writer,
): string | undefined {
  const { about } = draft;
  data['verified'] ??= authority !== 'gateway' || (draft.method !== 'rejected' && draft.method !== 'observed');
  if (about.sha256 !== undefined) {
    if (naming !== undefined) names.tok = naming.tok(about.sha256);
    // A plain digest of a weak key is as good as the key to who guesses (MODEL §1.1).
    else if (about.isKey !== true) data['token_sha256'] = about.sha256;
  }
  if (about.isKey === true) data['kind'] ??= 'apiKey';
  if (about.credential !== undefined) {
    const { system, id } = about.credential;
    if (naming !== undefined && canName(system) && canName(id)) names.cred = naming.cred(system, id);
    else data['credential'] = about.credential;
  }
  if (data['verified'] === false) {
    // What nobody verified names nothing, and is nobody's business (MODEL §1.2).
    for (const field of CLAIMS) if (data[field] !== undefined) data[field] = undefined;
  } else tellClaims(about, data, names, authority === 'issuer' ? undefined : naming);
  const shown = names.tok ?? names.cred ?? names.jti ?? data['token_sha256'] ?? data['credential'];
  if (shown !== undefined || data['jti'] !== undefined || data['consumer'] !== undefined) return undefined;
  if (isObject(data['payload']) && data['payload']['jti'] !== undefined) return undefined;
  return about.isKey === true
    ? 'is about an API key, which only a token secret or a credential id can name'
    : 'does not identify a token';
}

const CLAIMS =
  'payload header claims issuer jti subject client session kid grant aud scope iat nbf exp typ alg offline subjectGrant'.split(
    ' ',
  );

/** An issuer's events are told by its own ids; a ready name would not show whose it is (MODEL §3.2). */
function tellClaims(about: Ref, data: Record<string, unknown>, names: Names, naming: TokenNaming | undefined): void {
  const payload = isObject(data['payload']) ? data['payload'] : undefined;
  if (payload !== undefined) {
    data['form'] ??= 'jwt';
    for (const [field, claim] of FLAT) if (data[field] !== undefined) payload[claim] ??= data[field];
    if (about.issuer !== undefined) payload['iss'] ??= about.issuer;
    if (about.jti !== undefined) payload['jti'] ??= about.jti;
    // JSON leaves out what is undefined; an object from which something was deleted is slow.
    if (!isId(payload['iss'])) payload['iss'] = undefined;
    if (!isId(payload['jti'])) payload['jti'] = undefined;
    if (Array.isArray(data['claims'])) data['claims'].sort();
  } else {
    if (about.issuer !== undefined) data['issuer'] = about.issuer;
    if (about.jti !== undefined) data['jti'] = about.jti;
  }
  const issuer = payload?.['iss'] ?? data['issuer'];
  if (naming === undefined || typeof issuer !== 'string' || !canName(issuer)) return;
  const header = isObject(data['header']) ? data['header'] : undefined;
  const jti = payload?.['jti'] ?? data['jti'];
  const kid = header?.['kid'] ?? data['kid'];
  const { grant } = data;
  if (typeof jti === 'string' && jti !== '' && canName(jti)) names.jti = naming.jti(issuer, jti);
  if (typeof kid === 'string' && kid !== '' && canName(kid)) names.kid = naming.kid(issuer, kid);
  if (typeof grant === 'string' && grant !== '' && canName(grant)) names.fam = naming.fam(issuer, grant);
}

const FLAT = [
  ['subject', 'sub'],
  ['client', 'client_id'],
  ['session', 'sid'],
  ['aud', 'aud'],
  ['scope', 'scope'],
  ['iat', 'iat'],
  ['nbf', 'nbf'],
  ['exp', 'exp'],
] as const;

/** An id at an issuer; undefined, a redacted token and other types are none. Numbers the intake judges. */
function isId(value: unknown): boolean {
  return typeof value === 'number' || (typeof value === 'string' && !isRedacted(withoutTokens(value)));
}

function nameOthers(data: Record<string, unknown>, names: Names, naming: TokenNaming | undefined): void {
  const { issuer, grant, kid } = data;
  if (naming === undefined || typeof issuer !== 'string' || !canName(issuer)) return;
  if (typeof grant === 'string' && canName(grant)) names.fam = naming.fam(issuer, grant);
  if (typeof kid === 'string' && canName(kid)) names.kid = naming.kid(issuer, kid);
}

/** Another token, as the intake finds it. */
function referenceTo(ref: Ref, { authority, naming }: Writer): Name | Record<string, unknown> | undefined {
  const { sha256, isKey, credential, issuer, jti } = ref;
  if (jti !== undefined) {
    if (naming === undefined || authority === 'issuer' || issuer === undefined || !canName(jti) || !canName(issuer)) {
      return { ...(issuer !== undefined && { issuer }), jti };
    }
    return naming.jti(issuer, jti);
  }
  if (sha256 !== undefined) {
    if (naming !== undefined) return naming.tok(sha256);
    if (isKey !== true) return { token_sha256: sha256 };
  }
  if (credential === undefined) return undefined;
  const nameable = canName(credential.system) && canName(credential.id);
  return naming !== undefined && nameable ? naming.cred(credential.system, credential.id) : { credential };
}

/** Without names, events of one thing still go to one partition. */
function keyOf({ about, fields }: Draft, { naming, source }: Writer): string {
  const { sha256, credential } = about;
  if (naming === undefined && sha256 !== undefined && about.isKey !== true) return sha256;
  const payload = isObject(fields['payload']) ? fields['payload'] : {};
  const parts = [
    about.issuer ?? fields['issuer'] ?? payload['iss'],
    about.jti ?? payload['jti'],
    credential?.system,
    credential?.id,
    ...['grant', 'subject', 'kid', 'component'].map((field) => fields[field]),
  ];
  return digestOf(JSON.stringify(parts.every((part) => part === undefined) ? [source] : parts));
}
