import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fullType, nameOf, streamOf, type NamingSecrets } from '#lifecycle';
import { LedgerScan, type StreamAppend } from '#ledger';
import { storedText } from '#intake';
import type { Draft } from '#sources';
import { LocalTally } from '../apps/api/src/tally/local-tally.js';
import type { Answer } from '../apps/api/src/tally/questions.js';
import { collectGarbage, median, perSecond, rig, secondsOf, seededRandom, table } from './rig.js';

/**
 * Benchmarks (c) and (d): all states as of a version, and a rollback plan, by full replay, against the rate at which
 * the store gives its bare rows back. `node dist/bench/replay.bench.js [events] [tokens] [rounds]`
 */
const events = Number(process.argv[2] ?? 1_000_000);
const tokens = Number(process.argv[3] ?? events / 10);
const rounds = Number(process.argv[4] ?? 3);

const START = Date.UTC(2026, 2, 10, 9);
const SPAN = 3_600_000;
const ISSUER = 'https://idp.example.com/realms/shop';
const random = seededRandom(20260310);

const folder = mkdtempSync(join(tmpdir(), 'tally-bench-'));
const tally = await LocalTally.open(folder, { access: 'write', purpose: 'bench', threads: true });
try {
  console.log(rig());
  await declare();
  const fillSeconds = await secondsOf(fill);
  const size = statSync(join(folder, 'ledger.sqlite')).size;
  console.log(
    `${events} events, ${tokens} tokens, ${(size / 1e9).toFixed(2)} GB, filled in ${fillSeconds.toFixed(0)} s\n`,
  );

  const bare: number[] = [];
  const state: number[] = [];
  const plan: number[] = [];
  let peak = 0;
  const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 200);
  const watched = (): void => void (peak = Math.max(peak, process.memoryUsage().rss));
  for (let round = 0; round < rounds; round++) {
    collectGarbage();
    bare.push(await secondsOf(readBare));
    collectGarbage();
    state.push(await secondsOf(() => drain({ asOf: 'version:v41', component: 'gateway' }, watched)));
    collectGarbage();
    plan.push(
      await secondsOf(() =>
        tally.ask('rollback.plan', {
          component: 'gateway',
          from: 'v42',
          to: 'v41',
          asOf: `time:${new Date(START + SPAN).toISOString()}`,
        }),
      ),
    );
    watched();
  }
  clearInterval(watch);
  const [bareS, stateS, planS] = [median(bare), median(state), median(plan)];
  console.log(
    table([
      ['figure', 'seconds', 'events/s', 'of the bare read', 'target'],
      ['bare read of $all', bareS.toFixed(1), perSecond(events, bareS), '1.00', ''],
      ['all states as of v41', stateS.toFixed(1), perSecond(events, stateS), (bareS / stateS).toFixed(2), '>= 0.5'],
      ['rollback plan v42 -> v41', planS.toFixed(1), perSecond(events, planS), (bareS / planS).toFixed(2), ''],
      ['peak RSS: MiB', Math.round(peak / 2 ** 20), '', '', 'bounded'],
    ]),
  );
} finally {
  await tally.close();
  rmSync(folder, { recursive: true });
}

async function declare(): Promise<void> {
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
async function fill(): Promise<void> {
  const secrets = tally.stores.secrets.current('default');
  const revisions = new Map<number, bigint>();
  const BATCH = 5000;
  let batch: StreamAppend[] = [];
  let next = 0;
  for (let n = 0; n < events; n++) {
    const issue = next < tokens && random() < tokens / events + 0.02;
    const token = issue ? next++ : Math.floor(Math.max(0, next - 20_000) + random() * Math.min(next, 20_000));
    if (next === 0) continue;
    batch.push(append(token, n, issue || !revisions.has(token), secrets, revisions));
    if (batch.length < BATCH) continue;
    await tally.stores.ledger.appendMany(batch);
    batch = [];
  }
  if (batch.length > 0) await tally.stores.ledger.appendMany(batch);
}

function append(
  token: number,
  n: number,
  issue: boolean,
  secrets: NamingSecrets,
  revisions: Map<number, bigint>,
): StreamAppend {
  const time = START + Math.floor((n / events) * SPAN);
  const jti = nameOf(secrets, 'jti', ISSUER, `t-${token}`);
  const draft: Draft = issue
    ? issued(token, jti, time)
    : token % 50 === 0 && random() < 0.2
      ? revoked(jti, time)
      : used(token, jti, time);
  const key = createHash('sha256').update(String(n)).digest('hex');
  const record = { key: key.slice(0, 32), digest: key.slice(32), ordinal: 0 };
  const id = `${key.slice(0, 8)}-${key.slice(8, 12)}-8${key.slice(13, 16)}-a${key.slice(17, 20)}-${key.slice(20, 32)}`;
  const source = issue || draft.type === 'token.revoked' ? 'keycloak' : 'kong';
  const revision = revisions.get(token);
  revisions.set(token, (revision ?? -1n) + 1n);
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

function readBare(): void {
  const scan = LedgerScan.open(join(folder, 'ledger.sqlite'));
  let bytes = 0;
  for (const row of scan.scanAll()) bytes += row.data.length;
  scan.close();
  if (bytes === 0) throw new Error('the ledger is empty');
}

async function drain(params: { asOf: string; component: string }, watched: () => void): Promise<void> {
  const answer: Answer = await tally.ask('state', params);
  if (answer.kind !== 'rows') throw new Error('state gives rows');
  let n = 0;
  for await (const _row of answer.rows) if (++n % 50_000 === 0) watched();
  const { digest } = answer.end!() as { digest: string };
  if (digest.length !== 64) throw new Error('no digest');
}
