import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateBenchLines } from '#sources';
import { LocalTally } from '../../api/src/tally/local-tally.js';
import { runTally } from './testing/run-tally.js';

const RECORDS = 4000;
const BIN = fileURLToPath(new URL('../../../bin/tally.js', import.meta.url));
const lines = [...generateBenchLines({ seed: 'full-disk', records: RECORDS, keycloakShare: 0.2 })].map(
  ({ line }) => line,
);
let root: string;
let fed: string;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'tally-full-disk-'));
  fed = join(root, 'fed');
  const tally = await LocalTally.open(fed, { access: 'write', purpose: 'test' });
  async function* input(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(lines.join('\n'));
  }
  await tally.ingest(input(), { tenant: 'default', source: 'auto', what: 'all', finished: true });
  await tally.close();
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Runs a command that may write no file longer than this, as under a quota. */
function limited(kibibytes: number, args: readonly string[]): { status: number | null; stderr: string } {
  const script = `trap '' XFSZ; ulimit -f ${kibibytes}; exec "$0" "$@"`;
  const { NODE_OPTIONS: _options, ...env } = process.env;
  return spawnSync('bash', ['-c', script, process.execPath, BIN, ...args], { cwd: root, env, encoding: 'utf8' });
}

interface Counts {
  ledger: number;
  facts: number;
  minutes: number;
  hours: number;
  tokens: number;
  onsets: number;
  milestones: number;
}

async function countsIn(data: string): Promise<Counts> {
  const tally = await LocalTally.open(data, { access: 'read', purpose: 'test' });
  try {
    const { engine } = await tally.stores.analytics.open();
    const [row] = await engine.rows<Omit<Counts, 'ledger'>>(
      `SELECT (SELECT count() FROM {db}.facts FINAL) AS facts, (SELECT sum(facts) FROM {db}.use_minutes) AS minutes,
         (SELECT sum(facts) FROM {db}.use_hours) AS hours, (SELECT sum(facts) FROM {db}.token_minutes FINAL) AS tokens,
         (SELECT count() FROM {db}.onsets FINAL) AS onsets, (SELECT count() FROM {db}.milestones FINAL) AS milestones`,
    );
    let ledger = 0;
    for (const { type } of tally.stores.scan.scanAll()) if (!type.startsWith('tallystick.finding.')) ledger++;
    return { ledger, ...row! };
  } finally {
    await tally.close();
  }
}

describe('a file that cannot be written to its end while ClickHouse follows', () => {
  it('is an error that says so; nothing is lost and nothing there twice when there is room', async () => {
    const whole = join(root, 'whole');
    cpSync(fed, whole, { recursive: true });
    expect(await runTally(['analytics', 'catch-up', '--data', whole], { cwd: root })).toMatchObject({ code: 0 });
    const data = join(root, 'limited');
    cpSync(fed, data, { recursive: true });
    for (const room of [150, 60, 250]) {
      const { status, stderr } = limited(room, ['analytics', 'catch-up', '-o', 'json', '--data', data]);
      expect({ status, stderr }).toMatchObject({ status: 1, stderr: expect.stringContaining('TALLY_DISK_FULL') });
    }
    expect(await runTally(['analytics', 'catch-up', '--data', data], { cwd: root })).toMatchObject({ code: 0 });
    const counts = await countsIn(data);
    expect(counts).toEqual(await countsIn(whole));
    expect(counts.facts).toBe(counts.ledger);
  });
});

const small = mkdtempSync(join(tmpdir(), 'tally-small-disk-'));
const isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=160m', 'tmpfs', small]).status === 0;
afterAll(() => {
  if (isMounted) spawnSync('umount', ['-l', small]);
  rmSync(small, { recursive: true, force: true });
});

// Only who may mount a disk can have one that is small.
if (isMounted)
  describe('a full disk under the data directory', () => {
    const fill = join(small, 'fill');
    afterEach(() => rmSync(fill, { force: true }));

    it('ends an intake with what is true: the ledger has everything, and the next command goes on', async () => {
      const data = join(small, 'data');
      mkdirSync(data);
      cpSync(fed, data, { recursive: true });
      const { bavail, bsize } = statfsSync(small);
      writeFileSync(fill, Buffer.alloc(bavail * bsize - 40 * 2 ** 20));
      const file = join(root, 'more.log');
      writeFileSync(file, `${lines[0]!.replace(/"jti": ?"[^"]+"/, '"jti":"one-more"')}\n`);
      const ran = await runTally(['ingest', file, '--data', data], { cwd: root });
      expect(ran.code).toBe(1);
      expect(ran.stdout).toContain('1 record');
      expect(ran.stderr).toMatch(/The ledger has everything, durably, but ClickHouse could not follow: No room left/);
      expect(ran.stderr).toMatch(/try: .*the next command that writes/);
      rmSync(fill);
      expect(await runTally(['ingest', file, '--data', data], { cwd: root })).toMatchObject({ code: 0 });
      const counts = await countsIn(data);
      expect(counts.facts).toBe(counts.ledger);
    });
  });
