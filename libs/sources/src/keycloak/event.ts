import { assumedIssuer, readEpoch, type Name, type Names } from '#lifecycle';
import type { JsonObject, Personal, ReadContext } from '../adapter.js';
import { textAt } from '../fields.js';
import { Namings } from '../namings.js';
import { netName } from '../net.js';
import { displayed, partAt, present, wordsOf } from '../parts.js';
import { agentProduct } from '../presenter.js';

/** A Keycloak user event with its naming fields read; what every mapping of `keycloak.ts` starts from. */
export interface KeycloakEvent {
  type: string;
  time: number;
  realm: string;
  issuer: string;
  client: string | undefined;
  user: string | undefined;
  session: string | undefined;
  details: JsonObject;
  error: string | undefined;
  accessToken: string | undefined;
  refreshToken: string | undefined;
  updatedRefreshToken: string | undefined;
  idToken: string | undefined;
  /** TOKEN_EXCHANGE: whose the subject token was. */
  subjectTokenClient: string | undefined;
  /** REVOKE_GRANT: whose grant ends; the event's own client may be the account console. */
  revokedClient: string | undefined;
  /** Undefined where the event does not say whether its grant outlives the login session. */
  offline: boolean | undefined;
  scopes: string[] | undefined;
  audiences: string[] | undefined;
  agent: string | undefined;
  net: Name | undefined;
  personal: Personal;
  notes: string[];
}

export type EventReading = KeycloakEvent | { field: string; reason: string };

/** The realm's issuer: the profile's mapping by name, then by id, else one assumed from the realm's name. */
export function realmOf(record: JsonObject, context: ReadContext, namings: Namings) {
  const name = namings.text('realmName', record['realmName']);
  const id = namings.text('realmId', record['realmId']);
  const realm = name ?? id;
  const { issuers } = context.profile;
  const key = [name, id].find((each) => each !== undefined && Object.hasOwn(issuers, each));
  const issuer = key === undefined ? realm && assumedIssuer('keycloak', realm) : issuers[key];
  return realm !== undefined && issuer !== undefined ? { realm, issuer } : undefined;
}

/** `time` is in milliseconds; digits of another unit are read and noted (MODEL §4.5). */
export function timeOf(record: JsonObject, notes: string[]): number | undefined {
  const value = record['time'];
  const reading = typeof value === 'number' || typeof value === 'string' ? readEpoch(value, 'ms') : undefined;
  if (reading?.suspect) notes.push('time:unit-suspect');
  return reading?.at;
}

export function readEvent(record: JsonObject, context: ReadContext): EventReading {
  const namings = new Namings();
  const details = partAt(record, 'details');
  const time = timeOf(record, namings.notes);
  if (time === undefined) return { field: 'time', reason: 'is no time in milliseconds since 1970' };
  const realm = realmOf(record, context, namings);
  const detail = (key: string) => namings.text(`details.${key}`, details[key]);
  const event: Omit<KeycloakEvent, 'realm' | 'issuer'> = {
    type: textAt(record, 'type') ?? '',
    time,
    client: namings.text('clientId', record['clientId']),
    user: namings.text('userId', record['userId']),
    session: namings.text('sessionId', record['sessionId']),
    details,
    error: textAt(record, 'error'),
    accessToken: detail('token_id'),
    refreshToken: detail('refresh_token_id'),
    updatedRefreshToken: detail('updated_refresh_token_id'),
    idToken: detail('id_token_id'),
    subjectTokenClient: detail('subject_token_client_id'),
    revokedClient: detail('revoked_client'),
    offline: offlineOf(details),
    scopes: wordsOf(details['scope']),
    audiences: wordsOf(details['audience']),
    agent: agentProduct(details['user_agent']),
    net: netName(context.name, record['ipAddress'], context.profile.trustedProxies),
    personal: present({
      userName: displayed(details['username']),
      address: displayed(record['ipAddress']),
      agent: displayed(details['user_agent']),
      subject: displayed(record['userId']),
    }),
    notes: namings.notes,
  };
  if (namings.fault) return namings.fault;
  if (realm === undefined)
    return { field: 'realmName', reason: 'is missing, and so is realmId: the issuer is unknown' };
  return { ...event, ...realm };
}

/** Keycloak's refresh tokens say `Refresh` or `Offline`; else the scope of the grant tells. */
function offlineOf(details: JsonObject): boolean | undefined {
  const kind = details['refresh_token_type'];
  if (typeof kind === 'string' && kind !== '') return kind.toLowerCase() === 'offline';
  const scopes = wordsOf(details['scope']);
  return scopes?.includes('offline_access') ? true : undefined;
}

/**
 * The grant as one text: session, client, and online or offline. The realm is in the issuer. Each part is escaped,
 * because client ids are often URLs.
 */
export function grantOf(session: string | undefined, client: string | undefined, offline: boolean): string | undefined {
  if (session === undefined || client === undefined) return undefined;
  return [session, client, offline ? 'offline' : 'online'].map(encodeURIComponent).join('/');
}

/** Names that any event of a user shows; the token's own names are added by the caller. */
export function contextNames(event: KeycloakEvent, context: ReadContext): Names {
  const { issuer, user, client, session, net } = event;
  return present({
    sub: user === undefined ? undefined : context.name('sub', issuer, user),
    cli: client === undefined ? undefined : context.name('cli', issuer, client),
    ses: session === undefined ? undefined : context.name('ses', issuer, session),
    net,
  });
}
