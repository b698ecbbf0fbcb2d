import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedLedger, LedgerScan } from '#ledger';
import { Analytics } from '../analytics.js';
import { AnalyticsDamaged } from '../errors.js';
import { lifeOf, settingsAppend } from '../testing.js';
import { SpecServer } from '../testing-server/index.js';
import type { Difference } from './difference.js';

const FACTS = 60;
let root: string;
let ledger: EmbeddedLedger;
let scan: LedgerScan;
let analytics: Analytics;
let server: SpecServer;

const open = (options: { asItIs?: true; scan?: LedgerScan } = {}): Promise<Analytics> =>
  Analytics.open({
    files: { directory: join(root, 'clickhouse'), lock: join(root, 'lock'), journal: join(root, 'journal.sqlite') },
    scan,
    clock: () => 1.8e12,
    waitMs: 0,
    ...server.at,
    ...options,
  });

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'tally-fsck-'));
  ledger = EmbeddedLedger.open(join(root, 'ledger.sqlite'), { access: 'write', clock: () => 1.8e12 });
  scan = LedgerScan.open(join(root, 'ledger.sqlite'));
  server = await SpecServer.over(root);
  analytics = await open();
  // Four batches: 1, 2–21, 22–41, 42–61.
  await ledger.appendMany([settingsAppend()]);
  for (let from = 0; from < FACTS; from += 20) {
    await ledger.appendMany(lifeOf(20, from));
    await analytics.catchUp();
  }
});
afterAll(async () => {
  await analytics.close();
  await server.stop();
  scan.close();
  await ledger.close();
  rmSync(root, { recursive: true, force: true });
});

async function differences(from?: number): Promise<Difference[]> {
  const out: Difference[] = [];
  for await (const row of analytics.fsck(from)) if (row.kind === 'difference') out.push(row.difference);
  return out;
}

/** Repairs until nothing is left that can be: what one repair uncovers, the next one repairs. */
async function repaired(found: Difference[]): Promise<void> {
  for (let left = found, rounds = 0; left.length > 0 && rounds < 3; left = await differences(), rounds++)
    expect(await analytics.repair(left)).toBeGreaterThan(0);
}

const told = (list: Difference[]): string[] =>
  list.map(({ table, start, end, what }) => `${table} ${start}-${end} ${what}`);

