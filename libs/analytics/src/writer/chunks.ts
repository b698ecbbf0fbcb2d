import type { AnalyticsEngine } from '../engine.js';
import { CHUNK } from './batch.js';

const DIMENSIONS = 'issuer, client, gateway, region, api, version, kind, outcome, reason';
export const ROLLUPS = [
  { table: 'rollup_hour', column: 'hour', millis: 3_600_000 },
  { table: 'rollup_day', column: 'day', millis: 86_400_000 },
] as const;

/**
 * Makes hours and days of every chunk of positions that is complete: all before the one that a batch begins in.
 * Repeating it gives the same rows under the same keys.
 */
export async function rollChunksBefore(engine: AnalyticsEngine, position: number, attempt: number): Promise<void> {
  const before = Math.floor(position / CHUNK);
  if (before === 0) return;
  const rolled = await engine.rows<{ chunk: number }>('SELECT DISTINCT chunk FROM {db}.rolled_chunks');
  const done = new Set(rolled.map(({ chunk }) => chunk));
  for (let chunk = 0; chunk < before; chunk++) if (!done.has(chunk)) await rollChunk(engine, chunk, attempt);
}

async function rollChunk(engine: AnalyticsEngine, chunk: number, attempt: number): Promise<void> {
  const token = (table: string): string => `${table}:chunk ${chunk}${attempt === 0 ? '' : `/${attempt}`}`;
  for (const rollup of ROLLUPS) {
    const { table, column } = rollup;
    const into = `{db}.${table} (tenant, ${column}, chunk, ${DIMENSIONS}, facts, uses)`;
    await engine.insertSelect(into, rolledUp(rollup, 'chunk = {chunk:UInt32}'), token(table), { chunk });
  }
  await engine.insertSelect('{db}.rolled_chunks (chunk)', 'SELECT {chunk:UInt32}', token('rolled_chunks'), { chunk });
}

/** The rows of a coarse table, out of the minutes of some chunks. */
export function rolledUp({ column, millis }: (typeof ROLLUPS)[number], where: string): string {
  return `SELECT tenant, minute - positiveModulo(minute, ${millis}) AS ${column}, chunk, ${DIMENSIONS}, sum(facts) AS facts, sum(uses) AS uses
    FROM (SELECT * FROM {db}.rollup_minute FINAL WHERE ${where})
    GROUP BY tenant, ${column}, chunk, ${DIMENSIONS}`;
}
