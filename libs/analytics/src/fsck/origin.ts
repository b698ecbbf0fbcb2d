import type { LedgerScan } from '#ledger';
import type { AnalyticsEngine } from '../engine.js';
import { AnalyticsDamaged, JournalLost, LedgerReplaced } from '../errors.js';
import { checkOrigin } from '../origin.js';
import type { BatchJournal } from '../writer/journal.js';
import type { Difference } from './difference.js';

/** Why the tables could not be opened for questions, as a difference. @throws OtherLedger */
export async function originDifference(
  engine: AnalyticsEngine,
  scan: LedgerScan,
  journal: BatchJournal,
  ledgerId: string | undefined,
): Promise<Difference | undefined> {
  try {
    await checkOrigin(engine, scan, journal, ledgerId);
    return undefined;
  } catch (error) {
    if (!(error instanceof AnalyticsDamaged || error instanceof JournalLost || error instanceof LedgerReplaced))
      throw error;
    const repair = journal.isRepairing() ? 'range' : 'rebuild';
    return { table: 'origin', start: 0, end: 0, what: 'differs', rows: 1, detail: error.message, repair };
  }
}
