import { createHash } from 'node:crypto';
import { fullType, nameOf, streamOf, type NamingSecrets } from '#lifecycle';
import type { StreamAppend } from '#ledger';
import { storedText } from '#intake';
import type { Draft } from '#sources';
import type { LocalTally } from '../apps/api/src/tally/local-tally.js';
import { seededRandom } from './rig.js';

/** A generated history, the same at every run, written straight to the ledger: what replays are measured on. */
export const START = Date.UTC(2026, 2, 10, 9);
export const SPAN = 3_600_000;
const ISSUER = 'https://idp.example.com/realms/shop';
const BATCH = 5000;

export interface HistorySize {
  events: number;
  tokens: number;
  /** Tokens that v42 sees, each once, in the last minutes; default: all later uses are v42's. */
  touched?: number;
}

/** Declares the issuer's source, and v41 followed by v42 with like contracts. */
export async function declareVersions(tally: LocalTally): Promise<void> {
  const contract = {
    role: 'validator',
    issuers: [ISSUER],
    kids: ['*'],
    algorithms: ['*'],
    typs: ['*'],
    audiences: ['*'],
    scopes: ['*'],
    requiredClaims: [],
    restrictingClaims: [],
    unknownClaims: 'ignore',
    maxLifetimeSeconds: 86_400,
    expUnit: 's',
    leewaySeconds: 60,
    cnf: { required: false, checked: true },
    revocationWindowSeconds: 60,
    store: 's1',
    jwksCacheSeconds: 240,
  };
  await tally.ask('settings.declare', {
    settings: { sources: { keycloak: { format: 'keycloak', issuers: { shop: ISSUER } } } },
  });
  await tally.ask('deployment.declare', {
    declaration: [
      { component: 'gateway', version: 'v41', contract, at: new Date(START).toISOString() },
      { component: 'gateway', version: 'v42', contract, at: new Date(START).toISOString() },
    ],
  });
  const at = (ms: number): string => new Date(START + ms).toISOString();
  await tally.ask('deployment.activate', { component: 'gateway', version: 'v41', at: at(0) });
  await tally.ask('deployment.activate', { component: 'gateway', version: 'v42', at: at(SPAN / 2) });
}

/** Issued once, then used; every fiftieth token is revoked. Facts come in order of time over all tokens. */
export async function fillHistory(tally: LocalTally, size: HistorySize): Promise<void> {
  const { events, tokens, touched } = size;
  const secrets = tally.stores.secrets.current('default');
  const random = seededRandom(20260310);
  const revisions = new Revisions();
  let batch: StreamAppend[] = [];
  let next = 0;
  const put = async (token: number, n: number, draft: Draft): Promise<void> => {
    batch.push(append(n, draft, draft.names.jti!, revisions.next(token)));
    if (batch.length < BATCH) return;
    await tally.stores.ledger.appendMany(batch);
    batch = [];
  };
  const early = touched === undefined ? events : events - touched;
  const span = touched === undefined ? SPAN : SPAN / 2;
  for (let n = 0; n < early; n++) {
    const issue = next < tokens && (random() < tokens / early + 0.02 || early - n <= tokens - next);
    const token = issue ? next++ : Math.floor(Math.max(0, next - 20_000) + random() * Math.min(next, 20_000));
    if (next === 0) continue;
    const time = START + Math.floor((n / early) * span);
    await put(token, n, draftOf(token, time, issue, secrets, random));
  }
  for (let n = early; n < events; n++) {
    const time = START + SPAN / 2 + 1000 + Math.floor(((n - early) / (events - early)) * (SPAN / 4));
    const token = (n - early) % tokens;
    await put(token, n, used(token, jtiOf(secrets, token), time));
  }
  if (batch.length > 0) await tally.stores.ledger.appendMany(batch);
}

/** One token, used so many times over thirty days at four gateways. Its name is given back. */
export async function fillLongToken(tally: LocalTally, uses: number): Promise<string> {
  const secrets = tally.stores.secrets.current('default');
  const jti = nameOf(secrets, 'jti', ISSUER, 'service');
  const span = 30 * 24 * SPAN;
  let events = [append(0, issued(0, jti, START - span), jti, undefined).events[0]!];
  for (let n = 1; n <= uses; n++) {
    const time = START - span + Math.floor((n / uses) * span);
    const draft = { ...used(0, jti, time), gateway: `gw-${n % 4}` };
    events.push(append(n, draft, jti, undefined).events[0]!);
    if (events.length < BATCH && n < uses) continue;
    await tally.stores.ledger.append(streamOf('token.issued', 'default', jti), events, 'any');
    events = [];
  }
  return jti;
}

/** Stream revisions of tokens, as exact expected ones. */
class Revisions {
  private readonly known = new Map<number, bigint>();
  next(token: number): bigint | undefined {
    const last = this.known.get(token);
    this.known.set(token, (last ?? -1n) + 1n);
    return last;
  }
}

function jtiOf(secrets: NamingSecrets, token: number): string {
  return nameOf(secrets, 'jti', ISSUER, `t-${token}`);
}

function draftOf(token: number, time: number, issue: boolean, secrets: NamingSecrets, random: () => number): Draft {
  const jti = jtiOf(secrets, token);
  if (issue) return issued(token, jti, time);
  return token % 50 === 0 && random() < 0.2 ? revoked(jti, time) : used(token, jti, time);
}

function append(n: number, draft: Draft, jti: string, revision: bigint | undefined): StreamAppend {
  const key = createHash('sha256').update(String(n)).digest('hex');
  const record = { key: key.slice(0, 32), digest: key.slice(32), ordinal: 0 };
  const id = `${key.slice(0, 8)}-${key.slice(8, 12)}-8${key.slice(13, 16)}-a${key.slice(17, 20)}-${key.slice(20, 32)}`;
  const source = draft.type === 'token.validated' ? 'kong' : 'keycloak';
  const event = { id, type: fullType(draft.type), data: storedText(draft, source, 'default', jti, record, undefined) };
  return { stream: streamOf('token.issued', 'default', jti), expected: revision ?? 'no_stream', events: [event] };
}

function issued(token: number, jti: string, time: number): Draft {
  const exp = Math.floor(time / 1000) + 7200;
  const data = {
    issuer: ISSUER,
    jti: `t-${token}`,
    kind: 'access',
    scopes: ['orders'],
    expiry: { kind: 'at', at: exp * 1000, raw: exp, unit: 's', flags: [] },
  };
  return { type: 'token.issued', time, names: { jti, sub: subjectOf(token), cli: `70${'0'.repeat(30)}` }, data };
}
function used(token: number, jti: string, time: number): Draft {
  const version = time < START + SPAN / 2 ? 'v41' : 'v42';
  const data = { issuer: ISSUER, jti: `t-${token}`, form: 'jwt', verified: true, status: 200, agent: 'shop-app' };
  return {
    type: 'token.validated',
    time,
    names: { jti, sub: subjectOf(token), net: `90${'0'.repeat(30)}` },
    version,
    gateway: 'gw-a',
    region: 'eu',
    api: 'orders',
    data,
  };
}
function revoked(jti: string, time: number): Draft {
  return { type: 'token.revoked', time, names: { jti }, data: { issuer: ISSUER, cause: 'logout' } };
}
function subjectOf(token: number): string {
  return `60${String(token % 100_000).padStart(30, '0')}`;
}
