import { existsSync, rmSync } from 'node:fs';
import type { LedgerScan } from '#ledger';
import { DirectoryLock, storing, type Clock } from '#platform';
import { AnalyticsEngine } from './engine.js';
import { AnalyticsBusy, AnalyticsDamaged, FilledElsewhere, NotFilledYet } from './errors.js';
import { migrate, planMigrations } from './migrate.js';
import type { ServerPlace } from './place.js';
import type { Difference } from './fsck/difference.js';
import { fsck, type FsckRow } from './fsck/fsck.js';
import { originDifference, unreadable } from './fsck/origin.js';
import { repair } from './fsck/repair.js';
import { checkOrigin, checkWhole, refuseOtherLedger } from './origin.js';
import { finishExchange } from './rebuild/exchange.js';
import { rebuild, type Rebuild, type RebuildProgress } from './rebuild/rebuild.js';
import { Reader } from './queries/reader.js';
import { AnalyticsWriter, type CatchUp, type Progress } from './writer/follower.js';
import { BatchJournal } from './writer/journal.js';

export type { Difference } from './fsck/difference.js';
export type { FsckRow } from './fsck/fsck.js';
export { shadowOf } from './rebuild/exchange.js';
export type { Rebuild, RebuildProgress } from './rebuild/rebuild.js';

export interface AnalyticsFiles {
  /** Of the embedded engine. */
  directory: string;
  lock: string;
  journal: string;
}

export interface OpenAnalytics {
  files: AnalyticsFiles;
  /** A server; default: embedded, in the files' directory. */
  server?: ServerPlace;
  scan: LedgerScan;
  clock: Clock;
  /** How long to wait for another process, in ms. */
  waitMs: number;
  database?: string;
  /** Whose facts these are: tables of another ledger are refused. */
  ledgerId?: string;
  /** Another process fills these tables: nothing is migrated, written or repaired here. */
  reads?: boolean;
  /** Neither migrated nor checked: to look at what is there, or to build it again. */
  asItIs?: boolean;
  /** For a rebuild: files over which the embedded engine does not even start are dropped; it then starts with none. */
  heals?: boolean;
}

/** ClickHouse beside one ledger, opened by one process: what is asked, and the writer that fills it. */
export class Analytics {
  private writing: Promise<unknown> = Promise.resolve();
  private known: bigint | undefined;
  private writer: AnalyticsWriter;
  private reading: Promise<Reader> | undefined;

  private constructor(
    readonly engine: AnalyticsEngine,
    readonly journal: BatchJournal,
    private readonly lock: DirectoryLock,
    private readonly options: OpenAnalytics,
  ) {
    this.writer = this.newWriter();
  }

  /** Whether anything was ever written there: what only reads makes nothing. */
  static isThere({ journal }: AnalyticsFiles): boolean {
    return existsSync(journal);
  }

  /**
   * An exchange of tables that was begun is finished first.
   * @throws AnalyticsBusy, AnalyticsUnavailable, EditedMigration, NewerSchema, OtherLedger, LedgerReplaced, JournalLost,
   * AnalyticsDamaged, DiskFull …
   */
  static async open(options: OpenAnalytics): Promise<Analytics> {
    const { files, server, scan, waitMs, database, ledgerId, asItIs, heals } = options;
    const lock = await DirectoryLock.take(files.lock, 'write', waitMs);
    if (lock === undefined) throw new AnalyticsBusy(files.directory, waitMs);
    let engine: AnalyticsEngine | undefined;
    let journal: BatchJournal | undefined;
    try {
      const place = server ?? { path: files.directory };
      let isEmpty = false;
      engine = await AnalyticsEngine.open(place, database).catch((error: unknown) => {
        if (heals !== true || server !== undefined || !(error instanceof AnalyticsDamaged)) throw error;
        storing(files.directory, () => rmSync(files.directory, { recursive: true, force: true }));
        isEmpty = true;
        return AnalyticsEngine.open(place, database);
      });
      journal = BatchJournal.open(files.journal, `${server?.url ?? 'embedded'} ${engine.database}`);
      if (isEmpty) journal.forget();
      if (options.reads === true) {
        const { pending } = await planMigrations(engine);
        if (pending.length > 0) throw new NotFilledYet(engine.where, pending);
        await refuseOtherLedger(engine, ledgerId);
        return new Analytics(engine, journal, lock, options);
      }
      await finishExchange(engine, journal);
      if (asItIs !== true) {
        await migrate(engine);
        await checkOrigin(engine, scan, journal, ledgerId);
        await checkWhole(engine);
      }
      return new Analytics(engine, journal, lock, options);
    } catch (error) {
      await engine?.close();
      journal?.close();
      lock.release();
      throw error;
    }
  }

