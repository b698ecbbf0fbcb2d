import { refusalClass, type Name, type Names, type RefusalReason } from '#lifecycle';
import type { Draft, ReadContext } from '../adapter.js';
import { present } from '../parts.js';
import type { OktaEvent, OktaToken } from './event.js';

/** Event types → what they state; the first pattern that matches counts, all other types are context. */
export const TYPES: readonly [RegExp, (event: OktaEvent, context: ReadContext) => Draft[] | string][] = [
  [/^app\.oauth2\.(as\.)?(token\.grant|authorize\.implicit)(\.|$)/, grants],
  [/^app\.oauth2\.(as\.)?token\.detect_reuse$/, reportsReuse],
  [/^app\.oauth2\.(as\.)?(token|consent)\.revoke(\.|$)/, revokes],
  [/^app\.oauth2\.(as\.)?introspect(\.|$)/, validates],
  [/^app\.oauth2\.as\.key\.rollover$/, rollsKeyOver],
  [/^app\.oauth2\.client\.lifecycle\.delete$/, endsClient],
  [/^system\.api_token\.(create|revoke)$/, apiToken],
  [/^user\.lifecycle\.(suspend|unsuspend)$/, suspendsUser],
  [/^user\.lifecycle\.(deactivate|delete\.initiate|delete\.completed)$/, endsUser],
];

const REASONS: readonly [RegExp, RefusalReason][] = [
  [/reuse|already[_ ]used|rotated/i, 'stale'],
  [/expired/i, 'expired'],
  [/revoked|inactive|suspended|deactivated/i, 'inactive'],
  [/session/i, 'session'],
  [/scope/i, 'scope'],
  [/policy|access[_ ]denied|not[_ ]assigned/i, 'permission'],
  [/dpop|proof/i, 'binding'],
  [/signature/i, 'signature'],
  [/audience/i, 'audience'],
  [/invalid[_ ](grant|token|refresh)/i, 'malformed'],
];

export const succeeded = (event: OktaEvent) => event.result === 'SUCCESS' || event.result === 'ALLOW';
const failed = (event: OktaEvent) => event.result === 'FAILURE' || event.result === 'DENY';

function contextNames(event: OktaEvent, context: ReadContext, subject: string | undefined): Names {
  const { issuer, client, session, net } = event;
  return present({
    sub: subject === undefined ? undefined : context.name('sub', issuer, subject),
    cli: client === undefined ? undefined : context.name('cli', issuer, client),
    ses: session === undefined ? undefined : context.name('ses', issuer, session),
    net,
  });
}

/** Tokens of one token request are of one grant; refresh edges join the grants of one family. */
function tokenDraft(
  event: OktaEvent,
  context: ReadContext,
  type: Draft['type'],
  token: OktaToken,
  data: Record<string, unknown>,
  grant?: string,
): Draft {
  const names: Names = {
    jti: context.name('jti', event.issuer, token.jti),
    ...(token.tok !== undefined && { tok: token.tok }),
    ...(grant !== undefined && { fam: context.name('fam', event.issuer, grant) }),
    ...contextNames(event, context, token.subject ?? event.targetUser),
  };
  const shown = present({
    issuer: event.issuer,
    jti: token.jti,
    grant,
    kind: token.kind,
    form: token.kind === 'refresh' ? 'opaque' : 'jwt',
    expiry: token.expiry,
    verified: true,
    notes: event.notes.length > 0 ? event.notes : undefined,
    ...data,
  });
  return { type, time: event.time, names, data: shown };
}

function grants(event: OktaEvent, context: ReadContext): Draft[] | string {
  if (failed(event)) return refuses(event, context, reasonOf(event));
  if (!succeeded(event)) return `outcome ${event.result} issues nothing`;
  const [presented, issued] = splitPresented(event);
  const grantType = event.grantType;
  const newRefresh = issued.find((token) => token.kind === 'refresh');
  const offline = event.scopes?.includes('offline_access') ? true : undefined;
  const parent = presented[0] && context.name('jti', event.issuer, presented[0].jti);
  const rotates = newRefresh !== undefined && context.profile.refreshTokens === 'revoke';
  const successor = rotates ? context.name('jti', event.issuer, newRefresh.jti) : undefined;
  const use = { grantType, agent: event.agent, geo: event.geo };
  return [
    ...presented.map((token) =>
      tokenDraft(
        event,
        context,
        rotates ? 'token.rotated' : 'token.renewed',
        token,
        { ...use, successor },
        event.transaction,
      ),
    ),
    ...issued.map((token) => {
      const scopes = token.kind === 'id' ? undefined : event.scopes;
      const data = { grantType, scopes, offline, parent: token.kind === 'refresh' ? parent : undefined };
      return tokenDraft(event, context, 'token.issued', token, data, event.transaction);
    }),
  ];
}

/**
 * In a refresh grant a record may name the presented refresh token beside the issued one: it is then of another kind
 * than the event's last word, or the one without `expires`.
 */
function splitPresented(event: OktaEvent): [presented: OktaToken[], issued: OktaToken[]] {
  if (event.grantType !== 'refresh_token') return [[], event.tokens];
  const word = /\.(access|refresh|id)_token$/.exec(event.type)?.[1];
  const sameKind = event.tokens.filter((token) => token.kind === word);
  const isPresented = (token: OktaToken) =>
    token.kind === 'refresh' &&
    word !== undefined &&
    (word !== 'refresh' || (sameKind.length > 1 && token.expiry === undefined));
  return [event.tokens.filter(isPresented), event.tokens.filter((token) => !isPresented(token))];
}

function refuses(event: OktaEvent, context: ReadContext, reason: RefusalReason, grant?: string): Draft[] {
  const data = { reason, class: refusalClass(reason, undefined, true), agent: event.agent, geo: event.geo };
  return event.tokens.map((token) => tokenDraft(event, context, 'token.rejected', token, data, grant));
}

