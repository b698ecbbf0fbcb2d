import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AnalyticsEngine, AnalyticsWriter, BatchJournal, migrate } from '#analytics';
import { fsck } from '../../../../libs/analytics/src/fsck/fsck.js';
import { seeded } from '../../../../libs/intake/src/kafka/testing/virtual-time.js';
import { EngineSilent, FaultyEngine, type Asker, ENGINE_PLANTS } from './faulty-engine.js';
import { GrowingLedger } from './growing-ledger.js';
import { TablesWatch } from './tables-watch.js';
import { Violation } from './violations.js';

/** Faults of the program itself, planted to show that the simulation sees them. */
export const ANALYTICS_PLANTS = ['batch cut anew', ...ENGINE_PLANTS] as const;
export type AnalyticsPlant = (typeof ANALYTICS_PLANTS)[number];

export interface AnalyticsSeen {
  events: number;
  statements: number;
  crashes: number;
  silences: number;
  late: number;
}

/** Calls of a writer that never gets to the end although nothing fails any more. */
const PATIENCE = 5;

/** ClickHouse in this process, which allows one directory of it: the runs share it, each in a database of its own. */
export class AnalyticsSimulation {
  private constructor(
    private readonly root: string,
    private readonly engine: AnalyticsEngine,
  ) {}

  static async open(): Promise<AnalyticsSimulation> {
    const root = mkdtempSync(join(tmpdir(), 'tally-simulation-'));
    return new AnalyticsSimulation(root, await AnalyticsEngine.open({ path: join(root, 'clickhouse') }));
  }

  /**
   * One seeded run: a ledger that grows, and writers that die and are replaced over a ClickHouse that fails in every
   * way, until all of the ledger is there. Everything after the seed is determined by it.
   * @throws Violation as soon as a promise is broken
   */
  async run(seed: number, plant?: AnalyticsPlant): Promise<AnalyticsSeen> {
    const folder = mkdtempSync(join(this.root, 'run-'));
    const engine = this.engine.over(`seed_${seed}`);
    const random = seeded(seed);
    const ledger = GrowingLedger.open(join(folder, 'ledger.sqlite'), random);
    try {
      await migrate(engine);
      // A merge would make one row of two that are there twice, at a time of its own.
      await engine.command('SYSTEM STOP MERGES {db}.facts');
      const run = new AnalyticsRun(join(folder, 'journal.sqlite'), this.engine, engine, ledger, random, plant);
      return await run.toTheEnd();
    } finally {
      await ledger.close();
      await engine.command('DROP DATABASE IF EXISTS {db} SYNC');
      rmSync(folder, { recursive: true });
    }
  }

  async close(): Promise<void> {
    await this.engine.close();
    rmSync(this.root, { recursive: true, force: true });
  }
}

class AnalyticsRun {
  private readonly watch: TablesWatch;
  private readonly faulty: FaultyEngine;
  private readonly seen: AnalyticsSeen = { events: 0, statements: 0, crashes: 0, silences: 0, late: 0 };
  /** Statements after which nothing fails any more. */
  private readonly until: number;

  constructor(
    private readonly journalFile: string,
    private readonly root: AnalyticsEngine,
    private readonly engine: AnalyticsEngine,
    private readonly ledger: GrowingLedger,
    private readonly random: () => number,
    private readonly plant: AnalyticsPlant | undefined,
  ) {
    this.watch = new TablesWatch(engine, ledger);
    this.until = 40 + Math.floor(random() * 80);
    this.faulty = new FaultyEngine(
      {
        chance: (of) => this.chance(of),
        meanwhile: async () => {
          this.seen.statements++;
          if (this.chance(0.15)) await ledger.grow();
        },
        onWritten: (table) => this.watch.wrote(table),
        onLate: () => this.seen.late++,
      },
      plant === 'batch cut anew' ? undefined : plant,
    );
  }

  async toTheEnd(): Promise<AnalyticsSeen> {
    await this.ledger.grow();
    while (!this.isCalm) await this.process();
    await this.faulty.settle();
    await this.ledger.growToEnd();
    await this.process();
    await this.checkAll();
    return { ...this.seen, events: this.ledger.length };
  }

  /** From the start of a process until it dies or is stopped. */
  private async process(): Promise<void> {
    let die = (): void => undefined;
    const died = new Promise<'died'>((resolve) => (die = () => resolve('died')));
    const asker: Asker = {
      isAlive: true,
      die: () => {
        asker.isAlive = false;
        die();
        return undefined;
      },
    };
    const journal = BatchJournal.open(this.journalFile, this.engine.database);
    if (this.plant === 'batch cut anew') journal.begin = () => undefined;
    const engine = this.faulty.over(this.root.over(this.engine.database), asker);
    // Another release cuts other batches.
    const writer = new AnalyticsWriter(
      engine,
      this.ledger.scan,
      journal,
      () => 1.8e12,
      3 + Math.floor(this.random() * 18),
    );
    try {
      if ((await Promise.race([this.live(writer), died])) === 'died') this.seen.crashes++;
    } finally {
      journal.close();
    }
  }

  /** Follows the ledger until it is stopped, or, once nothing fails any more, to the head. */
  private async live(writer: AnalyticsWriter): Promise<void> {
    for (let calls = 0; ; calls++) {
      try {
        const { reached, head } = await writer.catchUp();
        if (reached === head && (this.isCalm || this.random() < 0.3)) return;
        if (this.isCalm && calls > PATIENCE) throw new Violation('progress', `stays at ${reached} of ${head}`);
        await this.ledger.grow();
      } catch (error) {
        if (!(error instanceof EngineSilent)) throw error;
        this.seen.silences++;
      }
    }
  }

  /** Every table says what the ledger says. */
  private async checkAll(): Promise<void> {
    await this.watch.check();
    const { engine, ledger } = this;
    const journal = BatchJournal.open(this.journalFile, engine.database);
    try {
      const writer = new AnalyticsWriter(engine, ledger.scan, journal, () => 1.8e12);
      const reached = await writer.reached();
      if (reached !== ledger.scan.head()) throw new Violation('complete', `${reached} of ${ledger.scan.head()}`);
      for await (const row of fsck({ engine, scan: ledger.scan, journal, writer })) {
        if (row.kind === 'difference') throw new Violation('as the ledger says', JSON.stringify(row.difference));
      }
    } finally {
      journal.close();
    }
  }

  private get isCalm(): boolean {
    return this.seen.statements >= this.until;
  }

  private chance(of: number): boolean {
    return !this.isCalm && this.random() < of;
  }
}