  /** The last ledger position that every table has. */
  async reached(): Promise<bigint> {
    if (this.options.reads === true) return this.writer.reached();
    return (this.known ??= await this.writer.reached());
  }

  /** The ledger's last position. */
  head(): bigint {
    return this.options.scan.head();
  }

  /**
   * Writes what is new in the ledger. One call at a time; a further one waits for its turn. Tables that were opened as
   * they are must prove to be this ledger's first.
   */
  async catchUp(options: CatchUp = {}): Promise<Progress> {
    if (this.options.reads === true) return { reached: await this.reached(), head: this.head(), facts: 0 };
    return this.exclusively(async () => {
      const { scan, ledgerId, asItIs } = this.options;
      if (asItIs === true) {
        await migrate(this.engine);
        await checkOrigin(this.engine, scan, this.journal, ledgerId);
      }
      const onProgress = (progress: Progress): void => {
        this.known = progress.reached;
        options.onProgress?.(progress);
      };
      const progress = await this.writer.catchUp({ ...options, onProgress });
      this.known = progress.reached;
      return progress;
    });
  }

  /** Builds all tables again from the ledger, while the old ones answer; then they are exchanged. */
  async rebuild(options: Rebuild = {}): Promise<RebuildProgress> {
    this.refuseIfReading('a rebuild');
    const { engine: live, journal } = this;
    const { scan, clock, ledgerId } = this.options;
    const exclusively = <T>(operation: () => Promise<T>): Promise<T> =>
      this.exclusively(async () => {
        try {
          return await operation();
        } finally {
          this.known = undefined;
          this.writer = this.newWriter();
        }
      });
    return rebuild({ live, journal, scan, clock, ledgerId, exclusively }, options);
  }

  /**
   * Compares the tables with the ledger, up to what they have reached; nothing is written meanwhile.
   * @throws OtherLedger, EditedMigration, NewerSchema; other reasons not to answer are differences.
   */
  async *fsck(from = 0): AsyncGenerator<FsckRow> {
    this.refuseIfReading('a check');
    const { engine, journal } = this;
    const { scan, ledgerId } = this.options;
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    await new Promise<void>((held) => {
      void this.exclusively(async () => {
        held();
        await released;
      });
    });
    try {
      await migrate(engine);
      const difference = await originDifference(engine, scan, journal, ledgerId);
      if (difference !== undefined) yield { kind: 'difference', difference };
      yield* fsck({ engine, scan, journal, writer: this.newWriter() }, from);
    } catch (error) {
      if (!(error instanceof AnalyticsDamaged)) throw error;
      yield { kind: 'difference', difference: unreadable(error) };
    } finally {
      release();
    }
  }

  /** Repairs in place what can be, see `repair`; gives for how many differences that was tried. */
  async repair(differences: readonly Difference[], onProgress?: (done: number, of: number) => void): Promise<number> {
    this.refuseIfReading('a repair');
    const { engine, journal } = this;
    const { scan } = this.options;
    this.known = undefined;
    return this.exclusively(() => repair({ engine, scan, journal, writer: this.newWriter() }, differences, onProgress));
  }

  /** Runs something while nothing is written. */
  exclusively<T>(operation: () => Promise<T>): Promise<T> {
    const run = this.writing.then(operation);
    this.writing = run.catch(() => undefined);
    return run;
  }

  /** Where people's questions are read, beside the writer; made when it is first asked for. */
  reader(): Promise<Reader> {
    return (this.reading ??= Reader.beside(this.engine));
  }

  async close(): Promise<void> {
    await this.writing;
    await (await this.reading)?.close();
    await this.engine.close();
    this.journal.close();
    this.lock.release();
  }

  private refuseIfReading(what: string): void {
    if (this.options.reads === true) throw new FilledElsewhere(this.engine.where, what);
  }

  private newWriter(): AnalyticsWriter {
    const { scan, clock } = this.options;
    return new AnalyticsWriter(this.engine, scan, this.journal, clock);
  }
}
