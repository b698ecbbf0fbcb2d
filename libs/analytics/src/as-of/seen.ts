import { DEFAULT_THRESHOLDS, OWN_SOURCE, SourceClocks } from '#lifecycle';
import type { Sighting } from '#ledger';
import type { AnalyticsEngine } from '../engine.js';
import { READING } from './names-sql.js';

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
    READING,
  );
  return rows.map(({ gateway, region, ...rest }) => ({
    ...rest,
    gateway: gateway === '' ? undefined : gateway,
    region: region === '' ? undefined : region,
  }));
}

/** How far each source has come, as known at K: batch by batch; of the one that K cuts, fact by fact. */
export async function readClocks(engine: AnalyticsEngine, tenant: string, K: bigint): Promise<SourceClocks> {
  const cut = 'SELECT max(start) FROM {db}.batches WHERE start <= {K:UInt64} AND end > {K:UInt64}';
  const rows = await engine.rows<{ source: string; came: number; high: number; last: number }>(
    `SELECT source, max(came) AS came, maxIf(high, came = 1) AS high, max(last_recorded) AS last FROM (
       SELECT source, came, high, last_recorded FROM {db}.source_clocks
         WHERE tenant = {tenant:String} AND batch <= {K:UInt64} AND batch != (${cut})
       UNION ALL
       SELECT source, NOT (${IS_FUTURE}) AS came, least(time, recorded_at) AS high, recorded_at AS last_recorded FROM {db}.facts
         WHERE ${KNOWN} AND batch = (${cut}) AND batch != 0
     ) GROUP BY source`,
    { tenant, K },
    READING,
  );
  const clocks = new SourceClocks();
  for (const { source, came, high, last } of rows) {
    if (last > clocks.lastRecorded) clocks.lastRecorded = last;
    if (source !== OWN_SOURCE) clocks.clocks.set(source, { high: came === 0 ? -Infinity : high, lastRecorded: last });
  }
  return clocks;
}
