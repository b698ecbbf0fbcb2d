import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLog } from '#platform';
import { EmbeddedLedger } from '#ledger';
import { Intake, PartitionLoop, SeenIndex, type LoopParts, type PartitionWork } from '#intake';
import { ModelGroup } from '../../../../libs/intake/src/kafka/testing/model-group.js';
import { seeded, VirtualTime } from '../../../../libs/intake/src/kafka/testing/virtual-time.js';
import { IntakeWork, type PreparedRecords } from '../intake-work.js';
import { FaultyLedger, LedgerSilent } from './faulty-ledger.js';
import { partitionsOf, RANGE, secrets, settingsFor, TOPIC, vault, wholeOf, type Whole } from './topic.js';
import { LedgerWatch, Violation } from './violations.js';

/** Faults of the program itself, planted to show that the simulation sees them. */
export const INTAKE_PLANTS = [
  'commit before acknowledgement',
  'cursor ahead of data',
  'stale revision accepted',
  'end of stream asked for',
] as const;
export type IntakePlant = (typeof INTAKE_PLANTS)[number];

export interface IntakeSeen {
  events: number;
  commits: number;
  crashes: number;
  rebalances: number;
  late: number;
}

const silent = createLog({ write: () => undefined });
const SEATS = 2;
/** Virtual ms within which everything is done: the faults end long before. */
const PATIENCE = 300_000;
/** Virtual ms between looks at the time. */
const LOOK = 100;

/**
 * One seeded run: projectors that die and are replaced, a group that moves on, a ledger that fails in every way, and a
 * topic that is read until all of it is committed; then once more from the start. Everything after the seed is
 * determined by it.
 * @param folder for the files of this run
 * @throws Violation as soon as a promise is broken
 */
export async function runIntake(seed: number, plant?: IntakePlant): Promise<IntakeSeen> {
  const folder = mkdtempSync(join(tmpdir(), 'tally-simulation-'));
  const random = seeded(seed);
  const time = new VirtualTime(random);
  const ledger = EmbeddedLedger.open(join(folder, 'ledger.sqlite'), { access: 'write', clock: () => time.now() });
  const run = new IntakeRun(folder, ledger, time, random, plant);
  try {
    return await time.until(run.toTheEnd());
  } finally {
    run.close();
    await ledger.close();
    rmSync(folder, { recursive: true });
  }
}

class IntakeRun {
  private readonly watch = new LedgerWatch();
  private readonly settings;
  private readonly partitions;
  private whole: Whole = { dues: [], ends: [] };
  private readonly group: ModelGroup;
  private readonly alive = new Map<string, boolean>();
  private readonly indexes: SeenIndex[] = [];
  private readonly left: Promise<unknown>[] = [];
  private readonly seen: IntakeSeen = { events: 0, commits: 0, crashes: 0, rebalances: 0, late: 0 };
  private broken: unknown;
  private calm = false;
  private born = 0;

  constructor(
    private readonly folder: string,
    private readonly ledger: EmbeddedLedger,
    private readonly time: VirtualTime,
    private readonly random: () => number,
    private readonly plant: IntakePlant | undefined,
  ) {
    this.settings = settingsFor(random() < 0.4 ? 'minute' : 'each');
    this.partitions = partitionsOf(1 + Math.floor(random() * 4), random);
    this.group = new ModelGroup(this.partitions, {
      fails: (call) => this.chance(call === 'produce' ? 0.1 : 0.03),
      onCommit: (partition, offset) => this.check(partition, offset),
      beforeFetch: () => {
        if (this.chance(0.05)) this.rebalance();
      },
    });
  }

  async toTheEnd(): Promise<IntakeSeen> {
    this.whole = await wholeOf(this.partitions, this.settings);
    const calmLater = this.time.sleep(8000).then(() => (this.calm = true));
    void this.watchProgress();
    const seats = Array.from({ length: SEATS }, () => this.seat());
    await Promise.all([...seats, calmLater]);
    await Promise.all(this.left);
    this.failIfBroken();
    // Redelivery of everything, from the first offset.
    this.group.committed.fill(0n);
    await this.seat();
    this.failIfBroken();
    this.watch.checkWhole(this.whole.dues);
    return { ...this.seen, events: this.watch.ids.size, commits: this.group.commits.length };
  }

  close(): void {
    for (const index of this.indexes) index.close();
  }

  /**
   * In small steps: while nobody else sleeps, time passes from one to the next, and whatever takes turns of the event
   * loop but no time (an index that catches up and states many conflicts) must not lose all of it at once.
   */
  private async watchProgress(): Promise<void> {
    for (let waited = 0; waited < PATIENCE; waited += LOOK) await this.time.sleep(LOOK);
    if (!this.isDone()) this.breaks(new Violation('progress', `not done after ${PATIENCE} ms: ${this.state()}`));
  }

