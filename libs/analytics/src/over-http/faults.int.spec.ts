import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { AnalyticsUnavailable, QueryFailed } from '../errors.js';
import { usesOf } from '../testing.js';
import type { Fault } from '../testing-server/index.js';
import { Followed, once, placeAt, startServer, type TestServer } from './testing.js';

let test: TestServer;
let followed: Followed;
/** How many uses the ledger has. */
let uses = 0;

beforeAll(async () => {
  test = await startServer();
  followed = Followed.make(placeAt(test.server));
  await followed.open();
});
afterAll(async () => {
  await followed.close();
  await test.stop();
});
beforeEach(() => {
  test.server.faults.clear();
  test.server.inserts.clear();
  test.server.isTagged = true;
});

async function used(count: number): Promise<void> {
  await followed.ledger.appendMany(usesOf(count, uses));
  uses += count;
}

const into = (table: string): RegExp => new RegExp(`^INSERT INTO \\w+\\.${table} `);

/** Follows until nothing stands in the way any more; gives what stood there. */
async function followedAtLast(): Promise<unknown[]> {
  const errors: unknown[] = [];
  for (let tries = 0; tries < 10; tries++) {
    try {
      await followed.analytics!.catchUp();
      return errors;
    } catch (error) {
      errors.push(error);
      // What the server is still executing is written before the next attempt begins, or while it does.
      if (tries % 2 === 1) await test.server.settled();
    }
  }
  throw new Error('it never came to the end', { cause: errors });
}

/** [what goes wrong, whether the engine has executed the insert all the same]. */
const FAULTS: [Fault, boolean][] = [
  [{ kind: 'cut', when: 'head' }, false],
  [{ kind: 'cut', when: 'body' }, false],
  [{ kind: 'cut', when: 'while' }, true],
  [{ kind: 'cut', when: 'after' }, true],
  [{ kind: 'exception', code: 241, type: 'MEMORY_LIMIT_EXCEEDED' }, false],
  [{ kind: 'exception', code: 252, type: 'TOO_MANY_PARTS' }, false],
  [{ kind: 'exception', code: 319, type: 'UNKNOWN_STATUS_OF_INSERT', after: true }, true],
  [{ kind: 'late', code: 241, type: 'MEMORY_LIMIT_EXCEEDED' }, true],
  [{ kind: 'midStream', form: 'block', keep: 0, code: 241, type: 'MEMORY_LIMIT_EXCEEDED' }, true],
  [{ kind: 'midStream', form: 'marker', keep: 0, code: 241, type: 'MEMORY_LIMIT_EXCEEDED' }, true],
  [{ kind: 'midStream', form: 'line', keep: 0, code: 241, type: 'MEMORY_LIMIT_EXCEEDED' }, true],
  [{ kind: 'truncated', keep: 0 }, true],
  [{ kind: 'stranger', body: '' }, false],
  [{ kind: 'stranger', body: '<html>a proxy</html>' }, false],
];
const named = (fault: Fault): string => Object.values(fault).join(' ');

describe('an insert that', () => {
  it.each(FAULTS.map(([fault, isExecuted]) => [named(fault), fault, isExecuted] as const))(
    'meets %s is there once, by the next attempt at it or by the next run',
    async (_name, fault, isExecuted) => {
      const { faults, inserts } = test.server;
      await used(25);
      // Sent again at once, nobody notices.
      faults.arm(into('facts'), fault);
      expect(await followedAtLast()).toEqual([]);
      // The first attempt may still be executed when the next has been answered.
      await test.server.settled();
      // On a slow machine the connection for the next attempt may be one that was just cut: then there is a third.
      if (isExecuted) expect(inserts.get('facts')).toBeGreaterThanOrEqual(2);
      else expect(inserts.get('facts')).toBe(1);
      expect(await followed.counts()).toEqual(once(uses));
      // Too often for one run, in three tables, one after another.
      await used(25);
      for (const table of ['facts', 'attributes', 'batches']) faults.arm(into(table), fault, 3);
      const errors = await followedAtLast();
      expect(errors.length).toBeGreaterThan(0);
      for (const error of errors)
        if (!(error instanceof AnalyticsUnavailable)) expect(error).toMatchObject({ clickhouseCode: 241 });
      expect(faults.isSpent).toBe(true);
      expect(await followed.counts()).toEqual(once(uses));
    },
  );

  it('is not answered in time is there once', async () => {
    followed.place = placeAt(test.server, 5000);
    await followed.open();
    await used(25);
    test.server.faults.arm(into('facts'), { kind: 'silence' });
    expect(await followedAtLast()).toEqual([]);
    expect(test.server.inserts.get('facts')).toBe(2);
    expect(await followed.counts()).toEqual(once(uses));
    followed.place = placeAt(test.server);
    await followed.open();
  });

  it('breaks off where a process ends is made again by the next one, under the same bounds', async () => {
    const before = uses;
    await used(25);
    test.server.faults.arm(into('batches'), { kind: 'cut', when: 'head' }, 3);
    await expect(followed.analytics!.catchUp()).rejects.toBeInstanceOf(AnalyticsUnavailable);
    await used(25);
    await followed.open();
    await followed.analytics!.catchUp();
    expect(await followed.counts()).toEqual(once(uses));
    const bounds = await followed.analytics!.engine.rows(
      `SELECT start, end FROM {db}.batches WHERE start > ${before} ORDER BY start`,
    );
    expect(bounds).toEqual([
      { start: before + 1, end: before + 25 },
      { start: before + 26, end: before + 50 },
    ]);
  });

  it('met any of these leaves tables that agree with the ledger', async () => {
    expect(uses).toBeGreaterThan(600);
    expect(await followed.differences()).toEqual([]);
  });
});

