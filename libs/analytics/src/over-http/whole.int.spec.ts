import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { differenceOf, Filled, randomHistories, type Written } from '../as-of/testing.js';
import { AnalyticsDamaged } from '../errors.js';
import { planMigrations } from '../migrate.js';
import { SqlDesk } from '../queries/run-sql.js';
import { lifeOf, settingsAppend } from '../testing.js';
import { Followed, placeAt, startServer, type TestServer } from './testing.js';

const RUNS = Number(process.env['AS_OF_RUNS'] ?? 8);

let test: TestServer;
beforeAll(async () => {
  test = await startServer();
});
afterAll(() => test.stop());

describe('states out of a server', () => {
  let filled: Filled;
  const histories: Written[] = [];
  beforeAll(async () => {
    filled = await Filled.open(placeAt(test.server));
    const samples = fc.sample(randomHistories, { numRuns: RUNS, seed: 20260310 });
    for (const [n, of] of samples.entries()) histories.push(await filled.write(`t${n}`, of, n % 3 === 0));
    await filled.analytics.catchUp();
  }, 600_000);
  afterAll(() => filled.close());

  it('are to the last row those of the replay', async () => {
    const share = { plain: 0, judged: 0 };
    for (const written of histories)
      for (const source of ['onsets', 'facts'] as const)
        expect(await differenceOf(filled, written, { source }, share)).toBeUndefined();
    expect(share.plain).toBeGreaterThan(histories.length);
    expect(share.judged).toBeGreaterThan(histories.length);
  }, 600_000);
});

describe('the tables of a server', () => {
  let followed: Followed;
  beforeAll(async () => {
    followed = Followed.make(placeAt(test.server));
    const analytics = await followed.open();
    await followed.ledger.appendMany([settingsAppend()]);
    for (let from = 0; from < 60; from += 20) {
      await followed.ledger.appendMany(lifeOf(20, from));
      await analytics.catchUp();
    }
  });
  afterAll(() => followed.close());

  it('are migrated once, agree with the ledger, and are named, repaired and rebuilt where they do not', async () => {
    const analytics = followed.analytics!;
    const { engine } = analytics;
    expect((await planMigrations(engine)).pending).toEqual([]);
    expect(await followed.differences()).toEqual([]);
    await engine.command(`ALTER TABLE {db}.facts DELETE WHERE position = 35 SETTINGS mutations_sync = 2`);
    await engine.command('ALTER TABLE {db}.onsets UPDATE at = at - 1 WHERE 1 SETTINGS mutations_sync = 2');
    const found = await followed.differences();
    expect(found.map(({ table }) => table)).toEqual(expect.arrayContaining(['facts', 'onsets', 'token_minutes']));
    for (let left = found; left.length > 0; left = await followed.differences())
      expect(await analytics.repair(left)).toBeGreaterThan(0);
    await engine.command('TRUNCATE TABLE {db}.speakers');
    await engine.command('TRUNCATE TABLE {db}.rollup_minute');
    expect(await followed.differences()).not.toEqual([]);
    await analytics.rebuild();
    expect(await followed.differences()).toEqual([]);
  });

  it('answer SQL that people type, and refuse what writes', async () => {
    const desk = new SqlDesk(await followed.analytics!.reader());
    expect((await desk.run('SELECT count() AS n FROM facts FINAL')).rows).toEqual([{ n: 60 + 1 }]);
    await expect(desk.run('INSERT INTO facts SELECT * FROM facts')).rejects.toMatchObject({
      code: 'TALLY_SQL_REFUSED',
    });
    const names = (await desk.run('SHOW TABLES')).rows.map(({ name }) => name);
    expect(names).toContain('rollup_minute');
  });

  it('with a repair that was broken off are refused until it is repeated', async () => {
    const analytics = followed.analytics!;
    await analytics.engine.command('ALTER TABLE {db}.facts DELETE WHERE position > 25 SETTINGS mutations_sync = 2');
    const found = await followed.differences();
    test.server.faults.arm(/^INSERT INTO \w+\.facts /, { kind: 'cut', when: 'head' }, 3);
    await expect(analytics.repair(found)).rejects.toMatchObject({ code: 'TALLY_ANALYTICS_UNAVAILABLE' });
    await expect(followed.open()).rejects.toBeInstanceOf(AnalyticsDamaged);
    await followed.openAsItIs();
    const again = await followed.differences();
    await followed.analytics!.repair(again);
    // The range that the repair had taken away was the last one: it is followed anew.
    await (await followed.open()).catchUp();
    expect(await followed.differences()).toEqual([]);
  });
});
