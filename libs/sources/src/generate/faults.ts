import { createHash } from 'node:crypto';
import { KEY_GATEWAYS, JWT_GATEWAYS, PARTNER, SHOP } from './cast.js';
import { apisixClaimsLine, apisixLine, type Jwt } from './gateway-lines.js';
import { cloudEvent, keycloakLine, oktaLine, type Login } from './issuer-lines.js';
import { issueAtOrg, issueAtShop, orgJwt, revokeAtOrg, shopJwt } from './sessions.js';
import type { Stage } from './stage.js';
import { digestOfToken } from './truth.js';

const SECOND = 1000;
const MINUTE = 60_000;
const [KONG_A, KONG_B, ENVOY] = JWT_GATEWAYS;
const [APISIX] = KEY_GATEWAYS;

/**
 * What goes wrong besides the bad deployment: each fault has tokens and people of its own, happens before half time,
 * and tells the truth which findings it must lead to. A fault whose systems are left out does not happen.
 */
const FAULTS = {
  /** At-least-once delivery: one line in a hundred comes twice. */
  duplicates: (stage: Stage) => {
    stage.repeats = true;
  },
  /** One record id with two contents: an issuance, and the revocation that hides behind it. */
  conflict: (stage: Stage, at: number) => {
    if (!stage.has('okta')) return;
    const login = person(at, 'f-conflict', '0oaSPA');
    const jwt = orgJwt(login, 'AT.conflict');
    const uuid = stage.random.uuid();
    const target = [{ type: 'access_token', id: jwt.jti, expires: jwt.exp * SECOND } as const];
    stage.say(
      at,
      'okta',
      oktaLine(uuid, 'app.oauth2.as.token.grant.access_token', login, 'authorization_code', target),
    );
    const later = { ...login, at: at + 5 * SECOND };
    stage.say(later.at, 'okta', oktaLine(uuid, 'app.oauth2.as.token.revoke', later, 'authorization_code', target));
    stage.truth.conflicts++;
    const token = stage.token(jwt);
    Object.assign(token, { issuedAt: at, expiry: jwt.exp * SECOND });
    token.ends.push({ kind: 'revoked', at: later.at });
    stage.truth.findings.push({ rule: 'conflicting-duplicate', severity: 'medium', token });
  },
  /** A revocation that a gateway honours within its window. */
  lag: (stage: Stage, at: number) => afterRevocation(stage, at, 'f-lag', [20, 48], 75, 'propagation lag'),
  /** One that it honours too late. */
  gap: (stage: Stage, at: number) => afterRevocation(stage, at, 'f-gap', [20, 90], 130, 'enforcement gap'),
  /** The issuer's clock runs 90 s ahead. */
  skew: (stage: Stage, at: number) => {
    if (!stage.has('keycloak', 'envoy')) return;
    const login = person(at + 90 * SECOND, 'f-skew', 'billing');
    const jwt = shopJwt(login, 'f-skew-1', 900);
    for (const early of [1200, 18_000]) stage.use(at + early, jwt, ENVOY, login, 'not-yet-valid');
    stage.use(at + 31_500, jwt, ENVOY, login);
    issueAtShop(stage, login, jwt, 'CLIENT_LOGIN', 'client_credentials');
    stage.use(at + 200 * SECOND, jwt, ENVOY, login);
    stage.truth.findings.push({ rule: 'clock-skew', token: stage.token(jwt) });
  },
  /** Accepted 95 s after its expiry. */
  late: (stage: Stage, at: number) => {
    if (!stage.has('keycloak', 'envoy')) return;
    const login = person(at, 'f-late', 'billing');
    const jwt = shopJwt(login, 'f-late-1', 300);
    issueAtShop(stage, login, jwt, 'CLIENT_LOGIN', 'client_credentials');
    for (const after of [1, 200, 395]) stage.use(at + after * SECOND, jwt, ENVOY, login);
    stage.use(at + 410 * SECOND, jwt, ENVOY, login, 'expired');
    stage.truth.findings.push({ rule: 'D3', token: stage.token(jwt) });
  },
  /** `exp` in milliseconds. */
  unit: (stage: Stage, at: number) => {
    const expiry = Math.floor(at / SECOND) * SECOND + 3_600_000;
    claimsAtApisix(
      stage,
      at,
      'f-unit-1',
      { iat: String(expiry - 3_600_000), exp: String(expiry) },
      expiry,
      'expiry-unit-suspect',
    );
  },
  /** No `exp` at all. */
  endless: (stage: Stage, at: number) => {
    claimsAtApisix(stage, at, 'f-endless-1', { iat: String(Math.floor(at / SECOND)) }, 'never', 'never-expires');
  },
  /** A stolen refresh token, presented long after its rotation and from elsewhere. */
  theft: (stage: Stage, at: number) => {
    if (!stage.has('keycloak')) return;
    const login = person(at, 'f-theft', 'spa-shop');
    rotation(stage, login, 'f-theft', 8 * MINUTE);
    const thief = { ...login, at: at + 20 * MINUTE, address: '203.0.113.200' };
    staleRefresh(stage, thief, 'f-theft-rt-1', 'Stale token');
    stage.truth.findings.push({ rule: 'D1', severity: 'critical', token: { issuer: SHOP, jti: 'f-theft-rt-1' } });
  },
  /** Two tabs refresh at once, and the user is thrown out. */
  race: (stage: Stage, at: number) => {
    if (!stage.has('keycloak')) return;
    const login = person(at, 'f-race', 'spa-shop');
    rotation(stage, login, 'f-race', 10 * MINUTE);
    const rotated = at + 10 * MINUTE;
    for (const after of [13, 21]) staleRefresh(stage, { ...login, at: rotated + after }, 'f-race-rt-1', 'Stale token');
    staleRefresh(stage, { ...login, at: rotated + 3400 }, 'f-race-rt-2', 'Session not active');
    const again = { ...login, at: rotated + 12_900, session: 'f-race-session-2' };
    issueAtShop(stage, again, shopJwt(again, 'f-race-at-3', 900), 'CODE_TO_TOKEN', 'authorization_code');
    stage.truth.findings.push({ rule: 'D1', severity: 'low', token: { issuer: SHOP, jti: 'f-race-rt-1' } });
  },
  /** One jti, two tokens of two subjects. */
  collision: (stage: Stage, at: number) => {
    if (!stage.has('envoy')) return;
    for (const [n, user] of ['f-collision-a', 'f-collision-b'].entries()) {
      const login = person(at, user, 'mobile');
      const jwt = { ...shopJwt(login, '42', 3600), issuer: PARTNER, sha256: digestOfToken(PARTNER, user) };
      const call = stage.call(at + n * SECOND, ENVOY, login);
      stage.useOfPart(call, jwt);
    }
    stage.truth.findings.push({ rule: 'D17', severity: 'critical', token: { issuer: PARTNER, jti: '42' } });
  },
  /** The token itself in an Authorization header of the log. */
  rawToken: (stage: Stage, at: number) => {
    if (!stage.has('apisix')) return;
    const encoded = [
      { alg: 'none', typ: 'at+jwt' },
      { iss: PARTNER, sub: 'f-raw', jti: 'f-raw-1' },
    ]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.');
    const raw = `${encoded}.NOT-A-SIGNATURE`;
    const call = stage.call(at, APISIX, { address: '203.0.113.61' });
    if (!stage.say(at, 'apisix', apisixLine(call, { authorization: `Bearer ${raw}` }))) return;
    const token = stage.truth.token({ sha256: createHash('sha256').update(raw).digest('hex') }, 'access');
    stage.noteUse(token, call);
    stage.truth.findings.push({ rule: 'raw-credentials', severity: 'high', token });
  },
  /** A backend exchanges a person's token for its own (RFC 8693). */
  exchange: (stage: Stage, at: number) => {
    if (!stage.has('keycloak', 'kong', 'cloudevents')) return;
    const login = person(at, 'f-exchange', 'spa-shop');
    const subject = shopJwt(login, 'f-exchange-1', 1800);
    issueAtShop(stage, login, subject, 'CODE_TO_TOKEN', 'authorization_code');
    stage.use(at + SECOND, subject, KONG_A, login);
    const exchanged = { ...shopJwt({ ...login, at: at + 2 * SECOND }, 'f-exchange-2', 600), client: 'backend' };
    const data = {
      issuer: SHOP,
      jti: exchanged.jti,
      subject: exchanged.subject,
      client: exchanged.client,
      kind: 'access',
      scope: exchanged.scope,
      exp: exchanged.exp,
      iat: exchanged.iat,
      subjectToken: { jti: subject.jti },
      grantType: 'token_exchange',
    };
    stage.say(at + 2 * SECOND, 'broker', cloudEvent('f-exchange', '/broker', 'token.exchanged', at + 2 * SECOND, data));
    Object.assign(stage.token(exchanged), { issuedAt: at + 2 * SECOND });
    stage.use(at + 3 * SECOND, exchanged, KONG_B, login);
  },
  /** An id token works as an access token. */
  wrongKind: (stage: Stage, at: number) => {
    if (!stage.has('okta', 'kong')) return;
    const login = person(at, 'f-kind', '0oaSPA');
    const jwt = { ...orgJwt(login, 'ID.f-kind'), typ: 'JWT' };
    const target = { type: 'id_token' as const, id: jwt.jti, expires: jwt.exp * SECOND };
    const type = 'app.oauth2.as.token.grant.id_token';
    if (!stage.say(at, 'okta', oktaLine(stage.random.uuid(), type, login, 'authorization_code', [target]))) return;
    Object.assign(stage.token(jwt, 'id'), { issuedAt: at });
    stage.use(at + SECOND, jwt, KONG_A, login);
    stage.truth.findings.push({ rule: 'D18', severity: 'high', token: stage.token(jwt) });
  },
  /** A token bound to a DPoP key is let in without the key. */
  binding: (stage: Stage, at: number) => {
    if (!stage.has('keycloak', 'envoy', 'cloudevents')) return;
    const login = person(at, 'f-binding', 'mobile');
    const jkt = createHash('sha256').update('f-binding').digest('base64url');
    const jwt: Jwt = { ...shopJwt(login, 'f-binding-1', 900), jkt };
    issueAtShop(stage, login, jwt, 'CODE_TO_TOKEN', 'authorization_code');
    stage.use(at + SECOND, jwt, ENVOY, login);
    const used = at + 60 * SECOND;
    const data = {
      issuer: SHOP,
      jti: jwt.jti,
      proof: { present: false },
      status: 200,
      gateway: 'gw-edge',
      version: 'v41',
    };
    if (!stage.say(used, 'edge', cloudEvent('f-binding', '/edge', 'token.validated', used, data))) return;
    stage.token(jwt).uses.push({ at: used, gateway: 'gw-edge', version: 'v41', outcome: 'accepted' });
    stage.truth.findings.push({ rule: 'D6', severity: 'critical', token: stage.token(jwt) });
  },
} as const;
export type FaultName = keyof typeof FAULTS;
export const FAULT_NAMES = Object.keys(FAULTS) as FaultName[];

