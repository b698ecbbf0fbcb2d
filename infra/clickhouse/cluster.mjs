#!/usr/bin/env node
/**
 * Renders the migrations for a cluster, and who may do what there, as SQL on standard output:
 *   node infra/clickhouse/cluster.mjs --cluster NAME [--database tallystick]
 *   node infra/clickhouse/cluster.mjs access --cluster NAME [--database tallystick] --tenants shop,bank
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const MIGRATIONS = fileURLToPath(new URL('../../libs/analytics/migrations/', import.meta.url));

/**
 * Rows of one token lie on one shard, and a row that is sent again goes where it was: no table is sharded at random. What
 * views fill lies where its facts do; without a key nobody can insert into it from elsewhere.
 */
const SHARDED_BY = {
  facts: 'sipHash64(name)',
  attributes: 'sipHash64(name)',
  family_labels: 'sipHash64(member)',
  speakers: 'speaker',
  findings: 'sipHash64(id)',
  intervals: 'sipHash64(tenant, component, version)',
  rollup_hour: 'sipHash64(tenant, issuer, client)',
  rollup_day: 'sipHash64(tenant, issuer, client)',
  rolled_chunks: 'chunk',
  batches: 'start',
  origin: 'sipHash64(ledger)',
  migrations: 'sipHash64(id)',
};

/** The statements of every migration, in their order. */
export function readMigrations(folder = MIGRATIONS) {
  return readdirSync(folder)
    .filter((name) => /^\d{4}_.*\.sql$/.test(name))
    .sort()
    .map((name) => {
      const text = readFileSync(`${folder}/${name}`, 'utf8');
      const statements = text
        .replace(/^[ \t]*--.*\n/gm, '')
        .split(/;[ \t]*\n/)
        .map((statement) => statement.trim())
        .filter((statement) => statement !== '');
      const checksum = createHash('sha256').update(text).digest('hex');
      return { id: name.slice(0, -'.sql'.length), checksum, statements };
    });
}

/** @returns {string[]} statements for one server of the cluster: ON CLUSTER reaches the others. */
export function clusterStatements({ cluster, database = 'tallystick', migrations = readMigrations() }) {
  for (const name of [cluster, database]) if (!/^\w+$/.test(name)) throw new Error(`${name} is no plain name`);
  const on = `ON CLUSTER ${cluster}`;
  const out = [`CREATE DATABASE IF NOT EXISTS ${database} ${on} ENGINE = Atomic`];
  const marker = 'CREATE TABLE {db}.migrations (id String, checksum String) ENGINE = ReplacingMergeTree ORDER BY id';
  for (const statement of [marker, ...migrations.flatMap((each) => each.statements)])
    out.push(...rendered(statement, { on, cluster, database }));
  // The product then finds nothing to migrate.
  const rows = migrations.map(({ id, checksum }) => `('${id}', '${checksum}')`).join(', ');
  out.push(`INSERT INTO ${database}.migrations (id, checksum) VALUES ${rows}`);
  return out;
}

function rendered(statement, { on, cluster, database }) {
  // Views name columns of facts by the table: `facts.kind`.
  const local = (text) =>
    text
      .replace(/\bFROM \{db\}\.(\w+)/g, `FROM ${database}.$1_local AS $1`)
      .replace(/\{db\}\.(\w+)/g, `${database}.$1_local`);
  const all = (text) => text.replace(/\{db\}/g, database);
  const [, kind, name] =
    /^(CREATE TABLE|CREATE MATERIALIZED VIEW|CREATE VIEW|ALTER TABLE) \{db\}\.(\w+)/.exec(statement) ?? [];
  const rest = statement.slice(`${kind} {db}.${name}`.length);
  if (kind === 'CREATE TABLE') {
    const made = `CREATE TABLE IF NOT EXISTS ${database}.${name}_local ${on}${replicated(local(rest), database, name)}`;
    const key = name in SHARDED_BY ? `, ${SHARDED_BY[name]}` : '';
    const spread = `ENGINE = Distributed(${cluster}, ${database}, ${name}_local${key})`;
    return [made, `CREATE TABLE IF NOT EXISTS ${database}.${name} ${on} AS ${database}.${name}_local ${spread}`];
  }
  // Fed by the facts of its own shard.
  if (kind === 'CREATE MATERIALIZED VIEW') return [`${kind} IF NOT EXISTS ${database}.${name} ${on}${local(rest)}`];
  if (kind === 'CREATE VIEW') {
    const everywhere = all(rest).replace(/\b(NOT IN|IN) \(SELECT/g, 'GLOBAL $1 (SELECT');
    return [`${kind} IF NOT EXISTS ${database}.${name} ${on}${everywhere}`];
  }
  if (kind === 'ALTER TABLE' && /^\s*MODIFY QUERY/.test(rest))
    return [`${kind} ${database}.${name} ${on}${local(rest)}`];
  if (kind === 'ALTER TABLE' && /^\s*ADD (COLUMN|INDEX)/.test(rest)) {
    const onLocal = `${kind} ${database}.${name}_local ${on}${rest}`;
    return /^\s*ADD COLUMN/.test(rest) ? [onLocal, `${kind} ${database}.${name} ${on}${rest}`] : [onLocal];
  }
  throw new Error(`no rule for this statement of a migration: ${statement.slice(0, 80)}`);
}

/** A replicated engine keeps tokens of inserts in Keeper, for all replicas. */
function replicated(rest, database, name) {
  const path = `'/clickhouse/tables/{shard}/${database}/${name}', '{replica}'`;
  return rest
    .replace(/ENGINE = (\w*MergeTree)(?:\(([^)]*)\))?/, (_all, engine, given) => {
      return `ENGINE = Replicated${engine}(${path}${given ? `, ${given}` : ''})`;
    })
    .replace('non_replicated_deduplication_window', 'replicated_deduplication_window');
}

