import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AnalyticsWriter, type Analytics, type AnalyticsEngine } from '#analytics';
import { generateBenchLines } from '#sources';
import { LocalTally } from '../../api/src/tally/local-tally.js';
import { random } from './testing/random.js';
import { linesOf, runTally, startTally } from './testing/run-tally.js';

/** How often the whole process is killed; `npm run test:all` asks for 100. */
const ROUNDS = Number(process.env['TALLY_CRASH_ROUNDS'] ?? 12);
const LINES_A_ROUND = 150;

const lines = [
  ...generateBenchLines({ seed: 'analytics-crash', records: ROUNDS * LINES_A_ROUND, keycloakShare: 0.3 }),
].map(({ line }) => line);
let root: string;
let expected: Content;

/** What ClickHouse says of all facts but those of finished inputs, whose number depends on how often one was fed. */
type Content = Record<string, unknown>;

const CONTENT = {
  facts: `SELECT count() AS n, uniqExact(record_key) AS records, sum(cityHash64(kind, time, record_key, record_digest, shape)) AS hash
          FROM {db}.facts FINAL WHERE kind != 'source.closed'`,
  minutes: `SELECT sum(facts) AS n, sum(uses) AS uses, sum(facts * cityHash64(minute, issuer, client, gateway, version, kind, outcome, reason)) AS hash
            FROM {db}.use_minutes`,
  hours: `SELECT sum(facts) AS n, sum(uses) AS uses, sum(facts * cityHash64(hour, issuer, client, gateway, kind, outcome)) AS hash FROM {db}.use_hours`,
  days: `SELECT sum(facts) AS n, sum(uses) AS uses, sum(facts * cityHash64(day, issuer, client, gateway, kind, outcome)) AS hash FROM {db}.use_days`,
  tokenMinutes: `SELECT sum(facts) AS n, sum(uses) AS uses, sum(facts * cityHash64(name, minute, gateway, version, outcome)) AS hash
                 FROM {db}.token_minutes FINAL`,
  onsets: `SELECT count() AS n, sum(cityHash64(name, kind, gateway, version, cause, scope, successor, at, last_at)) AS hash
           FROM {db}.onsets FINAL`,
  attributes: 'SELECT count() AS n, sum(cityHash64(name, said)) AS hash FROM {db}.attributes FINAL',
  families: `SELECT count() AS n, sum(cityHash64(member, label)) AS hash
             FROM (SELECT member, argMax(label, position) AS label FROM {db}.family_labels GROUP BY tenant, member)`,
};

async function contentOf(engine: AnalyticsEngine): Promise<Content> {
  const out: Content = {};
  for (const [what, sql] of Object.entries(CONTENT)) [out[what]] = await engine.rows(sql);
  return out;
}

async function idsIn(tally: LocalTally): Promise<number> {
  const answer = await tally.ask('export', {});
  if (answer.kind !== 'rows') throw new TypeError('an export has rows');
  const ids = new Set<unknown>();
  let events = 0;
  for await (const { id, type } of answer.rows) {
    if (/source\.closed|finding\./.test(String(type))) continue;
    ids.add(id);
    events++;
  }
  expect(ids.size).toBe(events);
  return events;
}

/** Opens a directory as the next command would, feeds all lines once more, and looks. */
async function completed<T>(
  data: string,
  look: (analytics: Analytics, events: number, tally: LocalTally) => Promise<T>,
) {
  const tally = await LocalTally.open(data, { access: 'write', purpose: 'test' });
  try {
    async function* input(): AsyncGenerator<Uint8Array> {
      yield Buffer.from(lines.join('\n'));
    }
    const report = await tally.ingest(input(), { tenant: 'default', source: 'auto', what: 'all', finished: false });
    expect(report.accepted + report.duplicates).toBe(lines.length);
    await tally.settle();
    return await look(await tally.stores.analytics.open(), await idsIn(tally), tally);
  } finally {
    await tally.close();
  }
}

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'tally-analytics-crash-'));
  // The same secrets, so that the same line has the same event id.
  const first = await LocalTally.open(join(root, 'data'), { access: 'write', purpose: 'test' });
  await first.ingest((async function* () {})(), { tenant: 'default', source: 'auto', what: 'none', finished: false });
  await first.close();
  cpSync(join(root, 'data'), join(root, 'whole'), { recursive: true });
  expected = await completed(join(root, 'whole'), async ({ engine }, events) => ({
    events,
    ...(await contentOf(engine)),
  }));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Feeds one file and kills the process: before or while it takes the file in, or while ClickHouse follows. */
