import type { LedgerScan } from '#ledger';
import type { Clock } from '#platform';
import type { AnalyticsEngine } from '../engine.js';
import { AnalyticsDamaged, EditedMigration, JournalLost, LedgerReplaced, NewerSchema, OtherLedger } from '../errors.js';
import { migrate } from '../migrate.js';
import { checkOrigin, refuseOtherLedger } from '../origin.js';
import { AnalyticsWriter, type CatchUp } from '../writer/follower.js';
import type { BatchJournal } from '../writer/journal.js';
import { finishExchange, planExchange, shadowOf } from './exchange.js';

export interface RebuildProgress {
  step: 'filling' | 'exchanging' | 'done';
  /** Position that the new tables have reached, and the ledger's last. */
  reached: bigint;
  head: bigint;
  /** Facts that were written by this call. */
  facts: number;
}

export interface Rebuild extends Omit<CatchUp, 'onProgress'> {
  onProgress?: (progress: RebuildProgress) => void;
  /** Drop what an earlier rebuild, that was broken off, has filled. */
  anew?: boolean;
}

export interface RebuildParts {
  live: AnalyticsEngine;
  journal: BatchJournal;
  scan: LedgerScan;
  clock: Clock;
  ledgerId: string | undefined;
  /** Runs something while nobody writes to the tables that answer. */
  exclusively: <T>(operation: () => Promise<T>) => Promise<T>;
}

/** What an earlier rebuild filled is of no use: another release, another ledger, files that are not whole. */
const UNUSABLE = [EditedMigration, NewerSchema, OtherLedger, JournalLost, LedgerReplaced, AnalyticsDamaged];

/**
 * Builds every table again from `$all`, in a database of its own, while the old ones answer, and exchanges them. It has
 * the ledger to read from and the engine to write to, nothing else: it can cause no effect and say no finding. Broken off
 * at any point, the next call goes on: filling where it stopped, an exchange that was begun is finished when the
 * analytics are opened.
 */
export async function rebuild(parts: RebuildParts, { signal, onProgress, anew }: Rebuild): Promise<RebuildProgress> {
  const { live, journal, scan, clock, ledgerId, exclusively } = parts;
  const shadow = live.over(shadowOf(live.database));
  const own = journal.shadow();
  await refuseOtherLedger(live, ledgerId).catch((error: unknown) => {
    // Who filled the tables cannot be read any more. Those in the data directory are this ledger's; a server's may not be.
    if (!live.isEmbedded || !(error instanceof AnalyticsDamaged)) throw error;
  });
  const drop = async (): Promise<void> => {
    await shadow.command('DROP DATABASE IF EXISTS {db} SYNC');
    own.done();
  };
  const prepare = async (): Promise<void> => {
    await migrate(shadow);
    await checkOrigin(shadow, scan, own, ledgerId);
  };
  if (anew === true) await drop();
  let writer = new AnalyticsWriter(shadow, scan, own, clock);
  let facts = 0;
  const told = (step: RebuildProgress['step'], reached: bigint, head: bigint, more = 0): RebuildProgress => {
    const progress = { step, reached, head, facts: facts + more };
    onProgress?.(progress);
    return progress;
  };
  const fill = async (): Promise<{ reached: bigint; head: bigint }> => {
    const end = await writer.catchUp({
      ...(signal !== undefined && { signal }),
      onProgress: ({ reached, head, facts: more }) => void told('filling', reached, head, more),
    });
    facts += end.facts;
    return end;
  };
  const begin = async (): Promise<void> => {
    await prepare();
    await fill();
  };
  await begin().catch(async (error: unknown) => {
    if (!UNUSABLE.some((type) => error instanceof type)) throw error;
    await drop();
    writer = new AnalyticsWriter(shadow, scan, own, clock);
    await begin();
  });
  return exclusively(async () => {
    // What came meanwhile: from here on nobody writes to the old tables either.
    const { reached, head } = await fill();
    if (signal?.aborted === true) return told('filling', reached, head);
    told('exchanging', reached, head);
    journal.setExchange(await planExchange(live, shadow));
    await live.alone((alone) => finishExchange(alone, journal));
    return told('done', reached, head);
  });
}
