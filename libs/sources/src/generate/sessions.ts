import { AGENTS, AUDIENCES, KEY_GATEWAYS, OLD_KID, ORG, ORG_KID, PEOPLE, SHOP, SHOP_KID } from './cast.js';
import { apigeeCallLine, apisixLine, tykLine, type Jwt } from './gateway-lines.js';
import { apigeeTokenLine, keycloakLine, oktaLine, type Login } from './issuer-lines.js';
import type { Stage } from './stage.js';
import { digestOfToken } from './truth.js';

const SECOND = 1000;
const MINUTE = 60_000;
const HOUR = 3_600_000;

/** Kinds of session → their share of all sessions; each needs its formats. */
const KINDS = [
  [0.5, shopSession],
  [0.22, orgSession],
  [0.1, serviceSession],
  [0.1, scannerShift],
  [0.05, partnerKey],
  [0.03, apigeeClient],
] as const;

/** One session of a random kind that starts at `at`; kinds whose systems are left out give way to a possible one. */
export function startSession(stage: Stage, at: number): void {
  let roll = stage.random.next();
  for (const [share, kind] of KINDS) {
    roll -= share;
    if (roll < 0 && kind(stage, at)) return;
  }
  if (!shopSession(stage, at)) orgSession(stage, at);
}

function loginOf(stage: Stage, at: number, client: string, session: string): Login & { agent: string } {
  const { random } = stage;
  const name = random.pick(PEOPLE);
  const user = `u-${String(random.between(1, 400)).padStart(4, '0')}`;
  // One user, one home network: the same last digits of the id give the same address.
  const address = `192.0.2.${1 + (Number(user.slice(2)) % 250)}`;
  return { at, user, client, session, address, name, agent: random.pick(AGENTS) };
}

export function shopJwt(login: Login, jti: string, seconds: number, kid = SHOP_KID): Jwt {
  const iat = Math.floor(login.at / SECOND);
  return {
    issuer: SHOP,
    jti,
    sha256: digestOfToken(SHOP, jti),
    subject: login.user,
    client: login.client,
    audience: AUDIENCES[0],
    scope: 'openid orders',
    kid,
    iat,
    exp: iat + seconds,
  };
}

/** Uses of a token at the gateways, now and then; the bad version refuses what the old key signed. */
function roam(stage: Stage, jwt: Jwt, from: { address: string; agent?: string }, times: number[]): void {
  const { random } = stage;
  for (const at of times) {
    const gateway = random.pick(stage.gateways);
    const bad = jwt.kid === OLD_KID && stage.versionAt(gateway, at) === 'v42';
    stage.use(at, jwt, gateway, from, bad ? 'kid' : undefined);
  }
}

/** Some instants from a moment on, in order. */
function instants(stage: Stage, count: number, from: number, until: number): number[] {
  return Array.from({ length: count }, () => stage.random.between(from, until)).sort((a, b) => a - b);
}

/** A person at a Keycloak client: code grant, uses, refreshes with rotation, sometimes a logout. */
function shopSession(stage: Stage, at: number): boolean {
  if (!stage.has('keycloak') || stage.gateways.length === 0) return false;
  const { random } = stage;
  const login = loginOf(stage, at, 'spa-shop', random.uuid());
  const family = `${SHOP}\n${login.session}/${login.client}/online`;
  const lifetime = 900;
  stage.sayContext(at - 400, 'keycloak', keycloakLine(random.uuid(), 'LOGIN', { ...login, at: at - 400 }, {}));
  const members: string[] = [];
  const issue = (when: number, jti: string, kind: 'access' | 'refresh') => {
    stage.truth.token({ issuer: SHOP, jti }, kind, family).issuedAt = when;
    members.push(jti);
  };
  let [access, refresh] = [random.uuid(), random.uuid()];
  const scope = 'openid orders';
  const details = {
    token_id: access,
    refresh_token_id: refresh,
    refresh_token_type: 'Refresh',
    grant_type: 'authorization_code',
    scope,
  };
  if (!stage.say(at, 'keycloak', keycloakLine(random.uuid(), 'CODE_TO_TOKEN', login, details))) return true;
  issue(at, access, 'access');
  issue(at, refresh, 'refresh');
  let now = at;
  const rounds = random.between(1, 5);
  for (let round = 1; ; round++) {
    const jwt = shopJwt({ ...login, at: now }, access, lifetime);
    const next = now + random.between(750, 880) * SECOND;
    roam(stage, jwt, login, [
      now + random.between(100, 900),
      ...instants(stage, random.between(2, 7), now + SECOND, next - SECOND),
    ]);
    if (round === rounds) {
      if (random.chance(0.4)) logOut(stage, { ...login, at: next }, members);
      return true;
    }
    const [newAccess, newRefresh] = [random.uuid(), random.uuid()];
    const renewal = {
      token_id: newAccess,
      refresh_token_id: refresh,
      updated_refresh_token_id: newRefresh,
      refresh_token_type: 'Refresh',
      grant_type: 'refresh_token',
      scope,
    };
    const line = keycloakLine(random.uuid(), 'REFRESH_TOKEN', { ...login, at: next }, renewal);
    if (!stage.say(next, 'keycloak', line)) return true;
    stage.truth.token({ issuer: SHOP, jti: refresh }, 'refresh').ends.push({ kind: 'rotated', at: next });
    issue(next, newAccess, 'access');
    issue(next, newRefresh, 'refresh');
    [access, refresh, now] = [newAccess, newRefresh, next];
  }
}

