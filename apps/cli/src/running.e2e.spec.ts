import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { generateBenchLines } from '#sources';
import { runHere } from './testing/run-here.js';
import { linesOf, runTally, startTally, startUp, type Ran, type Up } from './testing/run-tally.js';

const lines = [...generateBenchLines({ seed: 'running', records: 6000, keycloakShare: 0.2 })];
let cwd: string;
let up: Up;
const at = (file: string): string => join(cwd, file);
const tally = (...args: string[]): Promise<Ran> => runHere(args, { data: at('.tally') });
const get = async (path: string): Promise<Record<string, unknown>> =>
  (await fetch(up.url + path, { headers: { authorization: `Bearer ${up.bearer}` } })).json() as never;

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'tally-running-'));
  writeFileSync(at('all.log'), lines.map(({ line }) => `${line}\n`).join(''));
  up = await startUp([], { cwd });
});
afterAll(async () => {
  await up.stop('SIGKILL');
  rmSync(cwd, { recursive: true, force: true });
});

describe('tally up', () => {
  it('says where it answers and with which bearer, and only there', () => {
    expect(up.stderr()).toContain(`tally is up at ${up.url}\n`);
    expect(up.stderr()).toContain(`bearer  ${up.bearer}\n`);
    expect(up.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  });

  it('is asked by commands with its directory: they take in, batch by batch, and get the same answers', async () => {
    const ran = await tally('ingest', at('all.log'), '--source', 'auto', '-o', 'json');
    expect(JSON.parse(ran.stdout)).toMatchObject({ records: 6000, accepted: 6000, rejected: 0 });
    const again = await runTally(['ingest', '-'], { cwd, input: gzipSync('{"x":\n') });
    expect(again).toMatchObject({ code: 0, stderr: expect.stringContaining('standard input:1 (line): is not JSON') });
    expect((await tally('token', 'show', '20182a212524b11d12d52920a7213f20')).code).toBe(8);
    expect((await tally('state', '--as-of', 'nonsense')).code).toBe(2);
  });

  it('gives pages and streams of the same rows', async () => {
    const streamed = (await tally('state', '-o', 'ndjson')).stdout.trimEnd().split('\n');
    const paged: string[] = [];
    let path = '/v1/state?limit=700';
    for (let next: unknown = ''; next !== null; path = `/v1/state?limit=700&cursor=${String(next)}`) {
      const page = await get(path);
      for (const item of page['items'] as object[]) paged.push(JSON.stringify(item));
      next = page['next'];
    }
    expect(paged.length).toBeGreaterThan(1400);
    expect(paged).toEqual(streamed);
  });

  it('counts what went in', async () => {
    const text = await (await fetch(`${up.url}/metrics`, { headers: { authorization: `Bearer ${up.bearer}` } })).text();
    expect(text).toContain('tally_records_total{outcome="accepted"} 6000\n');
    expect(text).toContain('tally_dead_letters 1\n');
  });

  it('keeps its directory for itself', async () => {
    const second = await runTally(['up'], { cwd });
    expect(second).toMatchObject({ code: 1, stdout: '' });
    expect(second.stderr).toMatch(/in use by `tally up` \(process \d+\)/);
  });

  it('takes in what an interrupted command had acknowledged, and no more is lost', async () => {
    const child = startTally(['ingest', '-', '--source', 'auto', '-o', 'json', '--tenant', 'two'], { cwd });
    child.stdin!.write(
      lines
        .slice(0, 4000)
        .map(({ line }) => `${line}\n`)
        .join(''),
    );
    const metric = async (): Promise<number> => {
      const page = await (
        await fetch(`${up.url}/metrics`, { headers: { authorization: `Bearer ${up.bearer}` } })
      ).text();
      return Number(/outcome="accepted"\} (\d+)/.exec(page)?.[1]);
    };
    while ((await metric()) < 8000) await new Promise((resolve) => setTimeout(resolve, 20));
    child.kill('SIGINT');
    const stdout: string[] = [];
    for await (const line of linesOf(child)) stdout.push(line);
    const code = child.exitCode ?? ((await once(child, 'exit')) as [number])[0];
    const told = JSON.parse(stdout.join('')) as { accepted: number };
    expect(code).toBe(130);
    expect(told.accepted).toBeGreaterThan(0);
    expect(told.accepted).toBeLessThanOrEqual(4000);
    const exported = (await tally('export', '--tenant', 'two')).stdout;
    const records = new Set([...exported.matchAll(/"record":\{"key":"([^"]+)"/g)].map((match) => match[1]));
    expect(records.size).toBeGreaterThanOrEqual(told.accepted);
  });

  it('backs up while it runs, and stops in order: directly asked, the directory gives the same', async () => {
    expect((await tally('backup', at('copy'))).code).toBe(0);
    const args = [
      'state',
      '--as-known-at',
      'time:2100-01-01T00:00:00Z',
      '--as-of',
      'time:2026-03-10T00:10:00Z',
      '-o',
      'tsv',
    ];
    const remote = await tally(...args);
    expect(await up.stop('SIGTERM')).toBe(0);
    expect(existsSync(at('.tally/run.json'))).toBe(false);
    expect(up.stderr()).toContain('stopped; everything acknowledged is on disk');
    const direct = await tally(...args);
    expect(direct.stdout).toBe(remote.stdout);
    expect(direct.stderr).toBe(remote.stderr);
    expect((await runHere(args, { data: at('copy') })).stdout).toBe(remote.stdout);
  });

  it('the digest is that of the TSV, through a pipe', () => {
    const bin = new URL('../../../bin/tally.js', import.meta.url).pathname;
    const script = `'${process.execPath}' '${bin}' state -o tsv 2>err.txt | sha256sum | cut -d' ' -f1; cat err.txt`;
    const { stdout } = spawnSync('bash', ['-c', script], { cwd, encoding: 'utf8', env: { PATH: process.env['PATH'] } });
    const [sum, ...said] = stdout.trimEnd().split('\n');
    expect(said.at(-1)).toBe(`digest ${sum}`);
  });
});