describe('ledger and ClickHouse', () => {
  afterEach(async () => {
    expect(await differences()).toEqual([]);
  });

  it('agree when nothing happened', async () => {
    expect(await differences()).toEqual([]);
  });

  const tables = ['facts', 'attributes', 'family_labels', 'batches'];
  const views = ['onsets', 'token_minutes', 'rollup_minute', 'toggles', 'renewals', 'milestones', 'refusals', 'fences'];
  views.push('family_ends', 'name_pairs', 'tok_centers', 'source_minutes', 'world_facts', 'source_clocks', 'sightings');

  it('a row that is gone from any table is named and repaired', async () => {
    const { engine } = analytics;
    for (const table of [...tables, ...views]) {
      const [column] = await engine.rows<{ name: string }>(
        `SELECT name FROM system.columns WHERE database = {database:String} AND table = {table:String}
         AND name IN ('batch', 'position', 'start', 'first_position', 'first_at')
         ORDER BY indexOf(['first_position', 'position', 'batch', 'start', 'first_at'], name) LIMIT 1`,
        { database: engine.database, table },
      );
      const key = column!.name;
      // Told first: each part would ask again, when an earlier one has lost its row.
      const [least] = await engine.rows<{ at: number }>(
        `SELECT min(${key}) AS at FROM {db}.${table} WHERE ${key} >= ${table === 'facts' ? 35 : 22}`,
      );
      await engine.command(`ALTER TABLE {db}.${table} DELETE WHERE ${key} = ${least!.at} SETTINGS mutations_sync = 2`);
    }
    const found = await differences();
    const missing = found.map((each) => each.table);
    expect([...new Set(missing)].sort()).toEqual([...tables, ...views].sort());
    await repaired(found);
  });

  const changes: [table: string, change: string, where: string, detail: RegExp][] = [
    ['facts', `outcome = 'refused'`, 'position = 35', /position 35: outcome/],
    ['facts', 'recorded_at = recorded_at + 1', 'position = 36', /position 36: recorded_at/],
    ['attributes', 'alg = 7', 'position BETWEEN 22 AND 41', /alg/],
    ['family_labels', `label = toUUID('11111111-1111-1111-1111-111111111111')`, 'position > 21', /label/],
    ['onsets', 'at = at - 1', '1', /tokens/],
    ['token_minutes', 'uses = uses + 1', 'batch = 22', /batch 22/],
    ['rollup_minute', 'facts = facts + 1', 'batch = 22', /batch 22/],
    ['toggles', 'op = 1 - op', '1', /position/],
    ['batches', 'digest = digest + 1', 'start = 22', /digest/],
  ];
  it('a row that was changed is named, with what differs, and repaired', async () => {
    const { engine } = analytics;
    for (const [table, change, where] of changes)
      await engine.command(`ALTER TABLE {db}.${table} UPDATE ${change} WHERE ${where} SETTINGS mutations_sync = 2`);
    const found = await differences();
    for (const [table, , , detail] of changes)
      expect(
        found
          .filter((each) => each.table === table)
          .map((each) => each.detail)
          .join('\n'),
      ).toMatch(detail);
    await repaired(found);
  });

  it('a batch that is there twice is no difference: it counts once', async () => {
    await analytics.engine.command('INSERT INTO {db}.facts SELECT * FROM {db}.facts WHERE batch = 22');
    expect(await differences()).toEqual([]);
  });

  it('a row under another name, and one that the ledger never had, are named and repaired', async () => {
    const other = `SELECT * REPLACE (toUUID('21111111-1111-1111-1111-111111111111') AS name) FROM {db}.facts WHERE position = 22`;
    await analytics.engine.command(`INSERT INTO {db}.facts ${other}`);
    const later = `SELECT * REPLACE (toUInt64(900) AS position, toUInt64(900) AS batch) FROM {db}.facts WHERE facts.position = 26`;
    await analytics.engine.command(`INSERT INTO {db}.facts ${later}`);
    const found = await differences();
    expect(told(found)).toContain('facts 22-41 unknown');
    expect(found.map(({ table, start, what }) => `${table} ${start} ${what}`)).toContain('facts 62 unknown');
    await analytics.repair(found);
    // Once the fact is gone, what a view made of it has no reason any more.
    const left = await differences();
    expect(left.map(({ table }) => table)).toEqual(['onsets']);
    await repaired(left);
  });

  it('a whole batch that is gone with its row is named and written again', async () => {
    for (const table of ['facts', 'rollup_minute', 'token_minutes'])
      await analytics.engine.command(`ALTER TABLE {db}.${table} DELETE WHERE batch = 22 SETTINGS mutations_sync = 2`);
    await analytics.engine.command('ALTER TABLE {db}.batches DELETE WHERE start = 22 SETTINGS mutations_sync = 2');
    const found = await differences();
    expect(told(found)).toContain('batches 22-41 missing');
    expect(told(found)).toContain('facts 22-41 missing');
    await analytics.repair(found);
  });

  it('damage before the position where it begins is left alone', async () => {
    expect(await differences(1 << 22)).toEqual([]);
  });

  it('a repair that is broken off lets nobody ask until it is repeated', async () => {
    await analytics.engine.command('ALTER TABLE {db}.facts DELETE WHERE position = 26 SETTINGS mutations_sync = 2');
    const found = await differences();
    const { engine } = analytics;
    const insert = engine.insert.bind(engine);
    engine.insert = () => Promise.reject(new Error('killed'));
    await expect(analytics.repair(found)).rejects.toThrow('killed');
    engine.insert = insert;
    await analytics.close();
    await expect(open()).rejects.toBeInstanceOf(AnalyticsDamaged);
    analytics = await open({ asItIs: true });
    const again = await differences();
    expect(told(again)).toContain('origin 0-0 differs');
    await analytics.repair(again);
    await analytics.close();
    analytics = await open();
  });

  it('who said what of whom is named; only a rebuild brings it back', async () => {
    await analytics.engine.command('TRUNCATE TABLE {db}.speakers');
    const found = await differences();
    expect(found).toEqual([expect.objectContaining({ table: 'speakers', what: 'missing', repair: 'rebuild' })]);
    expect(await analytics.repair(found)).toBe(0);
    await analytics.rebuild();
  });

  it('a ledger that is older than ClickHouse is named', async () => {
    const file = join(root, 'older.sqlite');
    const older = EmbeddedLedger.open(file, { access: 'write', clock: () => 1.8e12 });
    await older.appendMany([settingsAppend(), ...lifeOf(20, 0)]);
    const olderScan = LedgerScan.open(file);
    await analytics.close();
    analytics = await open({ asItIs: true, scan: olderScan });
    const found = await differences();
    expect(told(found).slice(0, 2)).toEqual(['origin 0-0 differs', 'batches 2-61 ahead']);
    expect(await analytics.repair(found)).toBe(0);
    expect(found[0]).toMatchObject({ repair: 'rebuild', detail: expect.stringMatching(/position 61/) });
    await analytics.close();
    olderScan.close();
    await older.close();
    analytics = await open();
  });
});
