import { canName } from '#lifecycle';
import type { Adapter, JsonObject, Reading } from './adapter.js';
import { NOT_UNICODE } from './claims.js';
import { readAdminEvent } from './keycloak/admin.js';
import { readEvent, type KeycloakEvent } from './keycloak/event.js';
import { draftsOf, TYPES } from './keycloak/facts.js';
import { sourceIdOf } from './keycloak/source-id.js';
import { noteRaw } from './parts.js';

/**
 * Keycloak user events (`{type, time, realmName, clientId, userId, sessionId, details}`) and the admin events that end
 * or suspend something. Families are per session, client, and online or offline; the session itself is an attribute.
 * A realm without `refreshTokens: revoke` in its profile renews: its old refresh tokens stay good. A refused refresh,
 * "Stale token" too, is only a refusal: whether it means reuse is for the ledger to judge.
 */
export const keycloak: Adapter = {
  format: 'keycloak',
  detects(record) {
    if (typeof record['realmId'] !== 'string' && typeof record['realmName'] !== 'string') return false;
    if (record['time'] === undefined) return false;
    const user = typeof record['type'] === 'string' && record['specversion'] === undefined;
    return user || (typeof record['operationType'] === 'string' && typeof record['resourceType'] === 'string');
  },
  units: { time: 'ms' },
  identity: ['details.token_id', 'details.refresh_token_id', 'details.updated_refresh_token_id', 'details.id_token_id'],
  dedupe: {
    version: 1,
    fields: [
      'time',
      'type or operationType',
      'realm',
      'clientId',
      'userId',
      'sessionId',
      'ipAddress',
      'error',
      'details',
    ],
  },
  redaction: {},
  outcomes: {
    ...TYPES,
    '*_ERROR with a token': 'rejects',
    '*_ERROR without a token, and every other type': 'context',
  },
  sample: {
    id: '6f0b2a9e-3f51-4d0c-9a53-6d1c5f1f0a11',
    time: 1773133200000,
    type: 'CODE_TO_TOKEN',
    realmId: 'r-1',
    realmName: 'shop',
    clientId: 'spa-shop',
    userId: 'u-100',
    sessionId: 's-100',
    ipAddress: '192.0.2.10',
    details: {
      token_id: 'at-100-1',
      refresh_token_id: 'rt-100-1',
      refresh_token_type: 'Refresh',
      grant_type: 'authorization_code',
      scope: 'openid orders',
      username: 'ada',
    },
  },
  read(record, context): Reading {
    if (typeof record['id'] === 'string' && !canName(record['id'])) {
      return { kind: 'rejected', field: 'id', reason: NOT_UNICODE, redrivable: false };
    }
    if (record['type'] === undefined) return readAdminEvent(record, context);
    const event = readEvent(record, context);
    if ('reason' in event) return { kind: 'rejected', ...event, redrivable: false };
    const drafts = draftsOf(event, context);
    if (drafts.length === 0) return { kind: 'ignored', why: `${event.type} states nothing about a token` };
    noteRaw(drafts, context.credentials);
    const dedupe = dedupeOf(record, event);
    return { kind: 'facts', sourceId: sourceIdOf(record, dedupe), dedupe, drafts, personal: event.personal };
  },
};

function dedupeOf(record: JsonObject, event: KeycloakEvent): string[] {
  const details = Object.keys(event.details)
    .sort()
    .map((key) => `${key}=${JSON.stringify(event.details[key])}`);
  return [
    String(event.time),
    event.type,
    event.realm,
    event.client ?? '',
    event.user ?? '',
    event.session ?? '',
    typeof record['ipAddress'] === 'string' ? record['ipAddress'] : '',
    event.error ?? '',
    ...details,
  ];
}
