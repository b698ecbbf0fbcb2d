import { createHash, randomBytes } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { createLocalJWKSet, exportJWK, generateKeyPair, jwtVerify, SignJWT } from 'jose';
import { createEmitter, createVerifier, type VerifierOptions } from '../libs/gateway-sdk/src/index.js';
import { TokenNaming } from '../libs/gateway-sdk/src/naming.js';
import { readTokenSecret } from '../libs/gateway-sdk/src/token-secret.js';
import { collectGarbage, median, perSecond, rig, table } from './rig.js';

/**
 * Benchmark (s): what the gateway package costs a request. Time of an emit call on the calling thread, with room and
 * with a full ring; and whole checks (token, scopes, ended list, emit) against bare jose.
 * `npm run build && node dist/bench/sdk.bench.js [calls] [checks] [rounds]`
 */
const CALLS = Number(process.argv[2] ?? 20_000);
const CHECKS = Number(process.argv[3] ?? 1_000);
const ROUNDS = Number(process.argv[4] ?? 7);
const TARGET_US = 10;

const ISS = 'https://idp.example.com/realms/shop';
const tokenSecret = { version: 0, token: randomBytes(32) };
/** Takes in everything at once: what is measured is this side. */
const takeAll: typeof fetch = async () => Response.json({ accepted: 0 });
const emitterTo = (fetch: typeof globalThis.fetch, events: number) =>
  createEmitter({
    ...{ authority: 'gateway', source: 'edge', url: 'http://127.0.0.1:1', bearer: 'b', tokenSecret, fetch },
    ...{ version: 'v42', gateway: 'gw-a', region: 'eu', ring: { events, bytes: 256 * 1_048_576 } },
  });

function use(i: number) {
  return {
    token: `eyJhbGciOiJSUzI1NiJ9.${tokens[i % tokens.length]}`,
    claims: {
      ...{ iss: ISS, sub: `u-${i}`, jti: `j-${i}`, aud: ['orders'], client_id: 'app', scope: 'read write' },
      ...{ iat: 1773133200, exp: 1773133500 },
    },
    header: { alg: 'RS256', kid: 'k-1', typ: 'at+jwt' },
    ...{ status: 200, api: 'orders', clientIp: '192.0.2.9', userAgent: 'shop-app/3.2' },
  };
}
const tokens = Array.from({ length: 500 }, () => randomBytes(600).toString('base64url'));

interface Costs {
  p50: number;
  p99: number;
  mean: number;
}

/** Single calls, as requests make them: between every few, whatever waits gets its turn. */
async function emitCosts(full: boolean): Promise<Costs> {
  const never: typeof fetch = () => new Promise<Response>(() => undefined);
  const emitter = full ? emitterTo(never, 2_000) : emitterTo(takeAll, 1_000_000);
  for (let i = 0; i < 5_000; i++) emitter.validated(use(i));
  await turn();
  collectGarbage();
  const nanos = new Float64Array(CALLS);
  for (let i = 0; i < CALLS; i++) {
    const event = use(i);
    const start = process.hrtime.bigint();
    emitter.validated(event);
    nanos[i] = Number(process.hrtime.bigint() - start);
    if (i % 16 === 0) await turn();
  }
  const { lost, refused } = emitter.stats();
  if (refused > 0 || full !== lost > 0) throw new Error(`measured something else: ${lost} lost, ${refused} refused`);
  await emitter.close(full ? 1 : 60_000);
  nanos.sort();
  const at = (share: number): number => (nanos[Math.floor(CALLS * share)] ?? NaN) / 1000;
  return { p50: at(0.5), p99: at(0.99), mean: nanos.reduce((sum, each) => sum + each, 0) / CALLS / 1000 };
}

/** What naming and writing cost the thread later, in slices between requests. */
async function wholeCost(): Promise<number> {
  const emitter = emitterTo(takeAll, 1_000_000);
  const before = process.cpuUsage();
  for (let i = 0; i < CALLS; i++) {
    emitter.validated(use(i));
    if (i % 64 === 0) await turn();
  }
  await emitter.close(60_000);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / CALLS;
}

async function secondsFor(operation: (i: number) => Promise<unknown>): Promise<number> {
  const start = process.hrtime.bigint();
  for (let i = 0; i < CHECKS; i++) await operation(i);
  return Number(process.hrtime.bigint() - start) / 1e9;
}

