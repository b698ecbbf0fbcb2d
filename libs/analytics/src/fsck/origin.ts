import type { LedgerScan } from '#ledger';
import type { AnalyticsEngine } from '../engine.js';
import { AnalyticsDamaged, JournalLost, LedgerReplaced } from '../errors.js';
import { checkOrigin } from '../origin.js';
import type { BatchJournal } from '../writer/journal.js';
import type { Difference } from './difference.js';

/** Files that cannot be read: what is behind them is not compared any more. */
export function unreadable({ table = '(unknown)', message }: AnalyticsDamaged): Difference {
  return { table, start: 0, end: 0, what: 'unreadable', rows: 1, detail: message, repair: 'rebuild' };
}

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
    if (error instanceof AnalyticsDamaged && error.table !== undefined) return unreadable(error);
    const repair = journal.isRepairing() ? 'range' : 'rebuild';
    return { table: 'origin', start: 0, end: 0, what: 'differs', rows: 1, detail: error.message, repair };
  }
}