async function killed(file: string, data: string, settleMs: number, next: () => number): Promise<boolean> {
  const child = startTally(['ingest', file, '--source', 'auto', '-o', 'ndjson', '--data', data], { cwd: root });
  const closed = once(child, 'close') as Promise<[number | null]>;
  const isWhileFed = next() < 0.2;
  const delay = next() * (isWhileFed ? 600 : settleMs);
  const strike = (): void => void setTimeout(() => child.kill('SIGKILL'), delay);
  if (isWhileFed) strike();
  // The report comes when the ledger has everything: ClickHouse follows after it.
  for await (const _report of linesOf(child)) if (!isWhileFed) strike();
  const [code] = await closed;
  return code !== 0;
}

describe('kill -9 of the whole process while ClickHouse follows the ledger', () => {
  it(
    `leaves each fact once in every table: ${ROUNDS} times over one directory`,
    async () => {
      const next = random(4);
      const data = join(root, 'data');
      let struck = 0;
      let settleMs = 1500;
      for (let round = 0; round < ROUNDS; round++) {
        const file = join(root, `${round}.log`);
        writeFileSync(file, `${lines.slice(round * LINES_A_ROUND, (round + 1) * LINES_A_ROUND).join('\n')}\n`);
        if (await killed(file, data, settleMs, next)) {
          struck++;
          settleMs *= 1.1;
        } else settleMs *= 0.6;
      }
      expect(struck).toBeGreaterThan(ROUNDS / 2);
      const content: Content = await completed(data, async ({ engine }, events) => ({
        events,
        ...(await contentOf(engine)),
      }));
      expect(content).toEqual(expected);
      expect(content['minutes']).toMatchObject({ n: (content['hours'] as { n: number }).n });
      expect(content['minutes']).toMatchObject({ n: (content['days'] as { n: number }).n });
    },
    60_000 + ROUNDS * 10_000,
  );

  it('and once still when every batch comes again after its token was forgotten', async () => {
    const again = await completed(join(root, 'whole'), async ({ engine, journal }, events, { stores }) => {
      const writer = new AnalyticsWriter(engine, stores.scan, journal, stores.clock);
      const batches = await engine.rows<{ start: number; end: number }>('SELECT start, end FROM {db}.batches FINAL');
      for (const bounds of batches) await writer.rewrite(bounds);
      const before = await contentOf(engine);
      const tables = await engine.rows<{ name: string }>(
        `SELECT name FROM system.tables WHERE database = {database:String} AND engine LIKE '%MergeTree'`,
        { database: engine.database },
      );
      for (const { name } of tables) await engine.command(`OPTIMIZE TABLE {db}.${name} FINAL`);
      expect(await contentOf(engine)).toEqual(before);
      return { events, ...before };
    });
    expect(again).toEqual(expected);
  });

  it('and the next command that writes goes on by itself; ledger and ClickHouse agree', async () => {
    const file = join(root, 'last.log');
    writeFileSync(file, `${lines[0]!}\n`);
    const ran = await runTally(['ingest', file, '--data', join(root, 'data')], { cwd: root });
    expect(ran).toMatchObject({ code: 0 });
    const status = await runTally(['analytics', 'status', '-o', 'json', '--data', join(root, 'data')], { cwd: root });
    expect(JSON.parse(status.stdout)).toMatchObject({ lagEvents: 0, unfinishedBatch: false });
    const checked = await runTally(['fsck', '--data', join(root, 'data')], { cwd: root });
    expect(checked).toMatchObject({ code: 0, stdout: 'no differences\n' });
  });
});
