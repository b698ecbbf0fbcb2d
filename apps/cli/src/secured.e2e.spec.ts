import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateBenchLines } from '#sources';
import { TestAuthority } from '../../../libs/platform/src/testing/certificates.js';
import { runHere } from './testing/run-here.js';
import { startUp, type Ran, type Up } from './testing/run-tally.js';

/** The built product over HTTPS, with bearers in a file, while certificate, bearers and naming secrets are rotated. */

const authority = TestAuthority.make();
let cwd: string;
let up: Up;
const at = (file: string): string => join(cwd, file);
const tally = (...args: string[]): Promise<Ran> => runHere(args, { data: at('.tally') });
const elsewhere = (bearer: string): Promise<Ran> =>
  runHere(['status', '--url', up.url, '--ca', at('ca.pem')], { data: at('none'), env: { TALLY_BEARER: bearer } });
const bearers = (): string[] => readFileSync(at('bearers'), 'utf8').trim().split('\n');
/** Changes something that is read again, sends SIGHUP, and waits until it was told. */
async function renewed(what: string, change: () => unknown): Promise<void> {
  const told = () => up.stderr().split(`${what} was renewed`).length;
  const before = told();
  await change();
  up.child.kill('SIGHUP');
  while (told() === before) await new Promise((resolve) => setTimeout(resolve, 10));
}
function certify(): void {
  const { cert, key } = authority.issue();
  writeFileSync(at('cert.pem'), cert);
  writeFileSync(at('key.pem'), key);
}

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'tally-secured-'));
  writeFileSync(at('ca.pem'), authority.cert);
  certify();
  const flags = ['--tls-cert', at('cert.pem'), '--tls-key', at('key.pem'), '--bearer-file', at('bearers')];
  up = await startUp(flags, { cwd });
});
afterAll(async () => {
  await up.stop('SIGKILL');
  rmSync(cwd, { recursive: true, force: true });
});

describe('tally up over HTTPS', () => {
  it('answers commands of its directory, and those from elsewhere; the bearer is in its file alone', async () => {
    expect(up.url).toMatch(/^https:/);
    expect((await tally('status')).code).toBe(0);
    expect((await elsewhere(bearers()[0]!)).code).toBe(0);
    expect((await elsewhere('x'.repeat(43))).stderr).toContain('This needs the bearer');
    expect(up.stderr()).not.toContain(bearers()[0]);
    expect(up.bearer).toBeUndefined();
  });

  it('goes on under a new certificate and a new bearer, without a restart', async () => {
    await renewed('the certificate', certify);
    expect((await tally('status')).code).toBe(0);
    const [first] = bearers() as [string];
    const rotate = async (): Promise<void> => expect((await tally('bearer', 'rotate', at('bearers'))).code).toBe(0);
    await renewed('the file of bearers', rotate);
    const [second] = bearers() as [string];
    expect([(await elsewhere(first)).code, (await elsewhere(second)).code]).toEqual([0, 0]);
    await renewed('the file of bearers', rotate);
    expect((await elsewhere(first)).code).toBe(1);
    expect((await elsewhere(second)).code).toBe(0);
    // Commands of the directory were told the new one.
    expect((await tally('status')).code).toBe(0);
  });
});

describe('naming secrets, while it runs', () => {
  // Long enough for threads of their own to read it.
  const lines = [...generateBenchLines({ seed: 'secured', records: 6000, keycloakShare: 0.2 })];
  const ingest = async (): Promise<Record<string, number>> =>
    JSON.parse((await tally('ingest', at('all.log'), '-o', 'json')).stdout) as Record<string, number>;

  it('are rotated; what comes again in threads is a duplicate and renamed, and an export is for gateways', async () => {
    writeFileSync(at('all.log'), lines.map(({ line }) => `${line}\n`).join(''));
    expect(await ingest()).toMatchObject({ accepted: 6000 });
    const state = async (): Promise<Ran> => tally('state', '--as-of', 'time:2026-03-10T12:00:00Z', '-o', 'tsv');
    const statuses = ({ stdout }: Ran): string[] => stdout.split('\n').map((row) => row.split('\t').slice(1, 5).join());
    const before = await state();
    expect(JSON.parse((await tally('secrets', 'rotate', '-o', 'json')).stdout)).toMatchObject({ version: 1 });
    expect(await ingest()).toMatchObject({ accepted: 0, conflicts: 0, duplicates: 6000 });
    const after = await state();
    expect(after.stdout).not.toBe(before.stdout);
    expect(statuses(after).sort()).toEqual(statuses(before).sort());

    const exported = await tally('secrets', 'export');
    const secret = JSON.parse(exported.stdout) as Record<string, unknown>;
    expect(Object.keys(secret)).toEqual(['tenant', 'version', 'token']);
    expect(secret['version']).toBe(1);
    expect(exported.stderr).toContain('can compute the name of every token and key');
    const file = JSON.parse(readFileSync(at('.tally/secrets/default.v1.key'), 'utf8')) as Record<string, string>;
    expect(secret['token']).toBe(file['token']);
    expect(exported.stdout + exported.stderr).not.toContain(file['person']);
    expect(JSON.parse((await tally('secrets', 'export', '--of-version', '0')).stdout)).toMatchObject({ version: 0 });
    expect((await tally('secrets', 'export', '--of-version', '7')).code).toBe(8);
    expect((await tally('secrets', 'export', '--tenant', 'other')).code).toBe(8);
    const list = await tally('secrets', 'list', '-o', 'json');
    expect(JSON.parse(list.stdout)).toMatchObject([{ version: 1 }, { version: 0 }]);
    expect(list.stdout).not.toContain(file['token']);
    expect((await tally('secrets', 'retire', '1')).stderr).toContain('it names what comes in');
  });
});
