import { assumedIssuer, expiryAt, parseIsoTime, type Expiry, type Name } from '#lifecycle';
import type { Json, JsonObject, Personal, ReadContext } from '../adapter.js';
import { isObject, textAt } from '../fields.js';
import { Namings } from '../namings.js';
import { netName } from '../net.js';
import { displayed, partAt, present, wordsOf } from '../parts.js';
import { agentProduct, readGeo, type Geo } from '../presenter.js';

/** A token that the event is about. */
export interface OktaToken {
  kind: 'access' | 'refresh' | 'id';
  jti: string;
  /** The tok name, where `detailEntry.hash` is a SHA-256. */
  tok: Name | undefined;
  expiry: Expiry | undefined;
  subject: string | undefined;
}

/** A System Log event with its naming fields read. */
export interface OktaEvent {
  type: string;
  time: number;
  result: string;
  reason: string | undefined;
  issuer: string;
  /** Every issuer of the org that the profile knows: facts about a user hold at each. */
  orgIssuers: string[];
  tokens: OktaToken[];
  actorUser: string | undefined;
  targetUser: string | undefined;
  client: string | undefined;
  targetClient: string | undefined;
  apiToken: string | undefined;
  kid: string | undefined;
  session: string | undefined;
  transaction: string | undefined;
  grantType: string | undefined;
  scopes: string[] | undefined;
  agent: string | undefined;
  net: Name | undefined;
  geo: Geo | undefined;
  personal: Personal;
  notes: string[];
}

const TOKEN_KINDS: Readonly<Record<string, OktaToken['kind']>> = {
  access_token: 'access',
  refresh_token: 'refresh',
  id_token: 'id',
};
const isClient = (type: string) => /clientapp$|^appinstance$|^oauth2?client$/i.test(type);

interface Target {
  field: string;
  type: string;
  id: Json | undefined;
  entry: JsonObject;
  object: JsonObject;
}

export function readEvent(record: JsonObject, context: ReadContext): OktaEvent | { field: string; reason: string } {
  const namings = new Namings();
  const time = parseIsoTime(String(record['published'] ?? ''), context.profile.zone);
  if ('error' in time) return { field: 'published', reason: time.error };
  const actor = partAt(record, 'actor');
  const actorType = textAt(actor, 'type') ?? '';
  const client = partAt(record, 'client');
  const agent = displayed(partAt(client, 'userAgent')['rawUserAgent']);
  const debug = partAt(partAt(record, 'debugContext'), 'debugData');
  const outcome = partAt(record, 'outcome');
  const targets = targetsOf(record);
  const idOf = (target: Target | undefined) => target && namings.text(`${target.field}.id`, target.id);
  const first = (test: (type: string) => boolean) => targets.find((target) => test(target.type));
  const user = first((type) => type.toLowerCase() === 'user');
  const actorId = namings.text('actor.id', actor['id']);
  const session = namings.text(
    'authenticationContext.externalSessionId',
    partAt(record, 'authenticationContext')['externalSessionId'],
  );
  const transaction = partAt(record, 'transaction');
  const serverKeys = authorizationServersOf(targets, debug);
  const event: OktaEvent = {
    type: String(record['eventType']).trim().toLowerCase(),
    time: time.at,
    result: (textAt(outcome, 'result') ?? '').toUpperCase(),
    reason: textAt(outcome, 'reason'),
    issuer: issuerOf(context, serverKeys),
    orgIssuers: orgIssuersOf(context),
    tokens: tokensOf(targets, namings, context),
    actorUser: actorType.toLowerCase() === 'user' ? actorId : undefined,
    targetUser: idOf(user),
    client: isClient(actorType) ? actorId : undefined,
    targetClient: idOf(first(isClient)),
    apiToken: idOf(first((type) => /^(api_?)?token$/i.test(type))),
    kid: idOf(first((type) => /^(signing|json ?web)?_?key$|^jwk$/i.test(type))),
    session: session === 'unknown' ? undefined : session,
    transaction: textAt(transaction, 'type') === 'JOB' ? undefined : namings.text('transaction.id', transaction['id']),
    grantType: textAt(debug, 'grantType')?.toLowerCase(),
    scopes: wordsOf(debug['grantedScopes']),
    agent: agentProduct(agent),
    net: netName(context.name, client['ipAddress'], context.profile.trustedProxies),
    geo: geoOf(record, client),
    personal: present({
      userName: displayName(actorType.toLowerCase() === 'user' ? actor : user?.object),
      address: displayed(client['ipAddress']),
      agent,
    }),
    notes: namings.notes,
  };
  return namings.fault ?? event;
}

