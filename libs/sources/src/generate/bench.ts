import type { Format } from '#lifecycle';
import { SHOP } from './cast.js';
import { Random } from './random.js';

export interface BenchOptions {
  seed: string | number;
  records: number;
  /** In ms. */
  start?: number;
  /** Share of Keycloak lines; the others are Kong's. Default 0.1, about 1.15 events a record. */
  keycloakShare?: number;
  /** Sessions alive at a time. */
  liveSessions?: number;
}

interface Live {
  user: number;
  session: string;
  access: string;
  refresh: string;
  /** Of the access token, in seconds. */
  exp: number;
}

/**
 * Lines of Kong and Keycloak for throughput measurements, in order of time, made from templates without faults: logins
 * and rotations at Keycloak, and uses of the tokens of the moment at Kong. Kong
 * shows the jti and no digest, so that a use is one event.
 */
export function* generateBenchLines(options: BenchOptions): Iterable<{ format: Format; line: string }> {
  const { seed, records, start = Date.UTC(2026, 2, 10), keycloakShare = 0.1, liveSessions = 5000 } = options;
  const random = new Random(seed);
  const live: Live[] = [];
  const switchAt = records / 2;
  for (let n = 0; n < records; n++) {
    const at = start + n * 4;
    if (live.length === 0 || random.next() < keycloakShare) {
      const slot = live.length < liveSessions ? live.length : random.uint32() % liveSessions;
      const old = live[slot];
      // Two fifths of the events are rotations: 2.4 facts an event.
      if (old !== undefined && random.next() < 0.4) {
        yield { format: 'keycloak', line: rotation(old, at, n) };
      } else {
        const user = random.uint32() % 200_000;
        const session: Live = { user, session: `s-${n.toString(36)}`, access: '', refresh: '', exp: 0 };
        renew(session, at, n);
        live[slot] = session;
        yield { format: 'keycloak', line: login(session, at, n) };
      }
    } else {
      const session = live[random.uint32() % live.length]!;
      yield { format: 'kong', line: use(session, at, n, n < switchAt ? 'v41' : 'v42', random.uint32()) };
    }
  }
}

function renew(of: Live, at: number, n: number): void {
  of.access = `at-${n.toString(36)}`;
  of.refresh = `rt-${n.toString(36)}`;
  of.exp = Math.floor(at / 1000) + 3600;
}

function login(of: Live, at: number, n: number): string {
  return `{"id":"kc-${n.toString(36)}","time":${at},"type":"CODE_TO_TOKEN","realmId":"r-1","realmName":"shop","clientId":"spa-shop","userId":"u-${of.user}","sessionId":"${of.session}","ipAddress":"192.0.2.${of.user % 250}","details":{"token_id":"${of.access}","refresh_token_id":"${of.refresh}","refresh_token_type":"Refresh","grant_type":"authorization_code","scope":"openid orders","client_auth_method":"none"}}`;
}

function rotation(of: Live, at: number, n: number): string {
  const presented = of.refresh;
  renew(of, at, n);
  return `{"id":"kc-${n.toString(36)}","time":${at},"type":"REFRESH_TOKEN","realmId":"r-1","realmName":"shop","clientId":"spa-shop","userId":"u-${of.user}","sessionId":"${of.session}","ipAddress":"192.0.2.${of.user % 250}","details":{"token_id":"${of.access}","refresh_token_id":"${presented}","updated_refresh_token_id":"${of.refresh}","refresh_token_type":"Refresh","grant_type":"refresh_token","scope":"openid orders"}}`;
}

function use(of: Live, at: number, n: number, version: string, bits: number): string {
  const gateway = bits & 1 ? 'gw-a' : 'gw-b';
  return `{"request":{"id":"rq-${n.toString(36)}","method":"GET","uri":"/orders","url":"https://api.example.com:8443/orders","querystring":{},"size":812,"headers":{"host":"api.example.com","authorization":"REDACTED","user-agent":"shop-app/3.2"}},"response":{"status":200,"size":512,"headers":{"content-type":"application/json"}},"upstream_uri":"/orders","tries":[{"ip":"198.51.100.9","port":8080,"balancer_latency":0}],"latencies":{"kong":3,"proxy":21,"request":24},"route":{"id":"rt-7","name":"orders"},"service":{"id":"svc-7","name":"orders"},"client_ip":"192.0.2.${of.user % 250}","started_at":${at},"token_jti":"${of.access}","token_iss":"${SHOP}","token_sub":"u-${of.user}","token_exp":${of.exp},"gateway_id":"${gateway}","region":"eu","deployment_version":"${version}"}`;
}
