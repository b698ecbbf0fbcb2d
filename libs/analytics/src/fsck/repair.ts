import type { LedgerScan } from '#ledger';
import type { AnalyticsEngine, QueryParams } from '../engine.js';
import { CHUNK, readBatch, type Bounds } from '../writer/batch.js';
import type { AnalyticsWriter } from '../writer/follower.js';
import type { BatchJournal } from '../writer/journal.js';
import { derivedTables, viewOver, type DerivedTable } from './derived-tables.js';
import type { Difference } from './difference.js';

export interface RepairParts {
  engine: AnalyticsEngine;
  scan: LedgerScan;
  journal: BatchJournal;
  writer: AnalyticsWriter;
}

/** Names of tokens that one statement takes. */
const NAMES = 1000;

/**
 * Repairs what can be repaired in place: ranges are deleted from every table that says where its rows come from, and
 * written again under the bounds that their batches had; then tokens whose onsets differ, then hours and days. From the
 * first deletion on nothing is answered until it is done: a repair that is broken off must be repeated, or rebuilt.
 * @returns how many differences it went for; those that only a rebuild repairs are left.
 */
export async function repair(
  parts: RepairParts,
  differences: readonly Difference[],
  onProgress: (done: number, of: number) => void = () => undefined,
): Promise<number> {
  const { engine, journal, writer } = parts;
  const repairable = differences.filter((each) => each.repair !== 'rebuild');
  // Tables of another past, and those that cannot be read, are not made right range by range.
  const isHopeless = differences.some(
    ({ table, what, repair: by }) => by === 'rebuild' && (table === 'origin' || what === 'unreadable'),
  );
  if (repairable.length === 0 || isHopeless) return 0;
  journal.setRepairing(true);
  const ranges = new Map(repairable.filter((each) => each.repair === 'range').map((each) => [each.start, each]));
  const reached = Number(await writer.reached());
  let done = 0;
  for (const range of [...ranges.values()].sort((a, b) => a.start - b.start)) {
    await repairRange(parts, range, reached);
    onProgress(++done, ranges.size);
  }
  const names = repairable.flatMap((each) => each.names ?? []);
  for (let i = 0; i < names.length; i += NAMES) await repairNames(parts, names.slice(i, i + NAMES));
  for (const { table, repair: by } of repairable) if (by === 'table') await repairTable(parts, table);
  const chunks = new Set(repairable.filter((each) => each.repair === 'chunk').map(({ start }) => chunkOf(start)));
  for (const { start } of ranges.values()) chunks.add(chunkOf(start));
  for (const chunk of chunks)
    for (const table of ['rolled_chunks', 'rollup_hour', 'rollup_day'])
      await remove(engine, table, 'chunk', { start: chunk, end: chunk });
  journal.nextAttempt();
  await writer.rollUp();
  journal.setRepairing(false);
  return repairable.length;
}

const chunkOf = (position: number): number => Math.floor(position / CHUNK);

async function repairRange({ engine, scan, writer }: RepairParts, range: Bounds, reached: number): Promise<void> {
  const columns = await engine.rows<{ table: string; column: string }>(
    `SELECT table, if(has(groupArray(name), 'batch'), 'batch', if(has(groupArray(name), 'position'), 'position', 'start')) AS column
     FROM system.columns
     WHERE database = {database:String}
       AND table IN (SELECT name FROM system.tables WHERE database = {database:String} AND engine LIKE '%MergeTree')
       AND (name IN ('batch', 'position') OR (table = 'batches' AND name = 'start'))
     GROUP BY table`,
    { database: engine.database },
  );
  // Facts carry both, and either may be wrong.
  for (const { table, column } of columns) {
    await remove(engine, table, column, range);
    if (table === 'facts') await remove(engine, table, 'position', range);
  }
  for (let at = range.start - 1; at < Math.min(range.end, reached);) {
    const read = readBatch(scan, at);
    if (read === undefined || read.bounds.start > range.end) return;
    const { start, end } = read.bounds;
    const bounds = { start, end: Math.min(end, range.end) };
    await writer.rewrite(bounds);
    at = bounds.end;
  }
}

/** Tables in which rows of many batches are one: of these tokens they are made again from the facts. */
async function repairNames({ engine, journal }: RepairParts, names: readonly string[]): Promise<void> {
  for (const derived of await derivedTables(engine)) {
    if (derived.key !== 'name') continue;
    const ours = 'toUInt128(name) IN (SELECT toUInt128(arrayJoin({names:Array(UUID)})))';
    const sql = `ALTER TABLE {db}.${derived.table} DELETE WHERE ${ours} SETTINGS mutations_sync = 2`;
    await engine.command(sql, { names });
    await refill({ engine, journal }, derived, ours, { names });
  }
}

/** As `repairNames`, for a table that names no token. */
async function repairTable({ engine, journal }: RepairParts, table: string): Promise<void> {
  for (const derived of await derivedTables(engine)) {
    if (derived.table !== table) continue;
    await engine.command(`TRUNCATE TABLE {db}.${table}`);
    await refill({ engine, journal }, derived, '1', {});
  }
}

async function refill(
  { engine, journal }: Pick<RepairParts, 'engine' | 'journal'>,
  derived: DerivedTable,
  where: string,
  params: QueryParams,
): Promise<void> {
  const { table, columns } = derived;
  journal.nextAttempt();
  const list = [...columns.keys()].join(', ');
  const select = `SELECT ${list} FROM (${viewOver(engine, derived, where)})`;
  await engine.insertSelect(`{db}.${table} (${list})`, select, `${table}:again/${journal.attempt()}`, params);
}

async function remove(engine: AnalyticsEngine, table: string, column: string, { start, end }: Bounds): Promise<void> {
  await engine.command(
    `ALTER TABLE {db}.${table} DELETE WHERE ${column} >= {start:UInt64} AND ${column} <= {end:UInt64} SETTINGS mutations_sync = 2`,
    { start, end },
  );
}