function targetsOf(record: JsonObject): Target[] {
  const list = Array.isArray(record['target']) ? record['target'] : [];
  return list.flatMap((object, index): Target[] => {
    if (!isObject(object)) return [];
    const entry = partAt(object, 'detailEntry');
    return [{ field: `target.${index}`, type: textAt(object, 'type') ?? '', id: object['id'], entry, object }];
  });
}

function tokensOf(targets: Target[], namings: Namings, context: ReadContext): OktaToken[] {
  return targets.flatMap(({ field, type, id, entry }): OktaToken[] => {
    const kind = TOKEN_KINDS[type.toLowerCase()];
    const jti = kind && namings.text(`${field}.id`, id);
    if (kind === undefined || jti === undefined) return [];
    const hash = sha256Of(textAt(entry, 'hash'));
    return [
      {
        kind,
        jti,
        tok: hash === undefined ? undefined : context.nameOfDigest(hash),
        expiry: expiryOf(textAt(entry, 'expires'), context),
        subject: namings.text(`${field}.detailEntry.subject`, entry['subject']),
      },
    ];
  });
}

/** `hash` counts as a SHA-256 only in the two spellings of one: 64 hex digits, or base64url of 32 bytes. */
function sha256Of(hash: string | undefined): string | undefined {
  if (hash === undefined) return undefined;
  if (/^[0-9a-f]{64}$/i.test(hash)) return hash;
  return /^[A-Za-z0-9_-]{43}=?$/.test(hash) ? Buffer.from(hash, 'base64url').toString('hex') : undefined;
}

function expiryOf(expires: string | undefined, context: ReadContext): Expiry | undefined {
  if (expires === undefined) return undefined;
  const reading = parseIsoTime(expires, context.profile.zone);
  if ('error' in reading) return { kind: 'unknown', raw: expires.slice(0, 64), unit: 'iso', flags: [] };
  return expiryAt(reading.at, expires);
}

/** What the event calls its authorization server: the target's id, else the one in `/oauth2/{id}/v1/token`. */
function authorizationServersOf(targets: Target[], debug: JsonObject): string[] {
  const server = targets.find((target) => target.type.toLowerCase() === 'authorizationserver');
  const inUri = /\/oauth2\/([^/]+)\/v1\//.exec(textAt(debug, 'requestUri') ?? '')?.[1];
  return [server?.id, server?.object['alternateId'], inUri].filter(
    (key) => typeof key === 'string' && key !== '',
  ) as string[];
}

/**
 * The profile's mapping by authorization server; else its keys `org` or `*`, which stand for the whole org; else its
 * only entry, whatever its key; else an issuer assumed from what the event shows.
 */
function issuerOf(context: ReadContext, servers: string[]): string {
  const { issuers } = context.profile;
  const key = [...servers, 'org', '*'].find((each) => Object.hasOwn(issuers, each));
  if (key !== undefined) return issuers[key]!;
  const mapped = Object.values(issuers);
  return mapped.length === 1 ? mapped[0]! : assumedIssuer('okta', servers[0] ?? 'org');
}

function orgIssuersOf(context: ReadContext): string[] {
  const mapped = [...new Set(Object.values(context.profile.issuers))].sort();
  return mapped.length > 0 ? mapped : [assumedIssuer('okta', 'org')];
}

function geoOf(record: JsonObject, client: JsonObject): Geo | undefined {
  const place = partAt(client, 'geographicalContext');
  const { lat, lon } = partAt(place, 'geolocation');
  return readGeo(place['country'], lat, lon, partAt(record, 'securityContext')['asNumber']);
}

function displayName(person: JsonObject | undefined): string | undefined {
  return person && (displayed(person['alternateId']) ?? displayed(person['displayName']));
}
