import {
  attributeText,
  expClaimOf,
  isAboutToken,
  isName,
  isPresentation,
  kindOfName,
  offlineOf,
  outcomeOf,
  placementOf,
  shortType,
  type Attribute,
  type Expiry,
  type Name,
  type RecordedFact,
} from '#lifecycle';
import { hash64, type Speaker, type Speakers } from './speakers.js';
import { NO_NAME, tsvText } from './tsv.js';

/** Columns of `facts`, those first that differ from one fact of a shape to the next. */
export const FACT_COLUMNS = [
  ...['position', 'batch', 'recorded_month', 'time', 'recorded_at', 'first_at', 'last_at'],
  ...['record_key', 'record_digest', 'ordinal', 'conflict'],
  ...['tenant', 'name', 'subject', 'kind', 'source', 'version', 'gateway', 'region', 'api', 'issuer', 'speaker'],
  ...['outcome', 'reason', 'class', 'status', 'token_kind'],
  ...['jti', 'tok', 'cred', 'con', 'fam', 'sub', 'cli', 'kid', 'ses', 'net', 'agent', 'country', 'uses'],
  ...['exp_kind', 'exp_at', 'exp_suspect', 'cause', 'scope', 'successor', 'unconfirmed', 'shadow', 'shape', 'data'],
] as const;

/** Columns of `attributes`. */
export const ATTRIBUTE_COLUMNS = [
  ...['position', 'said', 'tenant', 'name', 'speaker'],
  ...['sub', 'cli', 'con', 'cred', 'kid', 'parent', 'subject_token', 'subject_family', 'ses', 'fam'],
  ...['token_kind', 'offline', 'iat', 'kid_text', 'alg', 'typ', 'audiences', 'scopes', 'cnf', 'issuance_version'],
  ...['exp_kind', 'exp_at', 'exp_suspect', 'described', 'told', 'told_of'],
] as const;

/** Attributes of which a token has one value; their places are their bits in `told_of`. */
const SINGLE = [
  ...['subject', 'client', 'consumer', 'credential', 'kidName', 'kid', 'alg', 'typ', 'audiences', 'scopes', 'cnf'],
  ...['parent', 'subjectToken', 'subjectFamily', 'iat', 'issuanceVersion', 'expiry'],
] as Attribute[];

/** What all facts of one shape share: they differ in time, position and record alone. */
export interface Shape {
  /** 64 bits, decimal. */
  id: string;
  tenant: string;
  speaker: Speaker | undefined;
  /** The columns of `facts` from `tenant` on, tab-separated, newline-ended. */
  fact: string;
  /** The columns of `attributes` from `said` on; undefined where it says nothing that lasts. */
  attributes: string | undefined;
  /** Names that this fact puts into one family with its token; empty for most. */
  family: { token: Name; others: Name[] } | undefined;
  isUse: boolean;
  /** Set on a summary of several uses. */
  span: { first: number; last: number } | undefined;
}

/** The smallest Int64: no issue time. */
const NO_TIME = '-9223372036854775808';

/** The name kinds whose streams are tokens'. */
const TOKEN_KINDS: ReadonlySet<string | undefined> = new Set(['jti', 'tok', 'cred', 'con']);

/** @param text what tells this shape from others, such as the fact's stored text without time and record. */
export function shapeOf(fact: RecordedFact, text: string, speakers: Speakers): Shape {
  const { names, data } = fact;
  const kind = shortType(fact.type);
  const speaker = kind === undefined ? undefined : speakers.of(fact, kind);
  const outcome = outcomeOf({ kind, data });
  const id = hash64(text);
  const summary = typeof data['firstAt'] === 'number' && typeof data['lastAt'] === 'number';
  const expiry = data['verified'] === false ? undefined : (data['expiry'] as Expiry | undefined);
  const isNamed = isName(fact.subject);
  const columns = [
    tsvText(fact.tenant),
    isNamed ? fact.subject : NO_NAME,
    isNamed ? '' : tsvText(fact.subject),
    tsvText(kind ?? fact.type),
    tsvText(fact.source),
    tsvText(fact.version ?? ''),
    tsvText(fact.gateway ?? ''),
    tsvText(fact.region ?? ''),
    tsvText(fact.api ?? ''),
    stringOf(data['issuer']),
    speaker?.id ?? '0',
    outcome ?? '',
    stringOf(data['reason']),
    stringOf(data['class']),
    statusOf(data['status']),
    stringOf(data['kind']),
    names.jti ?? NO_NAME,
    names.tok ?? NO_NAME,
    names.cred ?? NO_NAME,
    names.con ?? NO_NAME,
    names.fam ?? NO_NAME,
    names.sub ?? NO_NAME,
    names.cli ?? NO_NAME,
    names.kid ?? NO_NAME,
    names.ses ?? NO_NAME,
    names.net ?? NO_NAME,
    stringOf(data['agent']),
    stringOf((data['geo'] as { country?: unknown } | undefined)?.country),
    outcome === undefined ? '0' : typeof data['count'] === 'number' ? String(data['count']) : '1',
    expiry?.kind ?? '',
    String(expiry?.at ?? 0),
    expiry?.flags.includes('unit-suspect') === true ? '1' : '0',
    stringOf(data['cause']),
    stringOf(data['scope']),
    nameIn(data['successor']),
    data['unconfirmed'] === true ? '1' : '0',
    data['shadow'] === true ? '1' : '0',
    id,
    tsvText(JSON.stringify(data)),
  ];
  return {
    id,
    tenant: fact.tenant,
    speaker,
    fact: `${columns.join('\t')}\n`,
    attributes: attributesOf(fact, speaker, outcome !== undefined && data['shadow'] === true),
    family: familyEdgesOf(fact),
    isUse: outcome !== undefined,
    span: summary ? { first: data['firstAt'] as number, last: data['lastAt'] as number } : undefined,
  };
}