/** Faults begin two minutes after the start, each half a minute after the one before; all are over 25 minutes later. */
export function addFaults(stage: Stage, faults: boolean | readonly FaultName[]): void {
  const chosen = typeof faults === 'boolean' ? (faults ? FAULT_NAMES : []) : faults;
  for (const name of chosen) {
    const order = FAULT_NAMES.indexOf(name);
    FAULTS[name](stage, stage.options.start + 2 * MINUTE + order * 30 * SECOND);
  }
}

function person(at: number, user: string, client: string): Login {
  return { at, user, client, session: `${user}-session`, address: '192.0.2.251' };
}

function afterRevocation(
  stage: Stage,
  at: number,
  user: string,
  accepted: number[],
  refused: number,
  kind: string,
): void {
  if (!stage.has('okta', 'kong')) return;
  const login = person(at, user, '0oaSPA');
  const jwt = orgJwt(login, `AT.${user}`);
  issueAtOrg(stage, login, jwt);
  const revoked = at + 10 * MINUTE;
  stage.use(revoked - 10 * SECOND, jwt, KONG_A, login);
  revokeAtOrg(stage, { ...login, at: revoked }, jwt);
  for (const after of accepted) stage.use(revoked + after * SECOND, jwt, KONG_A, login);
  stage.use(revoked + refused * SECOND, jwt, KONG_A, login, 'inactive');
  stage.truth.findings.push({ rule: 'D2', kind, token: stage.token(jwt) });
}

