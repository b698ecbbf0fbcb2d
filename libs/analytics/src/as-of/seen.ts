import { DEFAULT_THRESHOLDS, OWN_SOURCE, SourceClocks } from '#lifecycle';
import type { Sighting } from '#ledger';
import type { AnalyticsEngine } from '../engine.js';

/** A line from the future says nothing of when its version served, nor of how far its source has come (MODEL §4.4). */
const IS_FUTURE = `time > recorded_at + ${DEFAULT_THRESHOLDS.futureSlack}`;
const KNOWN = 'tenant = {tenant:String} AND position <= {K:UInt64}';

/** When each version was seen stamped on lines, as known at K: what the ledger's sightings say. */
export async function readSightings(engine: AnalyticsEngine, tenant: string, K: bigint): Promise<Sighting[]> {
  const rows = await engine.rows<{
    source: string;
    version: string;
    gateway: string;
    region: string;
    first: number;
    last: number;
  }>(
    `SELECT source, version, gateway, region, min(time) AS first, max(time) AS last FROM {db}.facts
     WHERE ${KNOWN} AND version != '' AND NOT (${IS_FUTURE}) GROUP BY source, version, gateway, region`,
    { tenant, K },
  );
  return rows.map(({ gateway, region, ...rest }) => ({
    ...rest,
    gateway: gateway === '' ? undefined : gateway,
    region: region === '' ? undefined : region,
  }));
}

/** How far each source has come, as known at K. */
export async function readClocks(engine: AnalyticsEngine, tenant: string, K: bigint): Promise<SourceClocks> {
  const rows = await engine.rows<{ source: string; came: number; high: number; last: number }>(
    `SELECT source, countIf(NOT (${IS_FUTURE})) AS came, maxIf(least(time, recorded_at), NOT (${IS_FUTURE})) AS high, max(recorded_at) AS last
     FROM {db}.facts WHERE ${KNOWN} GROUP BY source`,
    { tenant, K },
  );
  const clocks = new SourceClocks();
  for (const { source, came, high, last } of rows) {
    if (last > clocks.lastRecorded) clocks.lastRecorded = last;
    if (source !== OWN_SOURCE) clocks.clocks.set(source, { high: came === 0 ? -Infinity : high, lastRecorded: last });
  }
  return clocks;
}