async function compare(
  name: string,
  ceiling: (i: number) => Promise<unknown>,
  whole: (i: number) => Promise<unknown>,
): Promise<(string | number)[]> {
  const bare: number[] = [];
  const ours: number[] = [];
  for (let round = -1; round < ROUNDS; round++) {
    collectGarbage();
    const [first, second] = [await secondsFor(ceiling), await secondsFor(whole)];
    if (round < 0) continue;
    bare.push(first);
    ours.push(second);
  }
  const ratio = (median(bare) / median(ours)).toFixed(2);
  return [name, perSecond(CHECKS, median(bare)), perSecond(CHECKS, median(ours)), ratio];
}

async function checks(): Promise<(string | number)[][]> {
  const rows: (string | number)[][] = [['check', 'ceiling/s', 'whole/s', 'ratio']];
  const emitter = emitterTo(takeAll, 1_000_000);
  const naming = new TokenNaming(readTokenSecret(tokenSecret));
  const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
  const { EndedList } = await import('../libs/gateway-sdk/src/index.js');
  const ended = new EndedList(Array.from({ length: 100_000 }, (_, i) => naming.jti(ISS, `ended-${i}`)));
  const common = { tokenSecret, ended, emitter };
  const passes = async (options: VerifierOptions, headers: (i: number) => Record<string, string>) => {
    const verifier = createVerifier(options);
    return async (i: number): Promise<void> => {
      const judgement = await verifier.check({ headers: headers(i), api: 'orders' }, { scopes: ['read'] });
      if (!judgement.ok) throw new Error(judgement.reason);
    };
  };
  for (const alg of ['RS256', 'ES256', 'EdDSA']) {
    const { privateKey, publicKey } = await generateKeyPair(alg);
    const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k-1', alg }] };
    const jwts = await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        new SignJWT({ iss: ISS, aud: 'orders', sub: `u-${i}`, jti: `j-${i}`, client_id: 'app', scope: 'read write' })
          .setProtectedHeader({ alg, kid: 'k-1', typ: 'at+jwt' })
          .setIssuedAt()
          .setExpirationTime('2h')
          .sign(privateKey),
      ),
    );
    const jwt = (i: number): string => jwts[i % jwts.length] ?? '';
    const keys = createLocalJWKSet(jwks);
    const bare = (i: number) => jwtVerify(jwt(i), keys, { issuer: ISS, audience: 'orders', algorithms: [alg] });
    const options = { ...common, issuers: { [ISS]: { jwks, audiences: ['orders'], algorithms: [alg] } } };
    const whole = await passes(options, (i) => ({ authorization: `Bearer ${jwt(i)}` }));
    rows.push(await compare(`JWT ${alg} (ceiling: bare jose)`, bare, whole));
  }
  const opaque = Array.from({ length: 50 }, () => randomBytes(32).toString('base64url'));
  const raw = (i: number): string => opaque[i % opaque.length] ?? '';
  const claims = { iss: ISS, sub: 'u-1', scope: 'read write', exp: 4_000_000_000 };
  const table = new Map(opaque.map((token) => [naming.tok(sha256(token)), claims]));
  const digest = async (i: number): Promise<string> => sha256(raw(i));
  const tokenCheck = await passes({ ...common, opaque: { table } }, (i) => ({ authorization: `Bearer ${raw(i)}` }));
  rows.push(await compare('opaque token (ceiling: one SHA-256)', digest, tokenCheck));
  const known = new Map(
    opaque.map((key, i) => [naming.tok(sha256(key)), { credential: { system: 's', id: `${i}` }, scopes: ['read'] }]),
  );
  const keyCheck = await passes({ ...common, apiKeys: { table: known } }, (i) => ({ 'x-api-key': raw(i) }));
  rows.push(await compare('API key (ceiling: one SHA-256)', digest, keyCheck));
  await emitter.close(60_000);
  return rows;
}

console.log(`${rig()}\n`);
const rows: (string | number)[][] = [['emit, µs a call', 'p50', 'p99', 'mean', `target < ${TARGET_US}`]];
for (const [name, full] of [
  ['room in the ring', false],
  ['ring full', true],
] as const) {
  const rounds: Costs[] = [];
  for (let round = 0; round < ROUNDS; round++) rounds.push(await emitCosts(full));
  const of = (key: keyof Costs): number => median(rounds.map((each) => each[key]));
  rows.push([
    name,
    of('p50').toFixed(2),
    of('p99').toFixed(2),
    of('mean').toFixed(2),
    of('mean') < TARGET_US ? 'met' : 'missed',
  ]);
}
console.log(table(rows));
const whole: number[] = [];
for (let round = 0; round < ROUNDS; round++) whole.push(await wholeCost());
console.log(`\nan event in all, named, written and batched: ${median(whole).toFixed(1)} µs of CPU\n`);
console.log(table(await checks()));
