import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LedgerScan } from '#ledger';
import { generateBenchLines } from '#sources';
import { runTally, startUp, type Up } from '../../cli/src/testing/run-tally.js';
import { startServer, type TestServer } from '../../../libs/analytics/src/over-http/testing.js';
import { until } from '../../../libs/intake/src/kafka/testing/kafka-run.js';

const isLong = process.env['TALLY_LANES'] === 'all';
const AWAY_MS = isLong ? 60_000 : 5000;
const MINUTES = 60_000;
/** Records a request; one request after the other. */
const BATCH = 500;
/** Of the process: what it may have on the heap, whose excess ends it, and altogether; in MiB. */
const HEAP_MIB = 160;
const MEMORY_MIB = 700;

const lines = generateBenchLines({ seed: 'clickhouse-away', records: 1_000_000, keycloakShare: 0 })[Symbol.iterator]();
let root: string;
let test: TestServer;
let up: Up;
let accepted = 0;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'tally-away-'));
  test = await startServer();
  const args = ['--clickhouse', test.server.url, '--port', '0', '--data', join(root, 'data')];
  up = await startUp(args, { cwd: root, env: { NODE_OPTIONS: `--max-old-space-size=${HEAP_MIB}` } });
});
afterAll(async () => {
  await up?.stop('SIGKILL');
  await test.stop();
  rmSync(root, { recursive: true, force: true });
});

/** Answered when they are on disk. */
async function take(): Promise<void> {
  const body = Array.from({ length: BATCH }, () => (lines.next().value as { line: string }).line).join('\n');
  const headers = { authorization: `Bearer ${up.bearer}`, 'content-type': 'application/x-ndjson' };
  const response = await fetch(`${up.url}/v1/events`, { method: 'POST', headers, body });
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({ accepted: BATCH });
  accepted += BATCH;
}

/** Takes events in for so long, and gives the most memory that the process had then, in MiB. */
async function takeFor(ms: number): Promise<number> {
  let peak = 0;
  for (const end = performance.now() + ms; performance.now() < end;) {
    await take();
    peak = Math.max(peak, memoryOf(up.child.pid!));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return peak;
}

function memoryOf(pid: number): number {
  return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) / 1024;
}

async function ask(...args: string[]): Promise<Record<string, unknown>> {
  const { stdout, stderr } = await runTally([...args, '--data', join(root, 'data'), '-o', 'json'], { cwd: root });
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as Record<string, unknown>;
}

function followed(): Promise<void> {
  const isThere = async (): Promise<boolean> => {
    const status = await ask('analytics', 'status');
    return status['filled'] === true && status['lagEvents'] === 0;
  };
  return until('ClickHouse has come to the head', isThere, 10 * MINUTES);
}

/** What the ledger itself holds. */
function countLedger(): { events: number; findings: number } {
  const scan = LedgerScan.open(join(root, 'data', 'ledger.sqlite'));
  const counted = { events: 0, findings: 0 };
  for (const { type } of scan.scanAll()) {
    counted.events++;
    if (type.startsWith('tallystick.finding.')) counted.findings++;
  }
  scan.close();
  return counted;
}

describe(`ClickHouse away for ${AWAY_MS / 1000} s under load`, () => {
  it(
    'stops no intake and fills no memory; when it is back, it has everything once',
    async () => {
      await takeFor(1000);
      await followed();
      const followedUntil = accepted;
      await test.server.down();
      const away = await takeFor(AWAY_MS);
      // Intake went on without it, and the process tried.
      expect(accepted - followedUntil).toBeGreaterThan((AWAY_MS / 1000) * BATCH);
      expect(up.stderr()).toContain('analytics did not follow the ledger');
      await test.server.up();
      const back = await takeFor(2000);
      await followed();
      expect(Math.max(away, back, memoryOf(up.child.pid!))).toBeLessThan(MEMORY_MIB);
      const { items } = await ask(
        'sql',
        `SELECT count() AS rows, uniqExact(position) AS positions, (SELECT sum(events) FROM batches) AS events,
           (SELECT count() FROM findings) AS findings FROM facts`,
      );
      expect(await ask('fsck')).toMatchObject({ items: [], agree: true, lagEvents: 0 });
      expect(await up.stop()).toBe(0);
      const { events, findings } = countLedger();
      expect(events - findings).toBeGreaterThanOrEqual(accepted);
      expect(items).toEqual([{ rows: events - findings, positions: events - findings, events, findings }]);
    },
    isLong ? 30 * MINUTES : 5 * MINUTES,
  );
});