  /** One place for a projector: when one dies, another takes it. */
  private async seat(): Promise<void> {
    while (!this.isDone()) {
      const name = `projector-${this.born++}`;
      this.alive.set(name, true);
      this.rebalance();
      const ended = await Promise.race([
        this.live(name).then(
          () => 'over' as const,
          (error: unknown) => (error instanceof LedgerSilent ? ('crashed' as const) : this.breaks(error)),
        ),
        this.chance(0.6) ? this.time.sleep(this.random() * 5000).then(() => 'killed' as const) : NEVER,
      ]);
      if (ended !== 'over') this.seen.crashes++;
      this.alive.set(name, false);
    }
  }

  private async live(name: string): Promise<void> {
    const isAlive = (): boolean => this.alive.get(name) === true;
    const file = join(this.folder, `${name}.sqlite`);
    const seen = SeenIndex.open(file);
    this.indexes.push(seen);
    if (this.plant === 'cursor ahead of data') this.runAhead(seen);
    const faulty = new FaultyLedger(this.ledger, {
      chance: (of) => this.chance(of),
      random: this.random,
      sleep: (ms) => this.time.sleep(ms),
      isAlive,
      leave: (work) => {
        this.seen.late++;
        this.left.push(work.catch(() => undefined));
      },
      onWritten: (append) => {
        try {
          this.watch.wrote(append);
        } catch (error) {
          this.breaks(error);
        }
      },
      acceptsStale: this.plant === 'stale revision accepted',
    });
    const intake = await Intake.open({
      ledger: faulty,
      seen,
      deadLetters: { add: () => undefined },
      clock: () => this.time.now(),
      futureSlack: 1e15,
      shared: this.plant !== 'end of stream asked for',
    });
    const work = new IntakeWork({
      intake,
      topics: new Map([[TOPIC, { tenant: 'default', authority: 'gateway' }]]),
      settingsOf: async () => this.settings,
      namingOf: () => ({ secrets }),
      vault,
      clock: () => 0,
      rangeSize: RANGE,
    });
    const loop = new CatchingUp(intake, {
      work: this.plant === 'commit before acknowledgement' ? hasty(work) : work,
      timing: this.time,
      log: silent,
      options: {
        subBatch: { count: 9, bytes: 100_000, ms: 200 },
        heartbeatMs: 500,
        backoff: { base: 50, max: 1000 },
        settleMs: 3000,
      },
    });
    await this.group.live(name, loop, {
      isAlive,
      isOver: () => this.isDone(),
      pause: () => this.time.sleep(20 + this.random() * 50),
      batch: () => 1 + Math.floor(this.random() * 30),
    });
  }

  private state(): string {
    const { dues, ends } = this.whole;
    const absent = dues
      .filter((due) => !this.watch.has(due))
      .map(({ event, partition, committed }) => `${event.id} of ${partition} before ${committed}`);
    return `committed ${this.group.committed.join()}, of ${ends.join()}; absent: ${absent.join('; ')}`;
  }

  private isDone(): boolean {
    if (this.broken !== undefined) return true;
    const { dues, ends } = this.whole;
    return (
      ends.every((end, partition) => this.group.committed[partition]! >= end) &&
      dues.every((due) => this.watch.has(due))
    );
  }

  /** Planted: the index says that it knows everything, and it knows its own. */
  private runAhead(seen: SeenIndex): void {
    const commit = seen.commit.bind(seen);
    // Positions of the embedded ledger are dense.
    seen.commit = () => commit(BigInt(this.watch.ids.size));
  }

  private rebalance(): void {
    const members = [...this.alive].flatMap(([name, lives]) => (lives ? [name] : []));
    this.seen.rebalances++;
    this.group.rebalance(members, this.random);
  }

  private chance(of: number): boolean {
    return !this.calm && this.random() < of;
  }

  private check(partition: number, offset: bigint): void {
    try {
      this.watch.checkCommitted(this.whole.dues, partition, offset);
    } catch (error) {
      this.breaks(error);
    }
  }

  private breaks(error: unknown): 'over' {
    this.broken ??= error;
    return 'over';
  }

  private failIfBroken(): void {
    if (this.broken !== undefined) throw this.broken;
  }
}

const NEVER = new Promise<never>(() => undefined);

/** As the projector does it: the index catches up before a partition that was taken over is read. */
class CatchingUp extends PartitionLoop<PreparedRecords> {
  constructor(
    private readonly intake: Intake,
    parts: LoopParts<PreparedRecords>,
  ) {
    super(parts);
  }

  override assigned(): void {
    super.assigned(() => this.intake.catchUp());
  }
}

/** Planted: the offset is committed while the ledger is still at work. */
function hasty(work: IntakeWork): PartitionWork<PreparedRecords> {
  return {
    prepare: (records, place) => work.prepare(records, place),
    commit: async (prepared) => {
      work.commit(prepared).catch(() => undefined);
      return { results: prepared.records.map(() => ({ kind: 'ok' as const })) };
    },
  };
}