describe('a server that is away', () => {
  it('is an error that says so; when it is back, everything goes on', async () => {
    await used(25);
    await test.server.down();
    await expect(followed.analytics!.catchUp()).rejects.toMatchObject({
      code: 'TALLY_ANALYTICS_UNAVAILABLE',
      retry: true,
      // Refused, or met on a connection that had just been cut.
      message: expect.stringMatching(/ECONNREFUSED|ECONNRESET|socket hang up/),
    });
    await test.server.up();
    await followed.analytics!.catchUp();
    expect(await followed.counts()).toEqual(once(uses));
  });
});

describe('migrations and rebuilds over a connection that breaks', () => {
  it('a migration is finished by the next attempt', async () => {
    const { faults } = test.server;
    const statements = [/^CREATE TABLE/, /^CREATE MATERIALIZED VIEW/, /^ALTER TABLE .* ADD COLUMN/, /MODIFY QUERY/];
    for (const statement of [...statements, /^INSERT INTO \w+\.migrations/, into('origin')])
      faults.arm(statement, { kind: 'cut', when: 'after' });
    const other = Followed.make(placeAt(test.server));
    let failures = -1;
    for (; other.analytics === undefined; failures++) await other.open().catch(() => undefined);
    // The row that marks the tables as ours is sent again at once.
    expect(failures).toBe(5);
    await other.ledger.appendMany(usesOf(10));
    await other.analytics.catchUp();
    expect(await other.counts()).toEqual(once(10));
    expect(await other.differences()).toEqual([]);
    await other.close();
  });

  it('an exchange of tables is finished when the tables are opened again', async () => {
    const { faults } = test.server;
    await followed.analytics!.engine.command('TRUNCATE TABLE {db}.rollup_minute');
    const breaks: [RegExp, Fault][] = [
      [/^EXCHANGE TABLES \w+\.facts/, { kind: 'cut', when: 'after' }],
      [/^EXCHANGE TABLES \w+\.facts/, { kind: 'exception', code: 210, type: 'NETWORK_ERROR' }],
      [/^EXCHANGE TABLES \w+\.batches/, { kind: 'cut', when: 'while' }],
      [/^DROP DATABASE/, { kind: 'cut', when: 'after' }],
    ];
    for (const [statement, fault] of breaks) {
      faults.arm(statement, fault);
      await expect(followed.analytics!.rebuild()).rejects.toBeInstanceOf(AnalyticsUnavailable);
      await test.server.settled();
      await followed.open();
      expect(await followed.counts()).toEqual(once(uses));
    }
    expect(faults.isSpent).toBe(true);
    expect(await followed.differences()).toEqual([]);
  });
});

describe('an answer that breaks off', () => {
  const rows = 'SELECT number, toString(number) AS text FROM numbers(20000)';
  const midStream = (form: 'block' | 'marker' | 'line'): Fault => ({
    kind: 'midStream',
    form,
    keep: 4000,
    code: 395,
    type: 'FUNCTION_THROW_IF_VALUE_IS_NON_ZERO',
  });

  it.each(['block', 'marker', 'line'] as const)('with an exception told as a %s is that exception', async (form) => {
    const { engine } = followed.analytics!;
    test.server.isTagged = form === 'block';
    for (const ask of [() => engine.rows(rows), () => engine.text(rows, 'TabSeparated')]) {
      test.server.faults.arm(/numbers\(20000\)/, midStream(form));
      const error = await ask().catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(QueryFailed);
      expect(error).toMatchObject({ clickhouseCode: 395, message: expect.stringContaining('as ordered') });
    }
    expect(await engine.rows(rows)).toHaveLength(20_000);
  });

  it.each([0, 10, 5000])('without a word after %i bytes is an error, compressed or not', async (keep) => {
    const { engine } = followed.analytics!;
    for (const statement of [rows, 'SELECT 1 AS one']) {
      test.server.faults.arm(/numbers\(20000\)|AS one/, { kind: 'truncated', keep });
      await expect(engine.rows(statement)).rejects.toBeInstanceOf(AnalyticsUnavailable);
    }
  });

  it.each(['block', 'marker', 'line'] as const)(
    'is noticed as a %s also where parameters go as a form',
    async (form) => {
      const { engine } = followed.analytics!;
      test.server.isTagged = form === 'block';
      const names = Array.from({ length: 20_000 }, (_, n) => n);
      const sql = 'SELECT arrayJoin({names:Array(UInt32)}) AS name';
      expect(await engine.rows(sql, { names })).toHaveLength(20_000);
      test.server.faults.arm(/AS name/, midStream(form));
      await expect(engine.rows(sql, { names })).rejects.toThrow();
    },
  );

  it('and text of ours that looks like an exception is none', async () => {
    const { engine } = followed.analytics!;
    const text = 'Code: 241. DB::Exception: no (MEMORY_LIMIT_EXCEEDED) (version 26.2)';
    const told = await engine.rows(`SELECT {text:String} AS text`, { text: `a\\r\\n__exception__\\r\\n${text}` });
    expect(told).toHaveLength(1);
    expect(await engine.text(`SELECT {text:String}`, 'TabSeparated', { text })).toBe(`${text}\n`);
  });
});
