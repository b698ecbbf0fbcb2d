import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runHere } from './testing/run-here.js';
import type { Ran } from './testing/run-tally.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tally-typos-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const tally = (args: string[], input?: string): Promise<Ran> =>
  runHere(args, { data: join(folder, '.tally'), ...(input !== undefined && { input }) });

it('a source or tenant that cannot be meant ends with 2, and reports no records', async () => {
  for (const flags of [
    ['--source', 'kongg'],
    ['--tenant', 'a b'],
  ]) {
    const ran = await tally(['ingest', '-', ...flags], '{"a":1}\n');
    expect(ran).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(/^error: /) });
  }
  const missing = await tally(['state', '--tenant', 'acme']);
  expect(missing).toMatchObject({ code: 8, stdout: '', stderr: expect.stringContaining('no tenant "acme"') });
});

it('an error in JSON shows no token that was given as a time, source or flag', async () => {
  await tally(['deployment', 'activate', '--component', 'gateway', '--version', 'v1']);
  const token = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl';
  for (const args of [
    ['state', '--as-of', token],
    ['state', '--as-of', `time:${token}`],
    ['source', 'distrust', token, '--by', 'ada', '--by', 'grace'],
    ['state', `--${token}`],
    ['deployment', 'show', token],
  ]) {
    const ran = await tally([...args, '-o', 'json']);
    expect(ran.code).not.toBe(0);
    expect(ran.stderr).not.toContain('eyJ');
  }
});

it('what was done though nothing matches it is noted on standard error', async () => {
  await tally(['deployment', 'activate', '--component', 'gateway', '--version', 'v1']);
  const ran = await tally(['source', 'distrust', 'kongg', '--by', 'ada', '--by', 'grace', '-o', 'json']);
  expect(ran).toMatchObject({ code: 0, stderr: expect.stringMatching(/^note: no fact of kongg/) });
});

it('settings are checked against none where there is no ledger', async () => {
  const file = join(folder, 'settings.json');
  writeFileSync(file, JSON.stringify({ sources: { edge: { format: 'kong' } } }));
  const ran = await tally(['settings', 'check', file, '-o', 'json']);
  expect(JSON.parse(ran.stdout)).toMatchObject({ valid: true, changes: ['sources.edge'] });
});

it('the help of a declaration names every key, and where they are explained', async () => {
  const { stdout } = await tally(['deployment', 'declare', '--help']);
  expect(stdout).toMatch(/compensatingControls/);
  expect(stdout).toContain('docs/deployments.md');
  for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(120);
});
