import type { AnalyticsEngine } from '../engine.js';
import { CHUNK } from './batch.js';

const DIMENSIONS = 'issuer, client, gateway, region, api, version, kind, outcome, reason';
const ROLLUPS = [
  { table: 'rollup_hour', column: 'hour', millis: 3_600_000 },
  { table: 'rollup_day', column: 'day', millis: 86_400_000 },
] as const;

/**
 * Makes hours and days of every chunk of positions that is complete: all before the one that a batch begins in.
 * Repeating it gives the same rows under the same keys.
 */
export async function rollChunksBefore(engine: AnalyticsEngine, position: number): Promise<void> {
  const before = Math.floor(position / CHUNK);
  if (before === 0) return;
  const rolled = await engine.rows<{ chunk: number }>('SELECT DISTINCT chunk FROM {db}.rolled_chunks');
  const done = new Set(rolled.map(({ chunk }) => chunk));
  for (let chunk = 0; chunk < before; chunk++) if (!done.has(chunk)) await rollChunk(engine, chunk);
}

async function rollChunk(engine: AnalyticsEngine, chunk: number): Promise<void> {
  for (const { table, column, millis } of ROLLUPS) {
    await engine.insertSelect(
      `{db}.${table} (tenant, ${column}, chunk, ${DIMENSIONS}, facts, uses)`,
      `SELECT tenant, minute - positiveModulo(minute, ${millis}) AS at, chunk, ${DIMENSIONS}, sum(facts), sum(uses)
       FROM {db}.rollup_minute FINAL
       WHERE chunk = {chunk:UInt32}
       GROUP BY tenant, at, chunk, ${DIMENSIONS}`,
      `${table}:chunk ${chunk}`,
      { chunk },
    );
  }
  const token = `rolled_chunks:chunk ${chunk}`;
  await engine.insertSelect('{db}.rolled_chunks (chunk)', 'SELECT {chunk:UInt32}', token, { chunk });
}
