import { planMigrations, shadowOf, type AnalyticsEngine, type Progress, type RebuildProgress } from '#analytics';
import { formatTime } from '#lifecycle';
import { freshnessOf } from './freshness.js';
import { progressRows } from './progress-rows.js';
import type { Answer, ReadParams } from './questions.js';
import type { Stores } from './stores.js';
import { encodePosition } from './when.js';

/** How far ClickHouse has come, what it holds, and whether its schema is this release's. */
export async function showAnalytics(stores: Stores): Promise<Answer> {
  const { analytics: access } = stores;
  if (!access.isThere()) return { kind: 'value', value: { filled: false } };
  const value = await access.asItIs(async (analytics) => {
    const { engine, journal } = analytics;
    const { applied, pending } = await planMigrations(engine);
    const where = { at: engine.where, database: engine.database, embedded: engine.isEmbedded };
    if (applied.length === 0) return { filled: false, ...where, migrations: { applied, pending } };
    const [last] = await engine.rows<{ end: number; recorded: number }>(
      'SELECT max(end) AS end, max(recorded_at) AS recorded FROM {db}.batches',
    );
    const tables = await engine.rows<{ table: string; rows: number; bytes: number }>(
      `SELECT table, sum(rows) AS rows, sum(bytes_on_disk) AS bytes FROM system.parts
       WHERE database = {database:String} AND active GROUP BY table ORDER BY bytes DESC, table`,
      { database: engine.database },
    );
    const { reached, lagEvents, lagSeconds } = freshnessOf(BigInt(last?.end ?? 0), stores);
    return {
      filled: true,
      ...where,
      reached,
      head: encodePosition(analytics.head()),
      // As every answer from ClickHouse tells it.
      lagEvents,
      lagSeconds,
      lastRecorded: last === undefined || last.end === 0 ? null : formatTime(last.recorded),
      unfinishedBatch: journal.pending() !== undefined,
      unfinishedRebuild: journal.exchange() !== undefined || (await isShadowThere(engine)),
      migrations: { applied, pending },
      tables,
    };
  });
  return { kind: 'value', value };
}

async function isShadowThere(engine: AnalyticsEngine): Promise<boolean> {
  const name = shadowOf(engine.database);
  const rows = await engine.rows('SELECT 1 FROM system.databases WHERE name = {name:String}', { name });
  return rows.length > 0;
}

/** Brings the schema to this release, which whoever asks anything does as well; or says what that would do. */
export async function migrateAnalytics(
  { plan }: ReadParams<'analytics.migrate'>,
  { analytics: access }: Stores,
): Promise<Answer> {
  const value = await access.asItIs(({ engine }) => planMigrations(engine));
  if (!plan) await access.open();
  return { kind: 'value', value: { ...value, done: !plan } };
}

/** Writes what is new in the ledger, with progress. */
export function catchUpAnalytics({ analytics: access }: Stores): Answer {
  const rows = progressRows<Record<string, unknown>>(async (tell, signal) => {
    const analytics = await access.open();
    return shown(await analytics.catchUp({ signal, onProgress: (progress) => tell(shown(progress)) }));
  });
  return { kind: 'rows', rows, keyOf: (_row, index) => String(index), pinned: {} };
}

/** Builds everything again while the old tables answer, with progress. */
export function rebuildAnalytics({ anew }: ReadParams<'analytics.rebuild'>, { analytics: access }: Stores): Answer {
  const rows = progressRows<Record<string, unknown>>((tell, signal) =>
    access.asItIs(
      async (analytics) =>
        shown(await analytics.rebuild({ anew, signal, onProgress: (progress) => tell(shown(progress)) })),
      true,
    ),
  );
  return { kind: 'rows', rows, keyOf: (_row, index) => String(index), pinned: {} };
}

function shown({ reached, head, facts, ...rest }: Progress | RebuildProgress): Record<string, unknown> {
  return { ...rest, reached: Number(reached), head: Number(head), facts };
}
