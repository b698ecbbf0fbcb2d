import type { Contract, Format, SettingsInput } from '#lifecycle';

/** Who and what appears in generated traffic. Example domains and documentation addresses only. */
export const SHOP = 'https://idp.example.com/realms/shop';
export const ORG = 'https://org.example.com/oauth2/default';
export const PARTNER = 'https://login.example.com/';

/** Signs the scanners' day tokens; the bad version no longer knows it. */
export const OLD_KID = 'k-2025-11';
export const SHOP_KID = 'k-2026-02';
export const ORG_KID = 'okta-kid-1';

export interface Gateway {
  id: string;
  format: 'kong' | 'envoy' | 'apisix' | 'tyk';
  region: string;
  /** Minutes after the first switch at which this gateway gets the bad version; absent: it stays on the old one. */
  switchesAfter?: number;
}
/** Those that check JWTs, in the order of the switch. */
export const JWT_GATEWAYS: readonly [Gateway, Gateway, Gateway] = [
  { id: 'gw-a', format: 'kong', region: 'eu', switchesAfter: 0 },
  { id: 'gw-b', format: 'kong', region: 'us', switchesAfter: 3 },
  { id: 'gw-envoy-1', format: 'envoy', region: 'eu', switchesAfter: 5 },
];
export const KEY_GATEWAYS: readonly [Gateway, Gateway] = [
  { id: 'gw-apisix-2', format: 'apisix', region: 'eu' },
  { id: 'tyk-1', format: 'tyk', region: 'eu' },
];

export const AUDIENCES = ['orders-api', 'catalog-api', 'invoices-api'] as const;
export const PATHS = ['/orders', '/orders/7', '/catalog', '/cart', '/invoices'] as const;
export const AGENTS = [
  'shop-app/3.2',
  'Mozilla/5.0 (X11; Linux x86_64; rv:136.0) Gecko/20100101 Firefox/136.0',
  'okhttp/4.12',
] as const;
export const PEOPLE = ['ada', 'grace', 'edsger', 'barbara', 'donald', 'radia', 'leslie', 'Zoë', '山田'] as const;

const GOOD: Contract = {
  role: 'validator',
  issuers: [SHOP, ORG, PARTNER],
  kids: [OLD_KID, SHOP_KID, ORG_KID],
  algorithms: ['*'],
  typs: ['*'],
  audiences: ['*'],
  scopes: ['*'],
  requiredClaims: [],
  restrictingClaims: [],
  unknownClaims: 'ignore',
  maxLifetimeSeconds: 43_200,
  expUnit: 's',
  leewaySeconds: 60,
  cnf: { required: false, checked: true },
  revocationWindowSeconds: 60,
  store: 'sessions-eu',
  jwksCacheSeconds: 300,
};
export const CONTRACTS: Readonly<Record<'v41' | 'v42', Contract>> = {
  v41: GOOD,
  v42: { ...GOOD, kids: [SHOP_KID, ORG_KID], securityFix: false },
};

/** CloudEvents come from three senders, whose words have different weight. */
export type Source = Exclude<Format, 'cloudevents'> | 'deploys' | 'broker' | 'edge';
export const FORMAT_OF = (source: Source): Format =>
  source === 'deploys' || source === 'broker' || source === 'edge' ? 'cloudevents' : source;

/** The settings under which generated traffic means what its truth says. */
export const TRAFFIC_SETTINGS = {
  sources: {
    keycloak: { format: 'keycloak', issuers: { shop: SHOP }, refreshTokens: 'revoke', rotationGrace: 0 },
    okta: { format: 'okta', issuers: { org: ORG } },
    kong: { format: 'kong' },
    envoy: { format: 'envoy', leeway: '60s' },
    apisix: { format: 'apisix' },
    tyk: { format: 'tyk' },
    apigee: { format: 'apigee', component: 'apigee' },
    deploys: { format: 'cloudevents', authority: 'deployer' },
    broker: { format: 'cloudevents', authority: 'issuer', mayIssue: [SHOP] },
    edge: { format: 'cloudevents' },
    cdevents: { format: 'cdevents' },
  },
  gateways: { 'gw-a': { propagationWindow: '60s' } },
} satisfies SettingsInput;