function logOut(stage: Stage, login: Login, members: string[]): void {
  if (!stage.say(login.at, 'keycloak', keycloakLine(stage.random.uuid(), 'LOGOUT', login, {}))) return;
  for (const jti of members)
    stage.truth.token({ issuer: SHOP, jti }, 'access').ends.push({ kind: 'fenced', at: login.at });
}

/** A person at the Okta org: an access token of an hour, an id token beside it, sometimes a revocation. */
function orgSession(stage: Stage, at: number): boolean {
  if (!stage.has('okta') || stage.gateways.length === 0) return false;
  const { random } = stage;
  const login = loginOf(stage, at, '0oaSPA', `trs-${random.hex(12)}`);
  const jwt = orgJwt(login, `AT.${random.hex(22)}`);
  if (!issueAtOrg(stage, login, jwt)) return true;
  if (stage.options.idTokens) issueIdToken(stage, { ...login, at: at + 2 });
  const until = at + random.between(10, 55) * MINUTE;
  roam(stage, jwt, login, [
    at + random.between(100, 900),
    ...instants(stage, random.between(3, 9), at + SECOND, until - SECOND),
  ]);
  if (random.chance(0.3)) revokeAtOrg(stage, { ...login, at: until }, jwt);
  return true;
}

function issueIdToken(stage: Stage, login: Login): void {
  const id = `ID.${stage.random.hex(22)}`;
  const expires = login.at + HOUR;
  const type = 'app.oauth2.as.token.grant.id_token';
  const line = oktaLine(stage.random.uuid(), type, login, 'authorization_code', [{ type: 'id_token', id, expires }]);
  if (!stage.say(login.at, 'okta', line)) return;
  Object.assign(stage.truth.token({ issuer: ORG, jti: id }, 'id'), { issuedAt: login.at, expiry: expires });
}

export function orgJwt(login: Login, jti: string): Jwt {
  return { ...shopJwt(login, jti, 3600, ORG_KID), issuer: ORG, sha256: digestOfToken(ORG, jti) };
}

export function issueAtOrg(stage: Stage, login: Login, jwt: Jwt): boolean {
  const target = { type: 'access_token' as const, id: jwt.jti, expires: jwt.exp * SECOND };
  const type = 'app.oauth2.as.token.grant.access_token';
  const line = oktaLine(stage.random.uuid(), type, login, 'authorization_code', [target]);
  if (!stage.say(login.at, 'okta', line)) return false;
  const token = stage.truth.token({ issuer: ORG, jti: jwt.jti }, 'access');
  token.issuedAt = login.at;
  token.expiry = jwt.exp * SECOND;
  return true;
}

export function revokeAtOrg(stage: Stage, login: Login, jwt: Jwt): void {
  const target = { type: 'access_token' as const, id: jwt.jti, expires: jwt.exp * SECOND };
  const line = oktaLine(stage.random.uuid(), 'app.oauth2.as.token.revoke', login, 'authorization_code', [target]);
  if (stage.say(login.at, 'okta', line)) stage.token(jwt).ends.push({ kind: 'revoked', at: login.at });
}

export function issueAtShop(stage: Stage, login: Login, jwt: Jwt, type: string, grantType: string): boolean {
  const details = { token_id: jwt.jti, grant_type: grantType, scope: jwt.scope };
  if (!stage.say(login.at, 'keycloak', keycloakLine(stage.random.uuid(), type, login, details))) return false;
  const family = `${SHOP}\n${login.session}/${login.client}/online`;
  stage.truth.token({ issuer: SHOP, jti: jwt.jti }, 'access', family).issuedAt = login.at;
  return true;
}

