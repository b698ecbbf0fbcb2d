import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { demoTraffic } from '#sources';
import { runHere } from './testing/run-here.js';
import { runTally, type Ran } from './testing/run-tally.js';

const ISSUER = 'https://idp.example.com/realms/shop';
const asOf = 'time:2026-03-10T10:58:00Z';
let cwd: string;
let json: Record<string, unknown>;
/** In this process, which is faster; some tests below start the built command itself. */
const tally = (...args: string[]): Promise<Ran> => runHere(args, { data: at('.tally') });
const at = (file: string): string => join(cwd, file);
const read = async <T = Record<string, unknown>>(...args: string[]): Promise<T> => {
  const ran = await tally(...args, '-o', 'json');
  expect({ args, code: ran.code, stderr: ran.code === 0 ? '' : ran.stderr }).toEqual({ args, code: 0, stderr: '' });
  return JSON.parse(ran.stdout) as T;
};

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'tally-commands-'));
  const traffic = demoTraffic();
  const files = new Map<string, string>();
  for (const { source, line } of traffic.lines) files.set(source, `${files.get(source) ?? ''}${line}\n`);
  for (const [source, text] of files) writeFileSync(at(`${source}.log`), text);
  writeFileSync(at('kong.log.gz'), gzipSync(files.get('kong')!));
  writeFileSync(at('settings.json'), JSON.stringify(traffic.settings));
});
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

describe('before anything was fed', () => {
  it('a question says that there is no ledger, and makes none', async () => {
    const ran = await tally('findings');
    expect(ran.code).toBe(5);
    expect(ran.stderr).toMatch(/^error: There is no ledger in .*\n {2}try: Feed it first/);
    expect(existsSync(at('.tally'))).toBe(false);
  });

  it('a settings file can be checked', async () => {
    expect((await tally('settings', 'check', at('settings.json'))).code).toBe(0);
    writeFileSync(at('bad.json'), JSON.stringify({ sources: { kong: { format: 'kong', leeway: 'soon' } } }));
    const ran = await tally('settings', 'check', at('bad.json'));
    expect(ran).toMatchObject({ code: 1, stderr: expect.stringContaining('sources.kong.leeway') });
    expect(existsSync(at('.tally'))).toBe(false);
  });
});

describe('ingest', () => {
  it('takes several files of one source, gzip too, and answers with the stable names', async () => {
    json = await read('ingest', at('keycloak.log'), '--source', 'keycloak', '--settings', at('settings.json'));
    expect(Object.keys(json)).toEqual([
      'records',
      'accepted',
      'duplicates',
      'conflicts',
      'rejected',
      'ignored',
      'events',
      'seconds',
    ]);
    expect(json['records']).toBe(readFileSync(at('keycloak.log'), 'utf8').trimEnd().split('\n').length);
    const kong = await read<Record<string, number>>('ingest', at('kong.log.gz'), at('kong.log'), '--source', 'kong');
    expect(kong['records']).toBe(2 * (kong['accepted']! + (kong['duplicates']! - kong['accepted']!) / 2));
    const sum = ['accepted', 'duplicates', 'conflicts', 'rejected', 'ignored'].reduce((all, k) => all + kong[k]!, 0);
    expect(sum).toBe(kong['records']);
    for (const source of ['okta', 'envoy', 'tyk', 'deploys', 'broker', 'edge'])
      await read('ingest', at(`${source}.log`), '--source', source);
  });

  it('reads standard input, and names file, line, field and dead letter of what it refuses', async () => {
    const input = '{"cut\n\n[{"x":1}]\n';
    const ran = await runTally(['ingest', '-', '--source', 'auto'], { cwd, input });
    expect(ran.code).toBe(0);
    expect(ran.stdout).toMatch(/^2 records: 0 accepted, 2 rejected; 0 events in [\d.]+ s\n$/);
    expect(ran.stderr).toMatch(/^standard input:1 \(line\): is not JSON \(dead letter [0-9a-f]+\)$/m);
    expect(ran.stderr).toMatch(
      /^standard input:3 \(record\): is of no format that is known \(dead letter [0-9a-f]+\)$/m,
    );
  });

  it('says what it assumed of a source that no settings name', async () => {
    const elsewhere = ['--data', at('other')];
    const ran = await tally('ingest', at('tyk.log'), '--source', 'tyk', ...elsewhere);
    expect(ran.stderr).toContain('assumed for tyk');
    expect((await tally('ingest', at('tyk.log'), '--source', 'tyk', ...elsewhere)).stdout).toMatch(
      / 0 accepted, \d+ dupl/,
    );
  });

  it('changes nothing if a file cannot be read', async () => {
    const data = at('never');
    for (const files of [[at('kong.log'), at('missing.log')], [cwd]]) {
      const ran = await tally('ingest', ...files, '--data', data);
      expect(ran).toMatchObject({ code: 1, stdout: '' });
      expect(existsSync(data)).toBe(false);
    }
  });
});

