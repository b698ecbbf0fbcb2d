import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AnalyticsEngine } from '../../libs/analytics/src/engine.js';
import { migrate, planMigrations } from '../../libs/analytics/src/migrate.js';
import { accessStatements, clusterStatements, readMigrations, tenantTables } from './cluster.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'tally-cluster-'));
let engine: AnalyticsEngine;
beforeAll(async () => {
  engine = await AnalyticsEngine.open({ path: folder });
});
afterAll(async () => {
  await engine.close();
  rmSync(folder, { recursive: true, force: true });
});

const schema = clusterStatements({ cluster: 'tally', database: 'clustered' });

/** ClickHouse's parser reads a statement; the text that it makes of it. */
async function parsed(sql: string): Promise<string> {
  const [row] = await engine.rows<{ text: string }>('SELECT formatQuery({sql:String}) AS text', { sql });
  return row!.text;
}

describe('the schema of a cluster', () => {
  it('is read by the parser, statement by statement, and reaches every server', async () => {
    for (const sql of schema) {
      const text = await parsed(sql);
      if (!sql.startsWith('INSERT')) expect(text).toContain('ON CLUSTER tally');
    }
    await expect(parsed('CREATE TABLE a ON CLUSTER (b UInt8) ENGINE = MergeTree')).rejects.toThrow(/Syntax error/);
  });

  it('replicates every table, and spreads it over the shards', () => {
    const made = schema.filter((sql) => sql.startsWith('CREATE TABLE'));
    const local = made.filter((sql) => /ENGINE = Replicated\w*MergeTree\('/.test(sql));
    const spread = made.filter((sql) => /ENGINE = Distributed\(tally, clustered, \w+_local[,)]/.test(sql));
    expect(local.length).toBe(made.length / 2);
    expect(spread.length).toBe(made.length / 2);
    for (const sql of schema) expect(sql).not.toMatch(/non_replicated|\{db\}|rand\(\)/);
    // Each path once: two tables under one path would be one table.
    const paths = local.map((sql) => /'(\/clickhouse[^']+)'/.exec(sql)![1]);
    expect(new Set(paths).size).toBe(paths.length);
  });

  it('has, replication aside, the columns of the product’s own tables, and nothing to migrate', async () => {
    const own = engine.over('single');
    await migrate(own);
    const single = engine.over('clustered');
    for (const sql of schema) {
      if (/ENGINE = Distributed/.test(sql) || /^ALTER TABLE clustered\.\w+(?<!_local|_of_facts) /.test(sql)) continue;
      const onOne = sql
        .replace(' ON CLUSTER tally', '')
        .replace(/Replicated(\w*MergeTree)\('[^']*', '[^']*'(?:, )?/, '$1(')
        .replace('SETTINGS replicated_', 'SETTINGS non_replicated_');
      // Views and marks go over the distributed tables.
      await single.command(
        /^(CREATE VIEW|INSERT)/.test(sql)
          ? onOne.replace(/(FROM|INTO) clustered\.(\w+)/g, '$1 clustered.$2_local').replaceAll('GLOBAL ', '')
          : onOne,
      );
    }
    const columns = (database: string): Promise<unknown[]> =>
      engine.rows(
        `SELECT replaceRegexpOne(table, '_local$', '') AS table, name, type, default_kind, is_in_sorting_key
         FROM system.columns WHERE database = {database:String} AND table != 'migrations' AND table != 'migrations_local'
         ORDER BY table, position`,
        { database },
      );
    expect(await columns('clustered')).toEqual(await columns('single'));
    const views = await engine.rows<{ name: string; sql: string }>(
      `SELECT name, replaceAll(as_select, 'clustered.facts_local AS facts', 'single.facts') AS sql FROM system.tables
       WHERE database = 'clustered' AND engine = 'MaterializedView' ORDER BY name`,
    );
    const theirs = await engine.rows(
      `SELECT name, as_select AS sql FROM system.tables WHERE database = 'single' AND engine = 'MaterializedView' ORDER BY name`,
    );
    expect(views).toEqual(theirs);
    await single.command('RENAME TABLE {db}.migrations_local TO {db}.migrations');
    expect((await planMigrations(single)).pending).toEqual([]);
  });

  it('has a rule for each statement of a migration, and refuses one that has none', () => {
    const migration = { id: '9999_new', checksum: '', statements: ['DROP TABLE {db}.facts'] };
    expect(() => clusterStatements({ cluster: 'tally', migrations: [migration] })).toThrow(/no rule/);
    expect(() => clusterStatements({ cluster: 'a b' })).toThrow(/no plain name/);
    expect(readMigrations().length).toBeGreaterThan(5);
  });
});

describe('who may do what', () => {
  it.each([['tally'], [undefined]])('is read by the parser: cluster %s', async (cluster) => {
    const access = accessStatements({ ...(cluster !== undefined && { cluster }), tenants: ['shop', 'big-bank'] });
    for (const sql of access) await parsed(sql);
    expect(access.some((sql) => sql.includes("USING tenant = 'big-bank' TO `tally_reader_big-bank`"))).toBe(true);
  });

  it('every table that has a tenant has a policy, and a tenant’s reader is granted no other', async () => {
    const withTenant = await engine.rows<{ of: string }>(
      `SELECT table AS of FROM system.columns WHERE database = 'single' AND name = 'tenant' AND table NOT IN
       (SELECT name FROM system.tables WHERE database = 'single' AND engine LIKE '%View') ORDER BY table`,
    );
    const names = tenantTables(schema).map((table) => table.replace(/^clustered\.(\w+)_local$/, '$1'));
    expect(names.sort()).toEqual(withTenant.map(({ of }) => of));
    const granted = accessStatements({ tenants: ['shop'] }).filter((sql) => /^GRANT .*tally_reader_shop/.test(sql));
    expect(granted.map((sql) => /ON tallystick\.(\w+)/.exec(sql)![1]).sort()).toEqual(names);
    expect(() => accessStatements({ tenants: ["x' OR 1"] })).toThrow(/no plain name/);
  });
});

describe('the configuration', () => {
  const files = ['config.d', 'users.d'].flatMap((each) =>
    readdirSync(join(here, each)).map((name) => join(each, name)),
  );
  it.each(files)('%s is well-formed, and holds no secret', (name) => {
    const text = readFileSync(join(here, name), 'utf8').replace(/<!--[^]*?-->/g, '');
    const open: string[] = [];
    for (const [, end, tag, alone] of text.matchAll(/<(\/?)([\w-]+)[^>]*?(\/?)>/g)) {
      if (end === '/') expect(open.pop()).toBe(tag);
      else if (alone !== '/') open.push(tag!);
    }
    expect(open).toEqual([]);
    expect(text).not.toMatch(/<(password\w*|secret)>[^<]/);
  });
});