/** A service with client credentials: ten minutes, many calls. */
function serviceSession(stage: Stage, at: number): boolean {
  if (!stage.has('keycloak') || stage.gateways.length === 0) return false;
  const { random } = stage;
  const login: Login = { at, user: 'svc-billing', client: 'billing', session: random.uuid(), address: '198.51.100.40' };
  const jwt = shopJwt(login, random.uuid(), 600);
  if (!issueAtShop(stage, login, jwt, 'CLIENT_LOGIN', 'client_credentials')) return true;
  const from = { address: login.address, agent: 'billing-cli/1.9' };
  roam(stage, jwt, from, [at + 200, ...instants(stage, random.between(4, 12), at + SECOND, at + 590 * SECOND)]);
  return true;
}

/** A warehouse scanner: one day token of the old key, used all day. It begins its day before the bad version comes. */
function scannerShift(stage: Stage, at: number): boolean {
  const { switchAt = Infinity, end } = stage.options;
  if (!stage.has('keycloak') || stage.gateways.length === 0 || at > Math.min(switchAt, end) - 10 * MINUTE) return false;
  const { random } = stage;
  const n = random.between(1, 60);
  const login: Login = {
    at,
    user: `scanner-${n}`,
    client: 'scanner',
    session: random.uuid(),
    address: `198.51.100.${100 + n}`,
  };
  const jwt = shopJwt(login, random.uuid(), 8 * 3600, OLD_KID);
  if (!issueAtShop(stage, login, jwt, 'OAUTH2_DEVICE_CODE_TO_TOKEN', 'device_code')) return true;
  const from = { address: login.address, agent: 'scanner/7' };
  // The first call comes at once, so each day token was accepted somewhere before the switch.
  const times = [at + 500];
  for (let t = at + random.between(3, 9) * MINUTE; t < end; t += random.between(4, 12) * MINUTE) times.push(t);
  roam(stage, jwt, from, times);
  return true;
}

/** A partner's API key at APISIX or Tyk; keys are never seen issued. */
function partnerKey(stage: Stage, at: number): boolean {
  const { random } = stage;
  const gateways = KEY_GATEWAYS.filter((gateway) => stage.has(gateway.format));
  if (gateways.length === 0) return false;
  const gateway = random.pick(gateways);
  const n = random.between(1, 5);
  const from = { address: `203.0.113.${n}`, agent: 'partner/2.0' };
  const times = instants(stage, random.between(3, 10), at, at + 20 * MINUTE);
  for (const time of times) {
    const call = stage.call(time, gateway, from);
    if (gateway.format === 'tyk') {
      const hash = digestOfToken('tyk', `partner-${n}`).slice(0, 40);
      if (!stage.say(time, 'tyk', tykLine(hash, 'org-1', call))) return true;
      stage.noteUse(stage.truth.token({ credential: ['tyk', 'org-1', hash] }, 'apiKey'), call);
    } else {
      const consumer = { name: `partner_${n}`, credential: `cr-${n}` };
      if (!stage.say(time, 'apisix', apisixLine(call, {}, consumer))) return true;
      stage.noteUse(stage.truth.token({ credential: ['apisix', consumer.credential] }, 'apiKey'), call);
    }
  }
  return true;
}

/** An app with opaque tokens of Apigee, which issues and checks them itself. */
function apigeeClient(stage: Stage, at: number): boolean {
  if (!stage.has('apigee')) return false;
  const { random } = stage;
  const sha256 = random.hex(64);
  const token = stage.truth.token({ sha256 }, 'access');
  if (!stage.say(at, 'apigee', apigeeTokenLine(random.hex(16), at, 'app-77', sha256, 1800))) return true;
  token.issuedAt = at;
  token.expiry = at + 1800 * SECOND;
  const gateway = { id: 'apigee', format: 'kong', region: 'eu' } as const;
  for (const time of instants(stage, random.between(2, 6), at + SECOND, at + 25 * MINUTE)) {
    const call = stage.call(time, gateway, { address: '203.0.113.77' });
    if (!stage.say(time, 'apigee', apigeeCallLine('app-77', sha256, call))) return true;
    stage.noteUse(token, { ...call, gateway: 'apigee' });
  }
  return true;
}