describe('questions', () => {
  let wronglyRefused: string;

  it('rollback plan: the verdict is the exit code, and the file holds the plan', async () => {
    const args = ['rollback', 'plan', '--component', 'gateway', '--from', 'v42', '--to', 'v41', '--as-of', asOf];
    const ran = await tally(...args, '--out', at('plan.json'), '-o', 'json');
    const plan = JSON.parse(ran.stdout) as {
      verdict: 'pass' | 'hold' | 'fail';
      counts: Record<string, number>;
      decisions: { token: string; decision: string }[];
    };
    expect(ran.code).toBe({ pass: 0, hold: 5, fail: 3 }[plan.verdict]);
    for (const key of ['component', 'from', 'to', 'verdict', 'decisions', 'blockers', 'steps', 'covers', 'digest'])
      expect(plan).toHaveProperty(key);
    expect(Object.keys(plan.counts).sort()).toEqual(
      ['keep', 'none', 'quarantine', 'reissue', 'restore', 'revoke', 'until'].sort(),
    );
    expect(JSON.parse(readFileSync(at('plan.json'), 'utf8'))).toEqual(plan);
    wronglyRefused = plan.decisions.find(({ decision }) => decision === 'restore')!.token;
    const people = await tally(...args);
    expect(people.stdout).toMatch(/^rollback of gateway from v42 to v41: (PASS|HOLD|FAIL)\n/);
    expect(people.code).toBe(ran.code);
  });

  it('token show: by name, by jti and issuer, and by the token itself, which is neither printed nor kept', async () => {
    const byName = await read('token', 'show', wronglyRefused, '--as-of', asOf);
    expect(Object.keys(byName)).toEqual(
      'name names issuer jti kind status flags subject client audiences scopes family parent issuedAt expiry endedAt cause versions asOf knownAt watermark settings'.split(
        ' ',
      ),
    );
    const { issuer, jti } = byName as { issuer: string; jti: string };
    expect(issuer).toBe(ISSUER);
    const byJti = await read('token', 'show', '--jti', jti, '--issuer', issuer, '--as-of', asOf);
    expect(byJti['name']).toBe(byName['name']);

    const token = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl';
    const sha256 = createHash('sha256').update(token).digest('hex');
    const line = {
      specversion: '1.0',
      id: 'own-1',
      source: '/gw',
      type: 'tallystick.token.validated.v1',
      time: '2026-03-10T09:30:00Z',
    };
    const input = JSON.stringify({ ...line, data: { token_sha256: sha256 } });
    const fed = await runTally(['ingest', '-', '--source', 'edge', '-o', 'json'], { cwd, input });
    expect(JSON.parse(fed.stdout)).toMatchObject({ accepted: 1 });
    const asked = await runTally(['token', 'show', '--token-stdin', '-o', 'json'], { cwd, input: `Bearer ${token}\n` });
    const bySha = await read('token', 'show', '--sha256', sha256);
    expect(JSON.parse(asked.stdout)).toMatchObject({ name: bySha['name'] });
    expect(asked.stdout + asked.stderr).not.toMatch(/eyJ/);
  });

  it('token history: every fact, in the order asked for', async () => {
    const effective = await read<{ effectiveAt: string; recordedAt: string; position: string }[]>(
      ...['token', 'history', wronglyRefused],
    );
    const at = effective.map(({ effectiveAt }) => effectiveAt);
    expect(at).toEqual([...at].sort());
    const recorded = await read<{ position: string }[]>('token', 'history', wronglyRefused, '--order', 'recorded');
    expect(recorded).toHaveLength(effective.length);
    expect((await tally('token', 'history', wronglyRefused)).stdout).toMatch(/^EFFECTIVE AT +RECORDED AT +TYPE/);
  });

  it('state: TSV is the lines of the digest, byte for byte', async () => {
    const args = ['state', '--as-of', 'version:v41', '--component', 'gateway'];
    const tsv = await runTally([...args, '-o', 'tsv'], { cwd });
    const digest = createHash('sha256').update(tsv.stdout).digest('hex');
    expect(tsv.stderr).toContain(`digest ${digest}\n`);
    expect(tsv.stdout.split('\n')[0]?.split('\t')).toHaveLength(6);
    const whole = await read<{ items: unknown[]; digest: string; tokens: number }>(...args);
    expect(whole.digest).toBe(digest);
    expect(whole.items).toHaveLength(whole.tokens);
    expect((await tally(...args, '-o', 'ndjson')).stdout.trimEnd().split('\n')).toHaveLength(whole.tokens);
    const effective = await tally(...args, '--projection', 'effective', '-o', 'ndjson');
    expect(JSON.parse(effective.stdout.split('\n')[0]!)).toHaveProperty('effective');
  });

  it('findings: worst first, by severity and token', async () => {
    const all = await read<Record<string, unknown>[]>('findings', '--as-of', asOf);
    expect(Object.keys(all[0]!)).toEqual(
      'id rule kind severity provisional tokens family gateway summary evidence'.split(' '),
    );
    const critical = await read<Record<string, unknown>[]>('findings', '--as-of', asOf, '--severity', 'critical');
    expect(critical).toEqual(all.filter(({ severity }) => severity === 'critical'));
    const [token] = all[0]!['tokens'] as string[];
    expect((await read<unknown[]>('findings', '--as-of', asOf, '--token', token!)).length).toBeGreaterThan(0);
  });

  it('deployments: list, show, matrix, declare, activate, deactivate', async () => {
    const list = await read<{ id: string }[]>('deployment', 'list');
    expect(list.map(({ id }) => id)).toEqual(['gateway/v41/1', 'gateway/v42/1']);
    expect(await read('deployment', 'show', 'v42')).toMatchObject({ id: 'gateway/v42/1', version: 'v42' });
    expect((await tally('deployment', 'show', 'v42')).stdout).toContain('gw-b: 2026-03-10T10:03:00.000Z to now');
    expect((await read<unknown[]>('deployment', 'matrix', '--component', 'gateway')).length).toBeGreaterThan(2);
    writeFileSync(
      at('v43.json'),
      JSON.stringify({ component: 'gateway', version: 'v43', contract: { kids: ['k-1'] } }),
    );
    await read('deployment', 'declare', at('v43.json'));
    const step = ['--component', 'gateway', '--version', 'v43', '--gateway', 'gw-z'];
    await read('deployment', 'activate', ...step, '--at', '2026-03-10T10:59:00+00:00', '--weight', '0.5');
    await read('deployment', 'deactivate', ...step, '--at', '2026-03-10T10:59:30Z');
    expect(await read('deployment', 'show', 'v43')).toMatchObject({ off: '2026-03-10T10:59:30.000Z' });
  });

  it('settings, dead letters, status', async () => {
    expect(await read('settings', 'show')).toMatchObject({ settings: { sources: { kong: { format: 'kong' } } } });
    expect(await read('settings', 'declare', at('settings.json'), '--by', 'ada')).toEqual({
      recorded: false,
      changes: [],
    });
    const [letter] = await read<{ id: string }[]>('dead-letters', 'list');
    expect(await read('dead-letters', 'show', letter!.id)).toMatchObject({ id: letter!.id });
    expect(await read('dead-letters', 'redrive')).toMatchObject({ redriven: 0 });
    expect(await read('status')).toMatchObject({ deadLetters: 2 });
  });

  it('export is CloudEvents; a backup restored elsewhere is the same ledger', async () => {
    const exported = await tally('export');
    const lines = exported.stdout.trimEnd().split('\n');
    expect(JSON.parse(lines[0]!)).toMatchObject({ specversion: '1.0', type: expect.stringMatching(/^tallystick\./) });
    expect(exported.stderr).toMatch(new RegExp(`^${lines.length} events up to `));
    expect((await tally('backup', at('copy'))).code).toBe(0);
    expect((await tally('backup', at('copy'))).code).toBe(1);
    expect((await tally('restore', at('copy'))).code).toBe(1);
    expect((await tally('restore', at('copy'), '--data', at('restored'))).code).toBe(0);
    expect((await tally('export', '--data', at('restored'))).stdout).toBe(exported.stdout);
  });

  it('subjects are erased, sources distrusted by two', async () => {
    const erased = await read('subject', 'erase', '--issuer', ISSUER, '--subject', 'ada', '--by', 'grace');
    expect(erased['erased']).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/)]);
    expect((await tally('source', 'distrust', 'tyk', '--by', 'ada')).code).toBe(2);
    await read('source', 'distrust', 'tyk', '--by', 'ada', '--by', 'grace', '--reason', 'wrong clock');
  });

  it('as known before, the answer is the one given before', async () => {
    const { knownAt } = await read<{ knownAt: { position: string } }>('status');
    const known = ['--as-of', asOf, '--as-known-at', `position:${knownAt.position}`];
    const before = await tally('state', ...known, '-o', 'tsv');
    await tally('ingest', at('kong.log'), '--source', 'auto');
    expect((await tally('state', ...known, '-o', 'tsv')).stdout).toBe(before.stdout);
  });

  it('ends quietly when its reader has gone', async () => {
    const { spawnSync } = await import('node:child_process');
    const bin = new URL('../../../bin/tally.js', import.meta.url).pathname;
    const piped = `set -o pipefail; '${process.execPath}' '${bin}' export | head -1`;
    const { status, stderr } = spawnSync('bash', ['-c', piped], { cwd, encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });
});
