import { createHash } from 'node:crypto';
import { History } from './history.js';
import { MemorySource } from './memory-source.js';
import { nameOf, namingSecrets, placementOf, type Name, type NameKind, type Names } from './names.js';
import { fullType, type ObservationType, type RecordedFact } from './observations.js';
import { Resolver, type ResolvedFact } from './resolve.js';
import { OWN_SOURCE, settingsSchema, type SettingsInput } from './settings.js';
import type { Finding, TokenView } from './view.js';

/** For specs: facts with deterministic names and ids, and histories of them. Times are in ms after `T0`. */

export const T0 = Date.UTC(2026, 2, 10, 9);
export const ISSUER = 'https://idp.example.com/realms/shop';
export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** `keycloak` may issue for `ISSUER`; `envoy` and `kong` are gateways; `cd` deploys. No clock error, no leeway. */
export const SETTINGS: SettingsInput = {
  sources: {
    keycloak: { format: 'keycloak', issuers: { shop: ISSUER }, refreshTokens: 'revoke', clockError: 0, lateness: 0 },
    envoy: { format: 'envoy', clockError: 0, leeway: 0, lateness: 0 },
    kong: { format: 'kong', clockError: 0, leeway: 0, lateness: 0 },
    cd: { format: 'cdevents', lateness: 0 },
  },
};

const SECRETS = namingSecrets(1, Buffer.alloc(32, 1), Buffer.alloc(32, 2));

/** A name that stands for a text: the same text, the same name. */
export function named(kind: NameKind, text: string): Name {
  return nameOf(SECRETS, kind, text);
}

/** The names of a fact from texts: `{ jti: 'a', sub: 'u' }`. */
export function namesOf(texts: { [K in NameKind]?: string | undefined }): Names {
  const out: Names = {};
  for (const [kind, text] of Object.entries(texts)) {
    if (text !== undefined) out[kind as NameKind] = named(kind as NameKind, text);
  }
  return out;
}

export interface FactFields {
  /** In ms after `T0`; 0 by default. */
  at?: number;
  /** By default who may state this type: `keycloak`, `envoy` for what gateways see, else the operator. */
  source?: string;
  names?: { [K in NameKind]?: string | undefined };
  data?: Record<string, unknown>;
  version?: string;
  gateway?: string;
  subject?: string;
  /** Variants of one record have the same text here, and different data. */
  record?: string;
  /** In ms after `T0`; an hour after `at` by default. */
  recordedAt?: number;
  position?: number;
}

const SEEN_BY_GATEWAYS = /^token\.(observed|validated|rejected|aliased)$/;
const STATED_BY_ISSUERS = /^(token\.(?!suspended|reinstated|renamed)|family\.|subject\.(?!erased)|fence\.|key\.)/;

/** A recorded fact. Equal fields give an equal fact with an equal id. */
export function fact(type: ObservationType, fields: FactFields = {}): RecordedFact {
  const { at = 0, data = {}, version, gateway } = fields;
  const source =
    fields.source ?? (SEEN_BY_GATEWAYS.test(type) ? 'envoy' : STATED_BY_ISSUERS.test(type) ? 'keycloak' : OWN_SOURCE);
  const names = namesOf(fields.names ?? {});
  const issued = STATED_BY_ISSUERS.test(type) && source === 'keycloak' ? { issuer: ISSUER, ...data } : data;
  const subject = fields.subject ?? subjectOf(type, names, issued);
  const content = JSON.stringify([type, source, at, names, issued, version, gateway, subject]);
  const digest = hash(content);
  const key = fields.record === undefined ? digest : hash(`${source} ${fields.record}`);
  return {
    id: hash(`${key} ${digest}`),
    type: fullType(type),
    source,
    tenant: 'default',
    subject,
    time: T0 + at,
    names,
    ...(version !== undefined && { version }),
    ...(gateway !== undefined && { gateway }),
    data: issued,
    record: { key, digest, ordinal: 0 },
    position: BigInt(fields.position ?? 1),
    recordedAt: T0 + (fields.recordedAt ?? at + HOUR),
  };
}

function subjectOf(type: ObservationType, names: Names, data: Record<string, unknown>): string {
  if (type.startsWith('token.')) return placementOf(names) ?? String(data['from'] ?? '');
  const match = data['match'] as Names | undefined;
  return (
    names.fam ??
    names.kid ??
    match?.ses ??
    match?.sub ??
    match?.cli ??
    match?.kid ??
    names.sub ??
    placementOf(names) ??
    'settings'
  );
}

/** Both copies of an alias, one in each stream. */
export function aliased(names: { jti?: string; cred?: string; tok: string }, fields: FactFields = {}): RecordedFact[] {
  const all = namesOf(names);
  const pair = all.jti === undefined ? 'cred-tok' : 'jti-tok';
  return [all.jti ?? all.cred!, all.tok!].map((subject) =>
    fact('token.aliased', { ...fields, names, subject, data: { pair, ...fields.data } }),
  );
}

/** What a sighting of verified claims shows. */
export function use(jti: string, at: number, fields: FactFields = {}): RecordedFact {
  const names = { jti, net: 'net-1', ...fields.names };
  const data = { issuer: ISSUER, verified: true, status: 200, ...fields.data };
  return fact('token.validated', { gateway: 'gw-a', ...fields, at, names, data });
}

export function settingsFact(settings: SettingsInput = SETTINGS): RecordedFact {
  return fact('settings.declared', {
    at: -DAY,
    source: OWN_SOURCE,
    data: { settings: settingsSchema.parse(settings) },
  });
}

export function expiresAt(at: number): Record<string, unknown> {
  return { expiry: { kind: 'at', at: T0 + at, raw: (T0 + at) / 1000, unit: 's', flags: [] } };
}

export function historyOf(facts: readonly RecordedFact[], settings: SettingsInput = SETTINGS): History {
  return new History(new MemorySource([settingsFact(settings), ...facts]));
}

/** The token with this jti, or of this name, as of `at` ms after `T0`; far in the future by default. */
export function viewOf(
  facts: readonly RecordedFact[],
  name: string,
  at = 365 * DAY,
  settings?: SettingsInput,
): TokenView | undefined {
  const full = /^[0-9a-f]{32}$/.test(name) ? name : named('jti', name);
  return historyOf(facts, settings).view(full, { T: T0 + at });
}

export function findingsAt(facts: readonly RecordedFact[], at = 365 * DAY, settings?: SettingsInput): Finding[] {
  return historyOf(facts, settings).findings({ T: T0 + at });
}

/** Facts with their authority under the test settings, without those of distrusted sources. */
export function resolvedFacts(facts: readonly RecordedFact[]): ResolvedFact[] {
  const resolver = new Resolver(settingsSchema.parse(SETTINGS));
  return facts.map((each) => resolver.resolve(each)!);
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
