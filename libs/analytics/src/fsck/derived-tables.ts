import type { AnalyticsEngine } from '../engine.js';
import { CHUNK } from '../writer/batch.js';
import { ROLLUPS, rolledUp } from '../writer/chunks.js';
import { BOUNDED } from './bounded.js';
import { typesOf } from './direct-tables.js';
import type { Difference } from './difference.js';

/** Differing keys of one table and range that are read. */
const READ = 1000;

/** A table that a view fills from `facts`. */
export interface DerivedTable {
  table: string;
  /** The view's query. */
  select: string;
  columns: ReadonlyMap<string, string>;
  /** What says where in the ledger a row comes from; where rows of many batches are one, whose they are, or `whole`. */
  key: 'batch' | 'position' | 'name' | 'whole';
}

export async function derivedTables(engine: AnalyticsEngine): Promise<DerivedTable[]> {
  const views = await engine.rows<{ select: string; statement: string }>(
    `SELECT as_select AS select, create_table_query AS statement FROM system.tables
     WHERE database = {database:String} AND engine = 'MaterializedView' ORDER BY name`,
    { database: engine.database },
  );
  const out: DerivedTable[] = [];
  for (const { select, statement } of views) {
    const table = new RegExp(` TO ${engine.database}\\.(\\w+)`).exec(statement)?.[1];
    if (table === undefined) continue;
    const columns = await typesOf(engine, table);
    const key = (['batch', 'position', 'name'] as const).find((each) => columns.has(each)) ?? 'whole';
    out.push({ table, select, columns, key });
  }
  return out;
}

/**
 * The keys under which a table does not hold what its view makes of the facts between two positions: exact, for the view
 * itself is asked. Of a table without positions all is compared.
 */
export async function compareDerived(
  engine: AnalyticsEngine,
  derived: DerivedTable,
  from: number,
  to: number,
): Promise<{ key: string; more: number }[]> {
  const { table, key } = derived;
  const range = isAggregated(derived) ? '1' : `${key} >= {from:UInt64} AND ${key} <= {to:UInt64}`;
  return compare(engine, derived.columns, key === 'whole' ? '0' : key, {
    expected: viewOver(engine, derived, range),
    found: `SELECT * FROM {db}.${table} FINAL WHERE ${range}`,
    params: { from, to },
  });
}

/** Whether rows of many batches are one: what such a table holds is compared as a whole. */
export function isAggregated({ key }: Pick<DerivedTable, 'key'>): boolean {
  return key === 'name' || key === 'whole';
}

/** The query of a view over facts that count once, some of them. */
export function viewOver(engine: AnalyticsEngine, { select }: Pick<DerivedTable, 'select'>, where: string): string {
  return select.replace(
    `FROM ${engine.database}.facts`,
    `FROM (SELECT * FROM {db}.facts FINAL WHERE ${where}) AS facts`,
  );
}

/** Chunks whose hours or days are not those of their minutes. */
export async function compareRolled(engine: AnalyticsEngine, from: number, to: number): Promise<Difference[]> {
  const out: Difference[] = [];
  const where = `chunk >= {from:UInt32} AND chunk <= {to:UInt32} AND chunk IN (SELECT chunk FROM {db}.rolled_chunks)`;
  for (const rollup of ROLLUPS) {
    const { table } = rollup;
    const differing = await compare(engine, await typesOf(engine, table), 'chunk', {
      expected: rolledUp(rollup, where),
      found: `SELECT * FROM {db}.${table} FINAL WHERE ${where}`,
      params: { from: Math.floor(from / CHUNK), to: Math.floor(to / CHUNK) },
    });
    for (const { key, more } of differing) {
      const chunk = Number(key);
      const [start, end] = [chunk * CHUNK, (chunk + 1) * CHUNK - 1];
      out.push({ table, start, end, ...whatOf(more), detail: `chunk ${chunk}`, repair: 'chunk' });
    }
  }
  return out;
}

async function compare(
  engine: AnalyticsEngine,
  columns: ReadonlyMap<string, string>,
  key: string,
  { expected, found, params }: { expected: string; found: string; params: Record<string, number> },
): Promise<{ key: string; more: number }[]> {
  const hash = `reinterpretAsInt64(cityHash64(${[...columns].map(([name, type]) => `CAST(${name}, '${plain(type)}')`).join(', ')}))`;
  return engine.rows(
    `SELECT toString(key) AS key, sum(n) AS more FROM (
       SELECT ${key} AS key, 1 AS n, ${hash} AS hash FROM (${expected})
       UNION ALL
       SELECT ${key} AS key, -1 AS n, -${hash} AS hash FROM (${found})
     ) GROUP BY key HAVING sum(n) != 0 OR sum(hash) != 0 ORDER BY key LIMIT ${READ}`,
    params,
    BOUNDED,
  );
}

/** Rows that are missing make more, rows that nothing explains make less. */
export function whatOf(more: number): Pick<Difference, 'what' | 'rows'> {
  return { what: more > 0 ? 'missing' : more < 0 ? 'unknown' : 'differs', rows: Math.max(1, Math.abs(more)) };
}

/** Without what only says how values are stored. */
function plain(type: string): string {
  return type.replace(/SimpleAggregateFunction\(\w+, (.*)\)/, '$1').replace(/LowCardinality\((\w+)\)/g, '$1');
}
