import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runHere } from './testing/run-here.js';

let cwd: string;
beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'tally-wrong-use-'));
  await runHere(['deployment', 'activate', '--component', 'gateway', '--version', 'v1'], { data: join(cwd, '.tally') });
});
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

/** Stands in the table for a port that something else listens on. */
const PORT_IN_USE = 'PORT';
const other = createServer();
beforeAll(async () => {
  other.listen(0, '127.0.0.1');
  await once(other, 'listening');
});
afterAll(() => void other.close());
const portInUse = (): string => String((other.address() as AddressInfo).port);

const JWT = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl';
const NAME = '20182a212524b11d12d52920a7213f20';
const V1 = ['--component', 'gateway', '--version', 'v1'];

describe('exit codes', () => {
  it.each([
    [2, [], /Usage: tally/],
    [2, ['nonsense'], /unknown command/],
    [2, ['state', '--bogus'], /unknown option '--bogus'/],
    [2, ['status', 'more'], /too many arguments/],
    [2, ['findings', '-o', 'xml'], /Allowed choices are table, json, ndjson, tsv, csv/],
    [2, ['rollback', 'plan', '--from', 'v1', '--to', 'v0'], /--component/],
    [2, ['rollback', 'plan', '--component', 'gateway', '--from', 'v1', '--to', 'v1'], /itself/],
    [2, ['token', 'show'], /not named/],
    [2, ['token', 'show', NAME, '--jti', 'x', '--issuer', 'y'], /several ways/],
    [2, ['token', 'show', '--jti', 'x'], /--issuer is missing/],
    [2, ['token', 'show', JWT], /not a name/],
    [2, ['token', 'show', '--token-stdin'], /was given nothing/],
    [2, ['state', '--as-of', 'v1'], /takes time:T or version:V/],
    [2, ['state', '--as-of', 'time:2026-03-10T09:00:00'], /no zone/],
    [2, ['state', '--as-known-at', 'position:17'], /no position/],
    [2, ['state', '--projection', 'effective'], /--as-of version:V/],
    [2, ['deployment', 'activate', ...V1, '--at', '2026-03-10 09:00'], /--at/],
    [2, ['deployment', 'activate', ...V1, '--weight', '2'], /weight/],
    [2, ['source', 'distrust', 'kong', '--by', 'ada'], /two different persons/],
    [2, ['subject', 'erase', '--subject', 'ada'], /--issuer/],
    [2, ['up', '--port', '70000'], /--port/],
    [2, ['up', '--kafka', '127.0.0.1:1', '--group', ''], /--group/],
    [2, ['up', '--kafka', '127.0.0.1:1', '--session-timeout', '20'], /from 1000 to 1800000/],
    [2, ['projector', '--kafka', '127.0.0.1:1', '--health-port', '70000'], /--health-port/],
    [1, ['up', '--port', PORT_IN_USE], /port is in use/],
    [8, ['token', 'show', NAME], /was not found/],
    [8, ['state', '--as-of', 'version:v0', '--component', 'gateway'], /never activated/],
    [8, ['deployment', 'show', 'v0'], /was not found/],
    [8, ['dead-letters', 'show', 'x'], /was not found/],
    [8, ['rollback', 'plan', '--component', 'gateway', '--from', 'v1', '--to', 'v0'], /v0/],
    [1, ['deployment', 'declare', 'missing.json'], /does not exist/],
    [0, ['--version'], /^$/],
    [0, ['ingest', '--help'], /^$/],
  ])('%i: tally %j', async (code, args, stderr) => {
    const ran = await runHere(
      args.map((arg) => (arg === PORT_IN_USE ? portInUse() : arg)),
      { data: join(cwd, '.tally') },
    );
    expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code, stderr: expect.stringMatching(stderr) });
    if (code !== 0) expect(ran.stdout).toBe('');
    expect(ran.stderr).not.toContain('eyJ');
  });

  it('an error is JSON where JSON was asked for, also of flags', async () => {
    for (const args of [
      ['token', 'show', NAME],
      ['state', '--bogus'],
    ]) {
      const ran = await runHere([...args, '-o', 'json'], { data: join(cwd, '.tally') });
      expect(JSON.parse(ran.stderr)).toMatchObject({
        error: { code: expect.stringMatching(/^TALLY_/), message: expect.any(String), remedy: expect.any(String) },
      });
    }
  });
});
