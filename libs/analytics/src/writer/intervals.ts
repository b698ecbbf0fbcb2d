import { intervalsOf, type Interval, type Sighting } from '#deployments';
import { worldUnder, type Name } from '#lifecycle';
import { readFacts } from '../as-of/stored-facts.js';
import type { AnalyticsEngine } from '../engine.js';
import { hash64 } from './speakers.js';
import { tsvText } from './tsv.js';

const COLUMNS = [
  ...['tenant', 'component', 'version', 'gateway', 'region', 'cohort', 'from_at'],
  ...['to_at', 'weight', 'inferred', 'known_at', 'gone'],
] as const;
/** What tells intervals of one tenant apart: the first columns. */
const KEYS = 7;
/** The largest Int64: still active. */
const OPEN = '9223372036854775807';

interface SightingRow {
  source: string;
  version: string;
  gateway: string;
  region: string;
  first: number;
  last: number;
}

/**
 * The table of deployment intervals: what the deployments library reads from facts that declare and from versions that
 * were seen. Only what differs from the table is written, so that repeating it changes nothing.
 */
export class Intervals {
  /** What the intervals were read from last, by tenant. */
  private readonly read = new Map<string, string>();

  constructor(private readonly engine: AnalyticsEngine) {}

  /** @param position up to which everything is in the tables. */
  async refresh(position: number): Promise<void> {
    const tenants = await this.engine.rows<{ tenant: string; origin: string }>(
      `SELECT tenant, toString((sum(n), sum(hash))) AS origin FROM (
         SELECT tenant, count() AS n, sum(sipHash64(source, version, gateway, region, first_at, last_at)) AS hash
         FROM {db}.sightings FINAL GROUP BY tenant
         UNION ALL
         SELECT tenant, count() AS n, sum(sipHash64(position)) AS hash FROM {db}.world_facts FINAL
         WHERE startsWith(kind, 'deployment.') OR startsWith(kind, 'settings.') OR kind = 'source.distrusted' GROUP BY tenant
       ) GROUP BY tenant`,
    );
    for (const { tenant, origin } of tenants) {
      if (this.read.get(tenant) === origin) continue;
      await this.refreshTenant(tenant, position);
      this.read.set(tenant, origin);
    }
  }

  private async refreshTenant(tenant: string, position: number): Promise<void> {
    const now = new Map<string, string>();
    for (const interval of await this.intervalsOf(tenant)) {
      const [key, rest] = columnsOf(tenant, interval);
      now.set(key, rest);
    }
    const rows: string[] = [];
    for (const [key, rest] of await this.stored(tenant)) {
      if (now.get(key) === rest) now.delete(key);
      else if (!now.has(key)) rows.push(`${key}\t${rest}\t${position}\t1\n`);
    }
    for (const [key, rest] of now) rows.push(`${key}\t${rest}\t${position}\t0\n`);
    if (rows.length === 0) return;
    // At one position another reading may give other rows, after a repair.
    const text = rows.join('');
    await this.engine.insert('intervals', COLUMNS, text, `intervals:${tenant}:${position}:${hash64(text)}`);
  }

  private async intervalsOf(tenant: string): Promise<Interval[]> {
    const facts = await readFacts(
      this.engine,
      tenant,
      'world_facts',
      `(startsWith(kind, 'deployment.') OR startsWith(kind, 'settings.') OR kind = 'source.distrusted')`,
      {},
    );
    const world = worldUnder(facts);
    const current = (name: Name): Name => name;
    for (const fact of facts) {
      const resolved = world.resolver.resolve(fact);
      if (resolved !== undefined) world.add(resolved, current);
    }
    const seen = await this.engine.rows<SightingRow>(
      `SELECT source, version, gateway, region, first_at AS first, last_at AS last FROM {db}.sightings FINAL
       WHERE tenant = {tenant:String} ORDER BY source, version, gateway, region`,
      { tenant },
    );
    const sightings = seen.map(({ source, version, gateway, region, first, last }): Sighting => ({
      tenant,
      component: world.resolver.profile(source)?.component ?? 'gateway',
      version,
      first,
      last,
      ...(gateway !== '' && { gateway }),
      ...(region !== '' && { region }),
    }));
    return intervalsOf(world.deployments, sightings);
  }

  private async stored(tenant: string): Promise<[string, string][]> {
    const columns = COLUMNS.slice(0, -2).join(', ');
    const text = await this.engine.text(
      `SELECT ${columns} FROM {db}.intervals FINAL WHERE tenant = {tenant:String}`,
      'TabSeparated',
      { tenant },
    );
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const cells = line.split('\t');
        return [cells.slice(0, KEYS).join('\t'), cells.slice(KEYS).join('\t')];
      });
  }
}

/** The columns that tell an interval apart, and what is said of it, as ClickHouse prints them. */
function columnsOf(tenant: string, interval: Interval): [string, string] {
  const { component, version, scope, on, off, weights, inferred } = interval;
  const key = [tenant, component, version, scope.gateway ?? '', scope.region ?? '', scope.cohort ?? ''].map(tsvText);
  const rest = [off ?? OPEN, weights.at(-1)?.weight ?? 1, inferred ? 1 : 0];
  return [[...key, on].join('\t'), rest.join('\t')];
}
