import { fullType, type Contract, type Millis, type Name, type TokenView, type Use } from '#lifecycle';
import type { DeploymentFact, Interval } from './intervals.js';
import { declaredIntervals } from './intervals.js';
import type { PlanInput } from './plan.js';

/** Parts of the specifications of this library: one ordinary token, one ordinary contract, two versions. */

export const T0: Millis = Date.UTC(2026, 2, 10, 9);
export const MINUTE = 60_000;
/** When v2 took over from v1 in the ordinary rollout. */
export const SWITCH = T0 + 10 * MINUTE;
export const NOW = T0 + 30 * MINUTE;

export function name(kind: string, n: number): Name {
  return kind + n.toString(16).padStart(30, '0');
}
export const jti = (n: number): Name => name('20', n);
export const fam = (n: number): Name => name('10', n);

/** A JWT access token, issued and accepted under v1, good for an hour, of which lines showed everything. */
export function view(patch: Partial<TokenView> = {}): TokenView {
  const token = patch.name ?? jti(1);
  return {
    name: token,
    names: [token],
    identityConflict: false,
    issuer: 'https://idp.example.com',
    kind: 'access',
    form: 'jwt',
    exchanged: false,
    status: 'active',
    flags: [],
    subject: name('60', 1),
    client: name('70', 1),
    kid: 'k1',
    kidName: name('50', 1),
    alg: 'RS256',
    typ: 'at+jwt',
    audiences: { kind: 'set', values: ['api'] },
    scopes: ['read'],
    claims: ['aud', 'exp', 'iat', 'iss', 'jti', 'scope', 'sub'],
    verifiedClaims: true,
    sessions: [],
    successors: [],
    iat: T0,
    issuedAt: T0,
    issuedBy: { at: T0, authority: 'issuer' },
    unconfirmed: false,
    birth: T0,
    firstSeen: T0,
    expiry: { kind: 'at', at: T0 + 60 * MINUTE, raw: (T0 + 60 * MINUTE) / 1000, unit: 's', flags: [] },
    ends: [],
    suspended: false,
    suspendedBy: [],
    accepted: [{ at: T0 + MINUTE, authority: 'gateway', gateway: 'gw-a', version: 'v1' }],
    uses: [use({ first: T0 + MINUTE, version: 'v1' })],
    versions: { issued: [], accepted: ['v1'], refused: [] },
    attestations: [],
    legalHold: false,
    conflicts: [],
    unattributed: 0,
    ...patch,
  };
}

export function use(patch: Partial<Use> & { first: Millis }): Use {
  return {
    outcome: 'accepted',
    via: patch.outcome === 'refused' ? 'rejected' : 'validated',
    source: 'envoy',
    gateway: 'gw-a',
    last: patch.first,
    exact: true,
    ...patch,
  };
}

/** A contract that accepts the ordinary token and leaves nothing open. */
export const FULL: Contract = {
  role: 'validator',
  issuers: ['https://idp.example.com'],
  kids: ['k1'],
  algorithms: ['RS256'],
  typs: ['at+jwt'],
  audiences: ['api'],
  scopes: ['read', 'write'],
  requiredClaims: ['sub'],
  restrictingClaims: [],
  unknownClaims: 'ignore',
  maxLifetimeSeconds: 86_400,
  expUnit: 's',
  leewaySeconds: 60,
  cnf: { required: false, checked: true },
  revocationWindowSeconds: 60,
  store: 'redis-1',
  rotation: { enabled: true, graceSeconds: 0 },
  jwksCacheSeconds: 240,
  securityFix: false,
};

export function without(...fields: (keyof Contract)[]): Contract {
  return Object.fromEntries(Object.entries(FULL).filter(([field]) => !fields.includes(field as keyof Contract)));
}

type Kind = 'activated' | 'weighted' | 'deactivated' | 'rolledback';

export function deployment(kind: Kind, time: Millis, data: Record<string, unknown>): DeploymentFact {
  return { type: fullType(`deployment.${kind}`), tenant: 'default', time, data: { component: 'gateway', ...data } };
}

/** v1 from T0, v2 instead of it from SWITCH, everywhere. */
export function blueGreen(): Interval[] {
  return declaredIntervals([
    deployment('activated', T0, { version: 'v1' }),
    deployment('activated', SWITCH, { version: 'v2' }),
  ]);
}

export function planInput(views: Iterable<TokenView>, patch: Partial<PlanInput> = {}): PlanInput {
  return {
    component: 'gateway',
    from: 'v2',
    to: 'v1',
    T: NOW,
    K: 'k',
    position: '100',
    intervals: blueGreen(),
    contracts: { from: FULL, to: FULL },
    settingsDigest: 'd',
    rulesVersion: '1',
    watermarks: { envoy: NOW },
    views,
    findingsOf: () => [],
    keys: new Map(),
    membersOf: () => [],
    ...patch,
  };
}

type Optional<T> = { [K in keyof T]-?: undefined extends T[K] ? K : object extends Pick<T, K> ? K : never }[keyof T];

/** The token as if no line had shown these of it. */
export function bare(token: TokenView, ...fields: Optional<TokenView>[]): TokenView {
  const copy = { ...token };
  for (const field of fields) delete copy[field];
  return copy;
}

/** A token whose issuance nobody saw. */
export const unissued = (token: TokenView): TokenView => bare(token, 'issuedAt', 'issuedBy');
