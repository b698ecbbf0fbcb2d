import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedLedger, LedgerScan } from '#ledger';
import { Analytics } from '../analytics.js';
import { AnalyticsDamaged } from '../errors.js';
import type { Difference } from '../fsck/difference.js';
import { usesOf } from '../testing.js';

let root: string;
let ledger: EmbeddedLedger;
let scan: LedgerScan;
let opened: Analytics | undefined;

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'tally-flipped-'));
  ledger = EmbeddedLedger.open(join(root, 'ledger.sqlite'), { access: 'write', clock: () => 1.8e12 });
  scan = LedgerScan.open(join(root, 'ledger.sqlite'));
  await ledger.appendMany(usesOf(30));
});
afterEach(async () => {
  await closed();
  scan.close();
  await ledger.close();
  rmSync(root, { recursive: true, force: true });
});

async function open(asItIs?: true, heals?: true): Promise<Analytics> {
  opened = await Analytics.open({
    files: { directory: join(root, 'clickhouse'), lock: join(root, 'lock'), journal: join(root, 'journal.sqlite') },
    scan,
    clock: () => 1.8e12,
    waitMs: 0,
    ledgerId: '11111111-1111-4111-8111-111111111111',
    ...(asItIs && { asItIs }),
    ...(heals && { heals }),
  });
  return opened;
}

async function closed(): Promise<void> {
  const analytics = opened;
  opened = undefined;
  await analytics?.close();
}

async function differences(): Promise<Difference[]> {
  const out: Difference[] = [];
  for await (const row of (await open(true)).fsck()) if (row.kind === 'difference') out.push(row.difference);
  await closed();
  return out;
}

/** Bytes in the middle of what the parts of a table hold; its files are found while it can be read. */
async function flip(table: string, file: RegExp): Promise<void> {
  const { engine } = await open();
  const parts = await engine.rows<{ path: string }>(
    'SELECT path FROM system.parts WHERE database = {database:String} AND table = {table:String} AND active',
    { database: engine.database, table },
  );
  await closed();
  expect(parts.length).toBeGreaterThan(0);
  for (const { path } of parts)
    for (const name of readdirSync(path).filter((each) => file.test(each))) {
      const bytes = readFileSync(join(path, name));
      for (let i = 0; i < bytes.length; i += 7) bytes[i] = bytes[i]! ^ 0xff;
      writeFileSync(join(path, name), bytes);
    }
}

describe('flipped bytes', () => {
  const kinds: [table: string, what: string, file: RegExp][] = [
    ['origin', 'data', /\.bin$/],
    ['migrations', 'index', /^primary/],
    ['batches', 'data', /\.bin$/],
    ['facts', 'data', /\.bin$/],
    ['facts', 'checksums', /^checksums\.txt$/],
    ['onsets', 'index', /^primary/],
  ];
  for (const [table, what, file] of kinds)
    it(`in the ${what} of ${table} are named, and a rebuild heals them`, async () => {
      await (await open()).catchUp();
      await closed();
      await flip(table, file);
      const found = await differences();
      expect(found).toContainEqual(expect.objectContaining({ repair: 'rebuild' }));
      const analytics = await open(true);
      expect(await analytics.repair(found)).toBe(0);
      expect(await analytics.rebuild()).toMatchObject({ step: 'done' });
      await closed();
      expect(await differences()).toEqual([]);
    });

  it('in a definition keep the engine from starting: a rebuild starts with none', async () => {
    await (await open()).catchUp();
    await closed();
    const files = readdirSync(join(root, 'clickhouse', 'store'), { recursive: true, encoding: 'utf8' });
    const definition = files.find((each) => each.endsWith('/facts.sql'))!;
    writeFileSync(join(root, 'clickhouse', 'store', definition), 'nothing that can be read');
    await expect(open()).rejects.toBeInstanceOf(AnalyticsDamaged);
    await expect(open(true)).rejects.toBeInstanceOf(AnalyticsDamaged);
    expect(await (await open(true, true)).rebuild()).toMatchObject({ step: 'done', facts: 30 });
    await closed();
    expect(await differences()).toEqual([]);
  });

  it('in data are damage with its remedy for whoever asks, not a wrong query', async () => {
    await (await open()).catchUp();
    await closed();
    await flip('facts', /\.bin$/);
    const { engine } = await open();
    await expect(engine.rows('SELECT * FROM {db}.facts')).rejects.toBeInstanceOf(AnalyticsDamaged);
    // A statement's own values are not damage.
    for (const sql of [`SELECT toInt32('')`, `SELECT toUUID('x')`, `SELECT unhex('0g'), toDate('')`])
      await expect(engine.rows(sql).catch((error: unknown) => error)).resolves.not.toBeInstanceOf(AnalyticsDamaged);
  });

  it.each(['facts', 'onsets'])('files of %s that are gone are noticed before anything is answered', async (table) => {
    const { engine } = await open();
    await opened!.catchUp();
    const parts = await engine.rows<{ path: string }>(
      'SELECT path FROM system.parts WHERE database = {database:String} AND table = {table:String} AND active',
      { database: engine.database, table },
    );
    await closed();
    for (const { path } of parts) rmSync(path, { recursive: true });
    await expect(open()).rejects.toBeInstanceOf(AnalyticsDamaged);
    opened = undefined;
    await (await open(true)).rebuild();
    await closed();
    expect(await differences()).toEqual([]);
  });
});
