import { refusalClass, type Names, type RefusalReason } from '#lifecycle';
import type { Draft, ReadContext } from '../adapter.js';
import { contextNames, grantOf, type KeycloakEvent } from './event.js';
import { present } from '../parts.js';

/** What each type of event states; types that are not listed are context. */
export const TYPES = {
  CODE_TO_TOKEN: 'issues',
  CLIENT_LOGIN: 'issues',
  OAUTH2_DEVICE_CODE_TO_TOKEN: 'issues',
  AUTHREQID_TO_TOKEN: 'issues',
  PERMISSION_TOKEN: 'issues',
  TOKEN_EXCHANGE: 'issues',
  JWT_BEARER: 'issues',
  OAUTH2_EXTENSION_GRANT: 'issues',
  REFRESH_TOKEN: 'refreshes',
  INTROSPECT_TOKEN: 'validates',
  VALIDATE_ACCESS_TOKEN: 'validates',
  USER_INFO_REQUEST: 'validates',
  REVOKE_GRANT: 'revokes',
  LOGOUT: 'endsSession',
  USER_DISABLED_BY_PERMANENT_LOCKOUT: 'suspendsUser',
  USER_DISABLED_BY_TEMPORARY_LOCKOUT: 'suspendsUser',
  DELETE_ACCOUNT: 'endsUser',
  CLIENT_DELETE: 'endsClient',
} as const;