function reasonOf(event: OktaEvent): RefusalReason {
  const text = event.reason ?? '';
  return REASONS.find(([pattern]) => pattern.test(text))?.[1] ?? 'other';
}

function validates(event: OktaEvent, context: ReadContext): Draft[] | string {
  if (failed(event)) return refuses({ ...event, client: undefined }, context, reasonOf(event));
  if (!succeeded(event)) return `outcome ${event.result} validates nothing`;
  const data = { agent: event.agent, geo: event.geo };
  const asked = { ...event, client: undefined };
  return event.tokens.map((token) => tokenDraft(asked, context, 'token.validated', token, data));
}

/** The refused presentation, and the issuer's word about its family; the family is reached through the token. */
function reportsReuse(event: OktaEvent, context: ReadContext): Draft[] | string {
  return event.tokens
    .filter((token) => token.kind === 'refresh')
    .flatMap((token): Draft[] => {
      const grant = `refresh_token/${token.jti}`;
      const refused = refuses({ ...event, tokens: [token] }, context, 'stale', grant);
      const fam = context.name('fam', event.issuer, grant);
      const jti = context.name('jti', event.issuer, token.jti);
      const names = { ...contextNames(event, context, token.subject ?? event.targetUser), jti, fam };
      const data = { issuer: event.issuer, grant, token: jti, cause: 'the issuer detected reuse' };
      return [...refused, { type: 'family.reusereported', time: event.time, subject: fam, names, data }];
    });
}

/** Tokens that the record names end; one that names none ends what its user and client hold. */
function revokes(event: OktaEvent, context: ReadContext): Draft[] | string {
  if (!succeeded(event)) return `outcome ${event.result} revokes nothing`;
  const cause = event.type.replace(/^app\.oauth2\.(as\.)?/, '');
  if (event.tokens.length > 0) {
    const by = { ...event, client: undefined, net: undefined, session: undefined };
    return event.tokens.map((token) => tokenDraft(by, context, 'token.revoked', token, { cause, scope: 'token' }));
  }
  const user = event.targetUser ?? (event.type.includes('consent') ? event.actorUser : undefined);
  const client = event.targetClient ?? event.client;
  const sub = user === undefined ? undefined : context.name('sub', event.issuer, user);
  const cli = client === undefined ? undefined : context.name('cli', event.issuer, client);
  return fence(event, event.issuer, { sub, cli }, cause);
}

function rollsKeyOver(event: OktaEvent, context: ReadContext): Draft[] | string {
  if (!succeeded(event)) return `outcome ${event.result} rolls no key over`;
  if (event.kid === undefined) return 'the rollover names no key';
  const kid = context.name('kid', event.issuer, event.kid);
  const data = { issuer: event.issuer, kid: event.kid };
  return [{ type: 'key.activated', time: event.time, subject: kid, names: { kid }, data }];
}

function endsClient(event: OktaEvent, context: ReadContext): Draft[] | string {
  if (!succeeded(event)) return `outcome ${event.result} deletes nothing`;
  const client = event.targetClient;
  if (client === undefined) return [];
  return event.orgIssuers.flatMap((issuer) =>
    fence(event, issuer, { cli: context.name('cli', issuer, client) }, 'client deleted'),
  );
}

function apiToken(event: OktaEvent, context: ReadContext): Draft[] | string {
  if (!succeeded(event)) return `outcome ${event.result} changes no API token`;
  if (event.apiToken === undefined) return [];
  const created = event.type.endsWith('create');
  const owner = created ? event.actorUser : undefined;
  const names = present({
    cred: context.name('cred', 'okta', event.apiToken),
    sub: owner === undefined ? undefined : context.name('sub', event.issuer, owner),
  });
  const shown = { issuer: event.issuer, kind: 'apiKey', form: 'opaque', verified: true };
  if (created) return [{ type: 'token.issued', time: event.time, names, data: shown }];
  const data = { ...shown, cause: 'API token revoked', scope: 'token' };
  return [{ type: 'token.revoked', time: event.time, names, data }];
}

function suspendsUser(event: OktaEvent, context: ReadContext): Draft[] | string {
  if (!succeeded(event)) return `outcome ${event.result} changes no user`;
  const user = event.targetUser;
  if (user === undefined) return [];
  const type = event.type.endsWith('unsuspend') ? 'subject.reinstated' : 'subject.suspended';
  return event.orgIssuers.map((issuer) => {
    const sub = context.name('sub', issuer, user);
    const data = { issuer, reasonId: 'lifecycle', cause: event.type };
    return { type, time: event.time, subject: sub, names: { sub }, data };
  });
}

function endsUser(event: OktaEvent, context: ReadContext): Draft[] | string {
  if (!succeeded(event)) return `outcome ${event.result} changes no user`;
  const user = event.targetUser;
  if (user === undefined) return [];
  return event.orgIssuers.flatMap((issuer) =>
    fence(event, issuer, { sub: context.name('sub', issuer, user) }, event.type),
  );
}

/** Ends what was born up to and including the event's millisecond. */
function fence(
  event: OktaEvent,
  issuer: string,
  match: { sub?: Name | undefined; cli?: Name | undefined },
  cause: string,
): Draft[] {
  const subject = match.sub ?? match.cli;
  if (subject === undefined) return [];
  const scope =
    match.sub !== undefined && match.cli !== undefined ? 'grant' : match.sub !== undefined ? 'subject' : 'client';
  const data = { issuer, cutoff: event.time + 1, match: present(match), cause, scope };
  return [{ type: 'fence.raised', time: event.time, subject, names: present(match), data }];
}