/**
 * What a fact says of its token at all times, as `absorbAttributes` and `absorbMarks` of the core take it in. Whether
 * its speaker has the authority is asked when reading.
 */
function attributesOf(fact: RecordedFact, speaker: Speaker | undefined, isShadow: boolean): string | undefined {
  const { names, data, subject } = fact;
  const kind = speaker?.kind;
  if (kind === undefined || isShadow || !isAboutToken(fact) || !isName(subject)) return undefined;
  if (!TOKEN_KINDS.has(kindOfName(subject))) return undefined;
  const isStated = data['verified'] !== false;
  const stated = (field: string): unknown => (isStated ? data[field] : undefined);
  const expiry = stated('expiry') as Expiry | undefined;
  const lasting = kind === 'token.renewed' ? undefined : expiry;
  const offline = offlineOf(data);
  const iat = stated('iat');
  const hasFamily = kind !== 'token.exchanged' && placementOf(names) !== names.con;
  const client = isPresentation({ kind }) && data['verified'] !== true ? undefined : names.cli;
  const single: Partial<Record<Attribute, unknown>> = {
    subject: names.sub,
    client,
    consumer: names.con,
    credential: names.cred,
    kidName: names.kid,
    issuanceVersion: kind === 'token.issued' ? fact.version : undefined,
    expiry: lasting && [lasting.kind, lasting.at ?? null, lasting.flags.includes('unit-suspect')],
  };
  for (const field of [
    'kid',
    'alg',
    'typ',
    'audiences',
    'scopes',
    'cnf',
    'parent',
    'subjectToken',
    'subjectFamily',
    'iat',
  ] as const)
    single[field] = stated(field);
  const described = ['claims', 'jti', 'issuer', 'actorDepth'].map((field) => stated(field) ?? null);
  const columns = [
    tsvText(fact.tenant),
    subject,
    speaker!.id,
    names.sub ?? NO_NAME,
    client ?? NO_NAME,
    names.con ?? NO_NAME,
    names.cred ?? NO_NAME,
    names.kid ?? NO_NAME,
    nameIn(stated('parent')),
    nameIn(stated('subjectToken')),
    nameIn(stated('subjectFamily')),
    names.ses ?? NO_NAME,
    hasFamily ? (names.fam ?? NO_NAME) : NO_NAME,
    stringOf(data['kind']),
    offline === undefined ? '-1' : offline ? '1' : '0',
    typeof iat === 'number' ? String(iat) : NO_TIME,
    hashOf('kid', stated('kid')),
    hashOf('alg', stated('alg')),
    hashOf('typ', stated('typ')),
    hashOf('audiences', stated('audiences')),
    hashOf('scopes', stated('scopes')),
    hashOf('cnf', stated('cnf')),
    kind === 'token.issued' ? tsvText(fact.version ?? '') : '',
    lasting?.kind ?? '',
    String(lasting?.at ?? 0),
    lasting?.flags.includes('unit-suspect') === true ? '1' : '0',
    hash64(JSON.stringify([...described, data['kind'] ?? null, data['form'] ?? null, expClaimOf(expiry) ?? null])),
    ...toldOf(single),
  ];
  const said = columns.join('\t');
  return `${hash64(said)}\t${said}\n`;
}

/** A hash of each single-valued attribute, its place in the upper bits; and which they are, as bits. */
function toldOf(single: Partial<Record<Attribute, unknown>>): [string, string] {
  const hashes: string[] = [];
  let which = 0;
  SINGLE.forEach((attribute, place) => {
    const value = single[attribute];
    if (value === undefined || value === null) return;
    const text = attribute === 'expiry' ? JSON.stringify(value) : attributeText(attribute, value);
    hashes.push(String((BigInt(place) << 58n) | (BigInt(hash64(text)) >> 6n)));
    which |= 1 << place;
  });
  return [`[${hashes.join(',')}]`, String(which)];
}

/** Rotation edges and grants (MODEL §1.6), as `Links` reads them. */
export function familyEdgesOf(fact: RecordedFact): Shape['family'] {
  const { names, data } = fact;
  const kind = shortType(fact.type);
  if (kind === undefined || !kind.startsWith('token.') || kind === 'token.renamed' || kind === 'token.aliased')
    return undefined;
  const token = placementOf(names);
  if (token === undefined || token === names.con) return undefined;
  const others = [kind === 'token.exchanged' ? undefined : names.fam, data['parent'], data['successor']].filter(
    (each): each is Name => typeof each === 'string',
  );
  return others.length === 0 ? undefined : { token, others };
}

function hashOf(attribute: Parameters<typeof attributeText>[0], value: unknown): string {
  return value === undefined || value === null ? '0' : hash64(attributeText(attribute, value));
}

function stringOf(value: unknown): string {
  return typeof value === 'string' ? tsvText(value) : '';
}

function nameIn(value: unknown): string {
  return typeof value === 'string' && isName(value) ? value : NO_NAME;
}

function statusOf(value: unknown): string {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 65_536 ? String(value) : '0';
}