function claimsAtApisix(
  stage: Stage,
  at: number,
  jti: string,
  times: Record<string, string>,
  expiry: number | 'never',
  rule: string,
): void {
  if (!stage.has('apisix')) return;
  const call = stage.call(at, APISIX, { address: '203.0.113.60' });
  const claims = { iss: PARTNER, sub: 'f-claims', client_id: 'mobile', jti, ...times };
  if (!stage.say(at, 'apisix', apisixClaimsLine(claims, call))) return;
  const token = stage.truth.token({ issuer: PARTNER, jti }, 'access');
  token.expiry = expiry;
  stage.noteUse(token, call);
  stage.truth.findings.push({ rule, token });
}

/** A login with a refresh token, and its first rotation. */
function rotation(stage: Stage, login: Login, prefix: string, after: number): void {
  const family = `${SHOP}\n${login.session}/${login.client}/online`;
  const issue = (jti: string, kind: 'access' | 'refresh', at: number) => {
    stage.truth.token({ issuer: SHOP, jti }, kind, family).issuedAt = at;
  };
  const id = () => stage.random.uuid();
  const first = { token_id: `${prefix}-at-1`, refresh_token_id: `${prefix}-rt-1`, refresh_token_type: 'Refresh' };
  stage.say(login.at, 'keycloak', keycloakLine(id(), 'CODE_TO_TOKEN', login, { ...first, scope: 'openid orders' }));
  issue(first.token_id, 'access', login.at);
  issue(first.refresh_token_id, 'refresh', login.at);
  const at = login.at + after;
  const second = { ...first, token_id: `${prefix}-at-2`, updated_refresh_token_id: `${prefix}-rt-2` };
  stage.say(
    at,
    'keycloak',
    keycloakLine(id(), 'REFRESH_TOKEN', { ...login, at }, { ...second, scope: 'openid orders' }),
  );
  stage.truth.token({ issuer: SHOP, jti: first.refresh_token_id }, 'refresh').ends.push({ kind: 'rotated', at });
  issue(second.token_id, 'access', at);
  issue(second.updated_refresh_token_id, 'refresh', at);
  const [gateway] = stage.gateways;
  if (gateway === undefined) return;
  stage.use(login.at + SECOND, shopJwt(login, first.token_id, 900), gateway, login);
  stage.use(at + SECOND, shopJwt({ ...login, at }, second.token_id, 900), gateway, login);
}

function staleRefresh(stage: Stage, login: Login, jti: string, reason: string): void {
  const details = { refresh_token_id: jti, refresh_token_type: 'Refresh', grant_type: 'refresh_token', reason };
  const line = keycloakLine(stage.random.uuid(), 'REFRESH_TOKEN_ERROR', login, details, 'invalid_token');
  if (!stage.say(login.at, 'keycloak', line)) return;
  const token = stage.truth.token({ issuer: SHOP, jti }, 'refresh');
  token.uses.push({ at: login.at, gateway: 'keycloak', outcome: 'refused', reason });
}
