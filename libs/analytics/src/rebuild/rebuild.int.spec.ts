import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedLedger, LedgerScan } from '#ledger';
import { Analytics } from '../analytics.js';
import { EditedMigration, JournalLost, LedgerReplaced, OtherLedger } from '../errors.js';
import { type AnalyticsEngine } from '../engine.js';
import { usesOf } from '../testing.js';
import { SpecServer } from '../testing-server/index.js';
import { finishExchange } from './exchange.js';
import type { RebuildProgress } from './rebuild.js';

const LEDGER = '11111111-1111-4111-8111-111111111111';
let root: string;
let ledger: EmbeddedLedger;
let scan: LedgerScan;
let server: SpecServer;
const opened: Analytics[] = [];

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'tally-rebuild-'));
  ledger = EmbeddedLedger.open(join(root, 'ledger.sqlite'), { access: 'write', clock: () => 1.8e12 });
  scan = LedgerScan.open(join(root, 'ledger.sqlite'));
  server = await SpecServer.over(root);
});
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
  await server.stop();
  scan.close();
  await ledger.close();
  rmSync(root, { recursive: true, force: true });
});

async function open(
  options: { asItIs?: boolean; ledgerId?: string; scan?: LedgerScan; journal?: string } = {},
): Promise<Analytics> {
  const analytics = await Analytics.open({
    files: {
      directory: join(root, 'clickhouse'),
      lock: join(root, 'lock'),
      journal: join(root, options.journal ?? 'journal.sqlite'),
    },
    scan: options.scan ?? scan,
    clock: () => 1.8e12,
    waitMs: 0,
    ...server.at,
    ledgerId: options.ledgerId ?? LEDGER,
    ...(options.asItIs === true && { asItIs: true }),
  });
  opened.push(analytics);
  return analytics;
}

async function closed(analytics: Analytics): Promise<void> {
  opened.splice(opened.indexOf(analytics), 1);
  await analytics.close();
}

async function counts(engine: AnalyticsEngine): Promise<Record<string, unknown>> {
  const [row] = await engine.rows<Record<string, unknown>>(
    `SELECT (SELECT count() FROM {db}.facts FINAL) AS facts, (SELECT sum(facts) FROM {db}.rollup_minute FINAL) AS minutes,
       (SELECT sum(facts) FROM {db}.use_days) AS days, (SELECT sum(facts) FROM {db}.token_minutes FINAL) AS tokens,
       (SELECT count() FROM {db}.onsets FINAL) AS onsets, (SELECT max(end) FROM {db}.batches) AS reached`,
  );
  return row!;
}
const whole = (n: number, reached = n) => ({ facts: n, minutes: n, days: n, tokens: n, onsets: 3, reached });

