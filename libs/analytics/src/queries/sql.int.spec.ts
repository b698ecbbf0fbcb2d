import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AnalyticsEngine } from '../engine.js';
import { migrate } from '../migrate.js';
import { engineForSpec } from '../testing-server/index.js';
import { SqlRefused } from './errors.js';
import { Reader } from './reader.js';
import { SqlDesk } from './run-sql.js';

let folder: string;
let engine: AnalyticsEngine;
let reader: Reader;
let desk: SqlDesk;
const secret = (): string => join(folder, 'secret.txt');
const out = (): string => join(folder, 'out.txt');
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tally-sql-'));
  engine = await engineForSpec(join(folder, 'clickhouse'));
  await migrate(engine);
  writeFileSync(secret(), 'a secret of this machine\n');
  await engine.command(
    `INSERT INTO {db}.facts (tenant, name, position, batch, kind, time, uses, outcome, speaker)
     SELECT 'default', toUUID('201fcdc2-25f1-6a2c-9969-a69ac58dba33'), number + 1, 1, 'token.validated', 1773133200000 + number, 1, 'accepted', 18446744073709551615
     FROM numbers(3)`,
  );
  reader = await Reader.beside(engine);
  desk = new SqlDesk(reader, { seconds: 2, memoryBytes: 64 * 2 ** 20, rows: 1000, resultBytes: 2 ** 20 });
});
afterAll(async () => {
  await reader.close();
  await engine.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('tally sql answers', () => {
  it.each<[string, unknown]>([
    ['SELECT count() AS n FROM facts', [{ n: 3 }]],
    ['select name from facts where position = 1;', [{ name: '201fcdc225f16a2c9969a69ac58dba33' }]],
    [
      'SELECT groupUniqArray(name) AS names, max(speaker) AS s FROM tallystick.facts FINAL',
      [{ names: ['201fcdc225f16a2c9969a69ac58dba33'], s: '18446744073709551615' }],
    ],
    ["WITH 'accepted' AS wanted SELECT sumIf(uses, outcome = wanted) AS n FROM facts -- a comment", [{ n: 3 }]],
    ["SELECT 'system (file) SETTINGS INSERT' AS text", [{ text: 'system (file) SETTINGS INSERT' }]],
    ['SELECT f.version AS version, n.number AS n FROM facts AS f, numbers(1) AS n LIMIT 1', [{ version: '', n: 0 }]],
    ['SELECT sum(uses) AS uses FROM use_minutes WHERE minute IN (SELECT minute FROM rollup_minute)', [{ uses: 3 }]],
    [
      "SELECT quantileExactIf(0.5)(position, kind LIKE 'token.%') AS p, row_number() OVER (ORDER BY max(position)) AS r FROM facts",
      [{ p: 2, r: 1 }],
    ],
    [
      'SELECT CASE WHEN position > 1 THEN toDateTime64(time / 1000, 3) ELSE NULL END IS NULL AS x FROM facts ORDER BY position LIMIT 1',
      [{ x: 1 }],
    ],
  ])('%s', async (sql, rows) => {
    expect((await desk.run(sql)).rows).toEqual(rows);
  });

  it('describes what there is', async () => {
    expect((await desk.run('SHOW TABLES')).rows.map((row) => row['name'])).toContain('facts');
    expect((await desk.run('DESCRIBE facts')).rows.map((row) => row['name'])).toContain('position');
    expect((await desk.run('show create table tallystick.facts')).rows).toEqual([
      { statement: expect.stringContaining('ReplacingMergeTree') },
    ]);
    for (const kind of ['', 'PLAN', 'PIPELINE', 'SYNTAX', 'AST', 'ESTIMATE', 'QUERY TREE', 'PLAN actions = 1'])
      expect((await desk.run(`EXPLAIN ${kind} SELECT count() FROM facts WHERE position > 1`)).columns).not.toEqual([]);
  });
});

describe('tally sql refuses', () => {
  const file = (): string => `'${secret()}'`;
  it.each<[string, () => string]>([
    ['a file as a table', () => `SELECT * FROM file(${file()}, LineAsString)`],
    ['a file as a value', () => `SELECT file(${file()})`],
    ['a file in another case', () => `SELECT \`FiLe\`(${file()})`],
    ['a file by a function that is passed', () => `SELECT arrayMap(file, [${file()}])`],
    ['a file by a transformer', () => `SELECT COLUMNS('x') APPLY(file) FROM (SELECT ${file()} AS x)`],
    [
      'a file in a scalar subquery',
      () => `SELECT (SELECT any(line) FROM file(${file()}, LineAsString, 'line String'))`,
    ],
    ['a file in IN', () => `SELECT 1 WHERE 'x' IN file(${file()}, LineAsString, 'line String')`],
    ['a file in EXPLAIN', () => `EXPLAIN SELECT * FROM file(${file()}, LineAsString)`],
    [
      'a file in a common table expression',
      () => `WITH t AS (SELECT * FROM file(${file()}, LineAsString)) SELECT * FROM t`,
    ],
    ['a file in a window', () => `SELECT max(1) OVER (PARTITION BY file(${file()}))`],
    ['a file in a window, its name hidden', () => `SELECT max(1) OVER (PARTITION BY \`fi\\x6ce\`(${file()}))`],
    ['a file in a window, behind a comment', () => `SELECT max(1) OVER (PARTITION BY file/* ( */(${file()}))`],
    ['system tables in a window', () => 'SELECT max(1) OVER (ORDER BY (SELECT any(name) FROM system . tables))'],
    ['settings in a window', () => 'SELECT max(1) OVER (ORDER BY (SELECT 1 SETTINGS readonly = 0))'],
    ['an address', () => "SELECT * FROM url('http://127.0.0.1:1/', LineAsString)"],
    ['another server', () => "SELECT * FROM remote('127.0.0.1', system.one)"],
    ['a bucket', () => "SELECT * FROM s3('http://127.0.0.1:1/x', 'CSV')"],
    ['another database engine', () => "SELECT * FROM sqlite('x.db', 't')"],
    ['a program', () => "SELECT * FROM executable('id', TabSeparated, 'x String')"],
    ['tables by pattern', () => "SELECT * FROM merge('system', '.*')"],
    ['a column of a remote table', () => "SELECT hasColumnInTable('127.0.0.1', 'system', 'one', 'dummy')"],
    ['writing a file', () => `SELECT 1 INTO OUTFILE '${out()}'`],
    ['writing a file behind a comment', () => `SELECT 1 INTO/**/OUTFILE/**/'${out()}' FORMAT TSV`],
    ['writing a file behind parentheses', () => `SELECT 1) INTO OUTFILE '${out()}' --`],
    ['a format of its own', () => 'SELECT 1 FORMAT CSV'],
    ['settings', () => 'SELECT 1 SETTINGS readonly = 0'],
    ['settings of a subquery', () => 'SELECT * FROM (SELECT 1 SETTINGS max_execution_time = 0)'],
    ['settings in EXPLAIN', () => 'EXPLAIN SELECT 1 SETTINGS max_memory_usage = 0'],
    ['system tables', () => 'SELECT * FROM system.tables'],
    ['system tables in IN', () => "SELECT 1 WHERE 'a' IN system.settings"],
    ['system tables in quotes', () => 'SELECT * FROM `system`.`processes`'],
    ['system tables in a join', () => 'SELECT * FROM facts JOIN system.tables ON 1 = 1'],
    ['the information schema', () => 'SELECT * FROM INFORMATION_SCHEMA.tables'],
    ['what the server is', () => 'SELECT version(), hostName()'],
    ['its settings', () => "SELECT getSetting('readonly')"],
    ['a dictionary', () => "SELECT dictGet('a', 'b', 1)"],
    ['a model', () => "SELECT aiGenerate('a')"],
    ['waiting', () => 'SELECT sleepEachRow(1) FROM numbers(100)'],
    ['a second statement', () => 'SELECT 1; DROP TABLE facts'],
    ['a second statement behind a quote', () => "SELECT ';' AS a; DROP TABLE facts"],
    ['another statement', () => 'DROP TABLE facts'],
    ['an insertion', () => 'INSERT INTO facts (tenant) SELECT 1'],
    ['an insertion that is explained', () => 'EXPLAIN INSERT INTO facts (tenant) SELECT 1'],
    ['a change', () => 'ALTER TABLE facts DELETE WHERE 1'],
    ['a setting', () => 'SET readonly = 0'],
    ['another database', () => 'USE system'],
    ['users', () => 'SHOW USERS'],
    ['a description of a function', () => `DESCRIBE TABLE file(${file()}, LineAsString)`],
    ['a description of another database', () => 'DESCRIBE system.one'],
    ['a parameter', () => 'SELECT {x:Identifier}'],
    ['another database, in a parameter', () => 'SELECT * FROM {db}.facts'],
    ['an open comment', () => 'SELECT 1 /*'],
    ['nothing', () => ' ; '],
  ])('%s', async (_what, sql) => {
    await expect(desk.run(sql())).rejects.toBeInstanceOf(SqlRefused);
    expect(existsSync(out())).toBe(false);
    expect((await engine.rows<{ n: number }>('SELECT count() AS n FROM {db}.facts'))[0]!.n).toBe(3);
  });

  it.each<[string, RegExp, string]>([
    ['time', /more than 2 s/, 'SELECT count() FROM numbers(1000000000000)'],
    ['memory', /MiB of memory/, 'SELECT groupArray(number) FROM numbers(1000000000)'],
    ['rows', /rows/, 'SELECT * FROM numbers(1001)'],
    ['bytes', /MiB/, "SELECT repeat('x', 100000) FROM numbers(100)"],
    ['bytes of texts that differ', /MiB/, 'SELECT repeat(toString(number), 10000) FROM numbers(999)'],
  ])('too much %s', async (_what, told, sql) => {
    await expect(desk.run(sql)).rejects.toMatchObject({
      code: 'TALLY_QUERY_LIMIT',
      message: expect.stringMatching(told),
    });
  });

  it('nothing that an end of a subquery would hide', async () => {
    expect((await desk.run('SELECT 1 AS n) UNION ALL SELECT * FROM (SELECT 2')).rows).toHaveLength(2);
    await expect(desk.run(`SELECT 1) UNION ALL SELECT * FROM (SELECT file('${secret()}')`)).rejects.toBeInstanceOf(
      SqlRefused,
    );
  });

  it('and answers the next one after one that was stopped, while the writer goes on', async () => {
    for (let i = 0; i < 3; i++) {
      await expect(desk.run('SELECT * FROM numbers(1001)')).rejects.toThrow();
      expect((await desk.run('SELECT count() AS n FROM facts')).rows).toEqual([{ n: 3 }]);
    }
    await engine.command('INSERT INTO {db}.rolled_chunks VALUES (7)');
    expect(await engine.rows('SELECT chunk FROM {db}.rolled_chunks')).toEqual([{ chunk: 7 }]);
  });
});
