import type { LedgerScan } from '#ledger';
import type { AnalyticsEngine } from './engine.js';
import { AnalyticsDamaged, JournalLost, LedgerReplaced, OtherLedger } from './errors.js';
import { tailOf } from './writer/batch.js';
import type { BatchJournal } from './writer/journal.js';

const ANY = '00000000-0000-0000-0000-000000000000';

/**
 * Checks that a database holds the past of this ledger and nothing else, as far as the last batch tells, and that its
 * files are whole as far as ClickHouse noticed when it started. A database that nobody filled is marked as ours.
 * @param ledgerId undefined: whichever.
 * @throws OtherLedger, JournalLost, LedgerReplaced, AnalyticsDamaged
 */
export async function checkOrigin(
  engine: AnalyticsEngine,
  scan: LedgerScan,
  journal: BatchJournal,
  ledgerId = ANY,
): Promise<void> {
  const { where, database } = engine;
  const [detached] = await engine.rows<{ table: string; name: string }>(
    `SELECT table, name FROM system.detached_parts WHERE database = {database:String} AND reason != '' LIMIT 1`,
    { database },
  );
  if (detached !== undefined)
    throw new AnalyticsDamaged(where, `part ${detached.name} of ${detached.table} could not be read`);
  if (journal.isRepairing()) throw new AnalyticsDamaged(where, 'a repair was broken off');
  const [origin] = await engine.rows<{ ledger: string; journal: string }>('SELECT ledger, journal FROM {db}.origin');
  const [last] = await engine.rows<{ end: number; tail: string }>(
    'SELECT end, toString(tail) AS tail FROM {db}.batches FINAL ORDER BY end DESC LIMIT 1',
  );
  if (origin === undefined) {
    if (last !== undefined) throw new JournalLost(where);
    journal.done();
    await engine.insert('origin', ['ledger', 'journal'], `${ledgerId}\t${journal.id()}\n`, 'origin');
    return;
  }
  await refuseOtherLedger(engine, ledgerId);
  if (origin.journal.replaceAll('-', '') !== journal.id()) throw new JournalLost(where);
  for (const known of [last, journal.pending()]) {
    if (known === undefined) continue;
    const { end, tail } = known;
    const [row] = scan.scanAll({ after: BigInt(end) - 1n, to: BigInt(end) });
    if (row === undefined || tailOf(row) !== tail) throw new LedgerReplaced(where, end);
  }
}

/** Tables that were filled from another ledger are not ours to touch. @throws OtherLedger, AnalyticsDamaged */
export async function refuseOtherLedger(engine: AnalyticsEngine, ledgerId = ANY): Promise<void> {
  const { where, database } = engine;
  const [there] = await engine.rows<{ n: number }>(
    `SELECT count() AS n FROM system.tables WHERE database = {database:String} AND name = 'origin'`,
    { database },
  );
  if (there?.n !== 1) return;
  const [origin] = await engine.rows<{ ledger: string }>('SELECT ledger FROM {db}.origin');
  if (origin !== undefined && origin.ledger !== ledgerId)
    throw new OtherLedger(where, database, origin.ledger, ledgerId);
}

/** What a fact of `facts` must have left in another table. */
const FOLLOWS = {
  onsets: "kind = 'token.issued' OR (outcome = 'accepted' AND shadow = 0)",
  token_minutes: "outcome != ''",
  speakers: 'speaker != 0',
} as const;

/**
 * Files that are gone altogether are missed by nobody else: a table then has fewer rows than its batches wrote, or none
 * where it must have some. @throws AnalyticsDamaged
 */
export async function checkWhole(engine: AnalyticsEngine): Promise<void> {
  const { where, database, isEmbedded } = engine;
  if (!isEmbedded) return;
  const parts = await engine.rows<{ table: string; n: number }>(
    'SELECT table, sum(rows) AS n FROM system.parts WHERE database = {database:String} AND active GROUP BY table',
    { database },
  );
  const rows = new Map(parts.map(({ table, n }) => [table, n]));
  const [batches] = await engine.rows<{ facts: number }>('SELECT sum(facts) AS facts FROM {db}.batches FINAL');
  const missing = (batches?.facts ?? 0) - (rows.get('facts') ?? 0);
  if (missing > 0) throw new AnalyticsDamaged(where, `${missing} rows of facts are gone`);
  for (const [table, condition] of Object.entries(FOLLOWS)) {
    if ((rows.get(table) ?? 0) > 0) continue;
    // Of a batch that a crash broke off, the facts may be there alone.
    const found = await engine.rows(
      `SELECT 1 AS one FROM {db}.facts WHERE (${condition}) AND position <= (SELECT max(end) FROM {db}.batches) LIMIT 1`,
    );
    if (found.length > 0) throw new AnalyticsDamaged(where, `the rows of ${table} are gone`);
  }
}