describe('a rebuild', () => {
  it('gives the same rows while the old ones answer, with the facts that came meanwhile, and goes on from there', async () => {
    await ledger.appendMany(usesOf(30));
    const analytics = await open();
    await analytics.catchUp();
    expect(await counts(analytics.engine)).toEqual(whole(30));
    // Damage of every kind.
    await analytics.engine.command('TRUNCATE TABLE {db}.rollup_minute');
    await analytics.engine.command(`DELETE FROM {db}.facts WHERE position < 9`);
    const steps: RebuildProgress[] = [];
    let meanwhile: Promise<unknown> | undefined;
    const end = await analytics.rebuild({
      onProgress: (progress) => {
        steps.push(progress);
        meanwhile ??= ledger.appendMany(usesOf(5, 30));
      },
    });
    await meanwhile;
    expect(end).toMatchObject({ step: 'done', facts: Number(end.reached) });
    expect(steps.map(({ step }) => step)).toContain('exchanging');
    await analytics.catchUp();
    expect(await counts(analytics.engine)).toEqual(whole(35));
    // What is written now reaches every table through the views of the new ones.
    await ledger.appendMany(usesOf(5, 35));
    await analytics.catchUp();
    expect(await counts(analytics.engine)).toEqual(whole(40));
    const databases = await analytics.engine.rows<{ name: string }>('SELECT name FROM system.databases');
    expect(databases.map(({ name }) => name)).not.toContain('tallystick_next');
    await closed(analytics);
  });

  it('broken off while it fills, it goes on; a finished part is not written again', async () => {
    await ledger.appendMany(usesOf(30));
    const analytics = await open();
    await analytics.catchUp();
    const stop = new AbortController();
    stop.abort();
    expect(await analytics.rebuild({ signal: stop.signal })).toMatchObject({ step: 'filling' });
    expect(await counts(analytics.engine)).toEqual(whole(30));
    expect(await analytics.rebuild()).toMatchObject({ step: 'done', facts: 30 });
    await closed(analytics);
  });

  it('broken off between any two steps of the exchange, it is finished before anything is asked', async () => {
    await ledger.appendMany(usesOf(30));
    const analytics = await open();
    await analytics.catchUp();
    await analytics.engine.command('TRUNCATE TABLE {db}.onsets');
    const { engine } = analytics;
    const alone = engine.alone.bind(engine);
    let done = false;
    // Each round lets more statements through than the round before.
    for (let room = 0; !done; room += 11) {
      let left = room;
      engine.alone = (statements) =>
        alone((own) => {
          const command = own.command.bind(own);
          own.command = (sql, params) => (left-- > 0 ? command(sql, params) : Promise.reject(new Error('killed')));
          return statements(own);
        });
      done = await analytics.rebuild({ anew: true }).then(
        () => true,
        () => false,
      );
      await finishExchange(engine, analytics.journal);
      expect(await counts(engine)).toEqual(whole(30));
      expect(analytics.journal.exchange()).toBeUndefined();
    }
    await ledger.appendMany(usesOf(5, 30));
    await analytics.catchUp();
    expect(await counts(analytics.engine)).toEqual(whole(35));
    await closed(analytics);
  });

  it('is the remedy for a migration that was edited', async () => {
    await ledger.appendMany(usesOf(10));
    const first = await open();
    await first.catchUp();
    await first.engine.command(`INSERT INTO {db}.migrations SELECT '0001_facts', 'another text'`);
    await first.engine.command('DROP VIEW {db}.onsets_of_facts');
    await first.engine.command('CREATE TABLE {db}.gone (a UInt8) ENGINE = MergeTree ORDER BY a');
    await closed(first);
    await expect(open()).rejects.toBeInstanceOf(EditedMigration);
    const asItIs = await open({ asItIs: true });
    await asItIs.rebuild();
    await closed(asItIs);
    const again = await open();
    await ledger.appendMany(usesOf(10, 10));
    await again.catchUp();
    expect(await counts(again.engine)).toEqual(whole(20));
    await closed(again);
  });
});

describe('tables that are not of this ledger’s past', () => {
  it('are refused, and rebuilt from the ledger that is there', async () => {
    await ledger.appendMany(usesOf(30));
    const first = await open();
    await first.catchUp();
    await closed(first);
    // An older backup was restored: first it knows less, then something else.
    const file = join(root, 'restored.sqlite');
    const restored = EmbeddedLedger.open(file, { access: 'write', clock: () => 1.9e12 });
    await restored.appendMany(usesOf(20));
    const older = LedgerScan.open(file);
    await expect(open({ scan: older })).rejects.toBeInstanceOf(LedgerReplaced);
    await restored.appendMany(usesOf(20, 20));
    await expect(open({ scan: older })).rejects.toBeInstanceOf(LedgerReplaced);
    const asItIs = await open({ scan: older, asItIs: true });
    await asItIs.rebuild();
    await closed(asItIs);
    const again = await open({ scan: older });
    expect(await counts(again.engine)).toEqual(whole(40));
    await closed(again);
    older.close();
    await restored.close();
  });

  it('are refused if they are of another ledger, also by a rebuild; and without the journal of their bounds', async () => {
    await ledger.appendMany(usesOf(3));
    const first = await open();
    await first.catchUp();
    await closed(first);
    const other = '22222222-2222-4222-8222-222222222222';
    await expect(open({ ledgerId: other })).rejects.toBeInstanceOf(OtherLedger);
    const asItIs = await open({ ledgerId: other, asItIs: true });
    await expect(asItIs.rebuild()).rejects.toBeInstanceOf(OtherLedger);
    await closed(asItIs);
    await expect(open({ journal: 'new.sqlite' })).rejects.toBeInstanceOf(JournalLost);
  });
});