/** Tables and views that have a tenant: what a row policy can tell apart. */
export function tenantTables(statements) {
  return statements
    .filter((statement) => /^CREATE TABLE IF NOT EXISTS \w+\.\w+_local/.test(statement))
    .filter(
      (statement) =>
        /\(\s*tenant LowCardinality/.test(statement) ||
        / AS \w+\.facts_local/.test(statement) ||
        / AS \w+\.name_pairs_local/.test(statement),
    )
    .map((statement) => /EXISTS (\w+\.\w+_local)/.exec(statement)[1]);
}

/**
 * Roles: `tally_writer` for the product, `tally_reader` for people, one `tally_reader_TENANT` that sees one tenant alone.
 * @returns {string[]}
 */
export function accessStatements({ cluster, database = 'tallystick', tenants = [] }) {
  for (const name of tenants) if (!/^[\w-]+$/.test(name)) throw new Error(`${name} is no plain name of a tenant`);
  const on = cluster === undefined ? '' : ` ON CLUSTER ${cluster}`;
  const tables = tenantTables(clusterStatements({ cluster: cluster ?? 'none', database }));
  const own = cluster === undefined ? tables.map((table) => table.replace(/_local$/, '')) : tables;
  const changing = 'SELECT, INSERT, ALTER, CREATE TABLE, CREATE VIEW, CREATE DATABASE, DROP, TRUNCATE, OPTIMIZE';
  const system = ['tables', 'columns', 'databases', 'parts', 'detached_parts', 'functions', 'settings'];
  const out = [
    `CREATE SETTINGS PROFILE IF NOT EXISTS tally_writing${on} SETTINGS
      distributed_foreground_insert = 1, insert_quorum = 'auto', insert_quorum_parallel = 0,
      select_sequential_consistency = 1, load_balancing = 'in_order', distributed_product_mode = 'global'`,
    `CREATE SETTINGS PROFILE IF NOT EXISTS tally_reading${on} SETTINGS
      readonly = 2, max_execution_time = 30 MAX 60, max_memory_usage = 2147483648 MAX 4294967296,
      max_result_rows = 1000000 MAX 1000000, result_overflow_mode = 'throw' CONST, distributed_product_mode = 'global'`,
    `CREATE ROLE IF NOT EXISTS tally_writer${on} SETTINGS PROFILE 'tally_writing'`,
    `CREATE ROLE IF NOT EXISTS tally_reader${on} SETTINGS PROFILE 'tally_reading'`,
    // A rebuild fills a database of its own beside the one that answers.
    ...[database, `${database}_next`].map((each) => `GRANT${on} ${changing} ON ${each}.* TO tally_writer`),
    ...system.map((table) => `GRANT${on} SELECT ON system.${table} TO tally_writer`),
    `GRANT${on} SELECT ON ${database}.* TO tally_reader`,
  ];
  // Where a table has a policy, whoever has none sees no row of it.
  for (const table of own)
    out.push(
      `CREATE ROW POLICY IF NOT EXISTS tally_all${on} ON ${table} FOR SELECT USING 1 TO tally_writer, tally_reader`,
    );
  for (const tenant of tenants) {
    const role = `\`tally_reader_${tenant}\``;
    out.push(`CREATE ROLE IF NOT EXISTS ${role}${on} SETTINGS PROFILE 'tally_reading'`);
    // Not the tables without a tenant: they say how much there is of everyone.
    const readable = cluster === undefined ? own : [...own, ...own.map((table) => table.replace(/_local$/, ''))];
    for (const table of readable) out.push(`GRANT${on} SELECT ON ${table} TO ${role}`);
    for (const table of own)
      out.push(
        `CREATE ROW POLICY IF NOT EXISTS \`tally_${tenant}\`${on} ON ${table} FOR SELECT USING tenant = '${tenant}' TO ${role}`,
      );
  }
  out.push(
    `CREATE QUOTA IF NOT EXISTS tally_reader${on} KEYED BY user_name
      FOR INTERVAL 1 minute MAX queries = 120, execution_time = 120, read_rows = 20000000000
      TO tally_reader${tenants.map((tenant) => `, \`tally_reader_${tenant}\``).join('')}`,
  );
  return out;
}

function flag(name) {
  const at = process.argv.indexOf(`--${name}`);
  return at === -1 ? undefined : process.argv[at + 1];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const options = { cluster: flag('cluster'), database: flag('database') ?? 'tallystick' };
  const isAccess = process.argv[2] === 'access';
  if (options.cluster === undefined && !isAccess) {
    process.stderr.write('usage: cluster.mjs [access] --cluster NAME [--database NAME] [--tenants a,b]\n');
    process.exit(2);
  }
  const tenants = flag('tenants')?.split(',') ?? [];
  const statements = isAccess ? accessStatements({ ...options, tenants }) : clusterStatements(options);
  process.stdout.write(`${statements.join(';\n\n')};\n`);
}
