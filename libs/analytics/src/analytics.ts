import { existsSync } from 'node:fs';
import type { LedgerScan } from '#ledger';
import { DirectoryLock, type Clock } from '#platform';
import { AnalyticsEngine, type AnalyticsPlace } from './engine.js';
import { AnalyticsBusy } from './errors.js';
import { migrate } from './migrate.js';
import { AnalyticsWriter, type CatchUp, type Progress } from './writer/follower.js';
import { BatchJournal } from './writer/journal.js';

export interface AnalyticsFiles {
  /** Of the embedded engine. */
  directory: string;
  lock: string;
  journal: string;
}

export interface OpenAnalytics {
  files: AnalyticsFiles;
  /** A server; default: embedded, in the files' directory. */
  server?: Exclude<AnalyticsPlace, { path: string }>;
  scan: LedgerScan;
  clock: Clock;
  /** How long to wait for another process, in ms. */
  waitMs: number;
  database?: string;
}

/** ClickHouse beside one ledger, opened by one process: what is asked, and the writer that fills it. */
export class Analytics {
  private writing: Promise<unknown> = Promise.resolve();
  private known: bigint | undefined;

  private constructor(
    readonly engine: AnalyticsEngine,
    private readonly writer: AnalyticsWriter,
    private readonly journal: BatchJournal,
    private readonly lock: DirectoryLock,
    private readonly scan: LedgerScan,
  ) {}

  /** Whether anything was ever written there: what only reads makes nothing. */
  static isThere({ journal }: AnalyticsFiles): boolean {
    return existsSync(journal);
  }

  /** @throws AnalyticsBusy, AnalyticsUnavailable, EditedMigration, NewerSchema, DiskFull … */
  static async open({ files, server, scan, clock, waitMs, database }: OpenAnalytics): Promise<Analytics> {
    const lock = await DirectoryLock.take(files.lock, 'write', waitMs);
    if (lock === undefined) throw new AnalyticsBusy(files.directory, waitMs);
    let engine: AnalyticsEngine | undefined;
    try {
      engine = await AnalyticsEngine.open(server ?? { path: files.directory }, database);
      await migrate(engine);
      const journal = BatchJournal.open(files.journal, `${server?.url ?? 'embedded'} ${engine.database}`);
      return new Analytics(engine, new AnalyticsWriter(engine, scan, journal, clock), journal, lock, scan);
    } catch (error) {
      await engine?.close();
      lock.release();
      throw error;
    }
  }

  /** The last ledger position that every table has. */
  async reached(): Promise<bigint> {
    return (this.known ??= await this.writer.reached());
  }

  /** The ledger's last position. */
  head(): bigint {
    return this.scan.head();
  }

  /** Writes what is new in the ledger. One call at a time; a further one waits for its turn. */
  catchUp(options: CatchUp = {}): Promise<Progress> {
    const run = this.writing.then(async () => {
      const onProgress = (progress: Progress): void => {
        this.known = progress.reached;
        options.onProgress?.(progress);
      };
      const progress = await this.writer.catchUp({ ...options, onProgress });
      this.known = progress.reached;
      return progress;
    });
    this.writing = run.catch(() => undefined);
    return run;
  }

  async close(): Promise<void> {
    await this.writing;
    await this.engine.close();
    this.journal.close();
    this.lock.release();
  }
}
