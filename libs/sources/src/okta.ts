import { canName } from '#lifecycle';
import type { Adapter, JsonObject, Reading } from './adapter.js';
import { NOT_UNICODE } from './claims.js';
import { readEvent, type OktaEvent } from './okta/event.js';
import { TYPES } from './okta/facts.js';
import { noteRaw } from './parts.js';

/**
 * Okta System Log events. Tokens are the targets of type access_token, refresh_token and id_token. Event types without
 * bearing on tokens (sessions, policies, risk) are context; a type that ends tokens without naming token, user or
 * client is rejected, because nothing can be ended by it. A refused grant is a refusal of the tokens that it names.
 *
 * Issuer: `issuers` of the profile maps an authorization server (its id, or the one in the request's path) to the
 * issuer as tokens carry it; the keys `org` and `*` stand for the whole org, and a mapping with one entry holds for
 * every record. So a profile for one org is `{"org": "https://org.example.com/oauth2/default"}`.
 */
export const okta: Adapter = {
  format: 'okta',
  detects(record) {
    const { uuid, eventType, published } = record;
    return typeof uuid === 'string' && typeof eventType === 'string' && published !== undefined;
  },
  units: { published: 'ISO 8601', 'target.detailEntry.expires': 'ISO 8601' },
  identity: ['target.id of a token', 'target.detailEntry.hash', 'target.id of an API token'],
  dedupe: {
    version: 1,
    fields: ['eventType', 'published', 'outcome.result', 'outcome.reason', 'actor', 'transaction.id', 'target'],
  },
  redaction: {},
  outcomes: {
    'SUCCESS, ALLOW': 'the fact of the event type',
    'FAILURE, DENY of a grant': 'token.rejected of each token named',
    'token.detect_reuse': 'token.rejected and family.reusereported, whatever the outcome',
    CHALLENGE: 'context',
  },
  sample: {
    uuid: '5b0c1f3e-0000-4000-8000-000000000001',
    published: '2026-03-10T09:00:00.000Z',
    eventType: 'app.oauth2.as.token.grant.access_token',
    version: '0',
    severity: 'INFO',
    actor: { id: '0oaCLIENT1', type: 'PublicClientApp', alternateId: 'spa-shop', displayName: 'Shop SPA' },
    client: { ipAddress: '192.0.2.20', userAgent: { rawUserAgent: 'Mozilla/5.0 Firefox/136.0' } },
    authenticationContext: { externalSessionId: 'trs-1' },
    outcome: { result: 'SUCCESS', reason: null },
    transaction: { id: '57a51d0ec7640359', type: 'WEB' },
    debugContext: { debugData: { grantType: 'authorization_code', grantedScopes: 'openid, orders.read' } },
    target: [
      {
        id: 'AT.sample-1',
        type: 'access_token',
        displayName: 'Access Token',
        detailEntry: { subject: '00uUSER1', hash: '', expires: '2026-03-10T10:00:00.000Z' },
      },
    ],
  },
  read(record, context): Reading {
    const type = String(record['eventType']).trim().toLowerCase();
    const known = TYPES.find(([pattern]) => pattern.test(type));
    if (known === undefined) return { kind: 'ignored', why: `${type} states nothing about a token` };
    const event = readEvent(record, context);
    if ('field' in event) return { kind: 'rejected', ...event, redrivable: event.field === 'published' };
    if (!canName(String(record['uuid'])))
      return { kind: 'rejected', field: 'uuid', reason: NOT_UNICODE, redrivable: false };
    const drafts = known[1](event, context);
    if (typeof drafts === 'string') return { kind: 'ignored', why: drafts };
    if (drafts.length === 0) return nothingNamed(event);
    noteRaw(drafts, context.credentials);
    const subject = event.tokens[0]?.subject ?? event.targetUser;
    const personal = subject === undefined ? event.personal : { ...event.personal, subject };
    return { kind: 'facts', sourceId: String(record['uuid']), dedupe: dedupeOf(record, event), drafts, personal };
  },
};

function nothingNamed(event: OktaEvent): Reading {
  if (event.result === 'FAILURE' || event.result === 'DENY') {
    return { kind: 'ignored', why: `${event.type} failed and names no token` };
  }
  const reason = `names no token, user or client that ${event.type} could be about`;
  return { kind: 'rejected', field: 'target', reason, redrivable: false };
}

function dedupeOf(record: JsonObject, event: OktaEvent): string[] {
  return [
    event.type,
    String(event.time),
    event.result,
    event.reason ?? '',
    event.actorUser ?? event.client ?? '',
    event.transaction ?? '',
    JSON.stringify(record['target'] ?? null),
  ];
}