/** Keycloak's `details.reason` and `error` in the ledger's words; the first that matches counts. */
const REASONS: readonly [RegExp, RefusalReason][] = [
  [/stale token|maximum allowed refresh token reuse/i, 'stale'],
  [
    /session (not active|doesn't have required client)|session_(expired|not_found)|session not found|no session/i,
    'session',
  ],
  [/expired|token is not active/i, 'expired'],
  [/not[ _]before|not yet valid/i, 'not-yet-valid'],
  [/signature/i, 'signature'],
  [/audience/i, 'audience'],
  [/invalid token issuer/i, 'issuer'],
  [/dpop|certificate|proof/i, 'binding'],
  [/insufficient_scope|invalid_scope/i, 'scope'],
  [/user[ _]disabled|client[ _]disabled|user[ _]not[ _]found|revoked/i, 'inactive'],
  [/not_allowed|access_denied/i, 'permission'],
  [/invalid (refresh )?token|unmatching clients/i, 'malformed'],
];

const REQUESTED_KINDS: Readonly<Record<string, 'refresh' | 'id'>> = {
  'urn:ietf:params:oauth:token-type:refresh_token': 'refresh',
  'urn:ietf:params:oauth:token-type:id_token': 'id',
};

/** The facts that one event states; none for a context line. */
export function draftsOf(event: KeycloakEvent, context: ReadContext): Draft[] {
  if (event.type.endsWith('_ERROR')) return rejections(event, context);
  const what = Object.hasOwn(TYPES, event.type) ? TYPES[event.type as keyof typeof TYPES] : undefined;
  switch (what) {
    case 'issues':
      return issues(event, context);
    case 'refreshes':
      return refreshes(event, context);
    case 'validates':
      return validates(event, context);
    case 'revokes':
      return revokes(event, context);
    case 'endsSession':
      return fence(event, context, { ses: contextNames(event, context).ses }, 'logout', false);
    case 'suspendsUser':
      return suspendsUser(event, context);
    case 'endsUser':
      return fence(event, context, { sub: contextNames(event, context).sub }, 'account deleted');
    case 'endsClient':
      return fence(event, context, { cli: contextNames(event, context).cli }, 'client deleted');
    default:
      return [];
  }
}

/** One fact about one token: its own name beside those of its grant and context. */
function tokenDraft(
  event: KeycloakEvent,
  context: ReadContext,
  type: Draft['type'],
  jti: string,
  data: { kind?: string | undefined; offline?: boolean | undefined; [field: string]: unknown },
): Draft {
  const offline = data.offline;
  const grant = offline === undefined ? undefined : grantOf(event.session, event.client, offline);
  const names: Names = {
    ...contextNames(event, context),
    jti: context.name('jti', event.issuer, jti),
    ...(grant !== undefined && { fam: context.name('fam', event.issuer, grant) }),
  };
  const notes = event.notes.length > 0 ? event.notes : undefined;
  const shown = present({ issuer: event.issuer, jti, grant, form: 'jwt', verified: true, ...data, notes });
  return { type, time: event.time, names, data: shown };
}

function issues(event: KeycloakEvent, context: ReadContext): Draft[] {
  const offline = event.offline ?? false;
  const grantType = event.details['grant_type'];
  const shared = {
    offline,
    scopes: event.scopes,
    grantType: typeof grantType === 'string' ? grantType : undefined,
  };
  const drafts: Draft[] = [];
  const audiences = event.audiences && { kind: 'set', values: event.audiences };
  const requested = REQUESTED_KINDS[String(event.details['requested_token_type'])];
  if (event.accessToken !== undefined) {
    const kind = requested === 'id' ? 'id' : 'access';
    drafts.push(tokenDraft(event, context, 'token.issued', event.accessToken, { kind, ...shared, audiences }));
  }
  if (event.refreshToken !== undefined) {
    drafts.push(tokenDraft(event, context, 'token.issued', event.refreshToken, { kind: 'refresh', ...shared }));
  }
  if (event.idToken !== undefined) {
    drafts.push(tokenDraft(event, context, 'token.issued', event.idToken, { kind: 'id', offline }));
  }
  return event.type === 'TOKEN_EXCHANGE' ? [...drafts, ...exchanges(event, context)] : drafts;
}

/** The event does not show the subject token, only whose it was: its family is that client's in the same session. */
function exchanges(event: KeycloakEvent, context: ReadContext): Draft[] {
  if (event.accessToken === undefined) return [];
  const grant = grantOf(event.session, event.subjectTokenClient, false);
  const subjectFamily = grant === undefined ? undefined : context.name('fam', event.issuer, grant);
  const data = { offline: event.offline ?? false, subjectFamily, grantType: 'token_exchange' };
  return [tokenDraft(event, context, 'token.exchanged', event.accessToken, data)];
}

function refreshes(event: KeycloakEvent, context: ReadContext): Draft[] {
  const offline = event.offline ?? false;
  const { refreshToken: presented, updatedRefreshToken: updated, scopes } = event;
  const isNew = updated !== undefined && updated !== presented;
  const grantType = 'refresh_token';
  const drafts: Draft[] = [];
  if (presented !== undefined) {
    const rotates = isNew && context.profile.refreshTokens === 'revoke';
    const successor = rotates ? context.name('jti', event.issuer, updated) : undefined;
    const data = { kind: 'refresh', offline, successor, grantType, agent: event.agent };
    drafts.push(tokenDraft(event, context, rotates ? 'token.rotated' : 'token.renewed', presented, data));
  }
  if (event.accessToken !== undefined) {
    const data = { kind: 'access', offline, scopes, grantType };
    drafts.push(tokenDraft(event, context, 'token.issued', event.accessToken, data));
  }
  if (isNew) {
    const parent = presented === undefined ? undefined : context.name('jti', event.issuer, presented);
    const data = { kind: 'refresh', offline, scopes, grantType, parent };
    drafts.push(tokenDraft(event, context, 'token.issued', updated, data));
  }
  return drafts;
}

/** An introspecting client is a resource server: it is not the token's client. */
function validates(event: KeycloakEvent, context: ReadContext): Draft[] {
  const token = event.accessToken ?? event.refreshToken;
  if (token === undefined) return [];
  const asked = event.type === 'USER_INFO_REQUEST' ? event : { ...event, client: undefined };
  const kind = event.accessToken === undefined ? 'refresh' : undefined;
  return [tokenDraft(asked, context, 'token.validated', token, { kind, agent: event.agent })];
}

function rejections(event: KeycloakEvent, context: ReadContext): Draft[] {
  const isRefresh = event.type === 'REFRESH_TOKEN_ERROR' || event.accessToken === undefined;
  const token = isRefresh ? event.refreshToken : event.accessToken;
  if (token === undefined) return [];
  const reason = reasonOf(event);
  const asked = event.type === 'INTROSPECT_TOKEN_ERROR' ? { ...event, client: undefined } : event;
  const data = {
    kind: isRefresh ? 'refresh' : undefined,
    offline: isRefresh ? event.offline : undefined,
    reason,
    class: refusalClass(reason, undefined, true),
    agent: event.agent,
  };
  return [tokenDraft(asked, context, 'token.rejected', token, data)];
}

function reasonOf(event: KeycloakEvent): RefusalReason {
  const stated = [event.details['reason'], event.error].filter((text) => typeof text === 'string');
  for (const text of stated) {
    const known = REASONS.find(([pattern]) => pattern.test(text));
    if (known) return known[1];
  }
  return 'other';
}

/**
 * REVOKE_GRANT. An access token ends alone. A refresh token ends with its grant (RFC 7009), which the session names.
 * Without session and token the user withdrew a client: everything of that user at that client ends.
 */
function revokes(event: KeycloakEvent, context: ReadContext): Draft[] {
  const of = { ...event, client: event.revokedClient ?? event.client };
  const cause = 'revoked at the issuer';
  const drafts: Draft[] = [];
  if (of.accessToken !== undefined) {
    drafts.push(tokenDraft(of, context, 'token.revoked', of.accessToken, { kind: 'access', cause }));
  }
  if (of.refreshToken !== undefined) {
    const data = { kind: 'refresh', offline: of.offline, cause };
    drafts.push(tokenDraft(of, context, 'token.revoked', of.refreshToken, data));
  }
  if (of.accessToken !== undefined && of.refreshToken === undefined) return drafts;
  const families = familyEnds(of, context, cause);
  if (families.length > 0) return [...drafts, ...families];
  if (of.refreshToken !== undefined) return drafts;
  const { sub, cli } = contextNames(of, context);
  return sub === undefined || cli === undefined ? [] : fence(of, context, { sub, cli }, cause);
}

/** The session's grants of the client: the one that the event says, else both the online and the offline one. */
function familyEnds(event: KeycloakEvent, context: ReadContext, cause: string): Draft[] {
  const modes = event.offline === undefined ? [false, true] : [event.offline];
  return modes.flatMap((offline): Draft[] => {
    const grant = grantOf(event.session, event.client, offline);
    if (grant === undefined) return [];
    const fam = context.name('fam', event.issuer, grant);
    const names = { ...contextNames(event, context), fam };
    const data = { issuer: event.issuer, grant, cause, scope: 'grant' };
    return [{ type: 'family.revoked', time: event.time, subject: fam, names, data }];
  });
}

/** Ends what was born up to and including the event's millisecond. */
export function fence(
  event: KeycloakEvent,
  context: ReadContext,
  match: { sub?: string | undefined; cli?: string | undefined; ses?: string | undefined },
  cause: string,
  offline?: boolean,
): Draft[] {
  const subject = match.ses ?? match.sub ?? match.cli;
  if (subject === undefined) return [];
  const data = {
    issuer: event.issuer,
    cutoff: event.time + 1,
    match: present({ ...match, offline }),
    cause,
    scope: match.ses ? 'session' : match.sub && match.cli ? 'grant' : match.sub ? 'subject' : 'client',
  };
  return [{ type: 'fence.raised', time: event.time, subject, names: contextNames(event, context), data }];
}

function suspendsUser(event: KeycloakEvent, context: ReadContext): Draft[] {
  const names = contextNames(event, context);
  if (names.sub === undefined) return [];
  const reasonId = event.type === 'USER_DISABLED_BY_TEMPORARY_LOCKOUT' ? 'temporary-lockout' : 'permanent-lockout';
  const data = { issuer: event.issuer, reasonId, cause: 'too many failed logins' };
  return [{ type: 'subject.suspended', time: event.time, subject: names.sub, names, data }];
}
