import { TallyError } from '#platform';
import type { AnalyticsEngine } from '#analytics';

/** ClickHouse did not answer: whether it did what was asked is unknown. */
export class EngineSilent extends TallyError {
  readonly code = 'TALLY_ENGINE_SILENT';
  constructor() {
    super('ClickHouse did not answer', { retry: true, remedy: 'Ask again.' });
  }
}

/** Faults of the program itself between writer and ClickHouse, planted to show that the simulation sees them. */
export const ENGINE_PLANTS = ['lost deduplication token', 'batch told before its facts'] as const;
export type EnginePlant = (typeof ENGINE_PLANTS)[number];

export interface EngineFaults {
  /** True once in a while. */
  chance(of: number): boolean;
  /** Called before each statement: what happens meanwhile. */
  meanwhile(): Promise<void>;
  /** Called after each insert that was executed. */
  onWritten(table: string): Promise<void>;
  onLate(): void;
}

/** A process that asks the engine, until it dies. */
export interface Asker {
  isAlive: boolean;
  die(): undefined;
}

/**
 * The engine behind a network that breaks off and delivers late. Statements come to it one after another, in the order
 * in which they were sent, whichever process sent them: else two runs of a seed would not be the same.
 */
export class FaultyEngine {
  private line: Promise<void> = Promise.resolve();
  /** Inserts that are still on their way, though their sender gave up or died. */
  private readonly late: (() => Promise<void>)[] = [];
  private tokens = 0;

  constructor(
    private readonly faults: EngineFaults,
    private readonly plant: EnginePlant | undefined,
  ) {}

  /** @param engine of this process alone: its methods are replaced. */
  over(engine: AnalyticsEngine, asker: Asker): AnalyticsEngine {
    const { rows, text, insert } = engine;
    engine.rows = <T>(...args: Parameters<AnalyticsEngine['rows']>) =>
      this.send(asker, () => rows.apply(engine, args) as Promise<T[]>);
    engine.text = (...args) => this.send(asker, () => text.apply(engine, args));
    engine.insert = (...args) => this.send(asker, () => insert.apply(engine, args), args[0]);
    // A server tells of a write that fails: only of the embedded engine are the files looked at.
    engine.checkFiles = () => Promise.resolve();
    if (this.plant === 'lost deduplication token') this.loseTokens(engine);
    if (this.plant === 'batch told before its facts') this.tellBefore(engine);
    return engine;
  }

  /** What is still on its way arrives. */
  async settle(): Promise<void> {
    await this.line;
    for (let next = this.late.shift(); next !== undefined; next = this.late.shift()) await next();
  }

  /** @param into table of an insert */
  private send<T>(asker: Asker, execute: () => Promise<T>, into?: string): Promise<T> {
    const execution = async (): Promise<T> => {
      const value = await execute();
      if (into !== undefined) await this.faults.onWritten(into);
      return value;
    };
    return new Promise((resolve, reject) => {
      this.line = this.line.then(async () => {
        try {
          const answer = await this.turn(asker, execution, into !== undefined);
          if (answer !== undefined) resolve(answer.value);
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  /** One statement; who died gets no answer. @throws EngineSilent, Violation, and what the engine itself throws */
  private async turn<T>(
    asker: Asker,
    execution: () => Promise<T>,
    isInsert: boolean,
  ): Promise<{ value: T } | undefined> {
    const { faults } = this;
    if (faults.chance(0.3)) await this.late.shift()?.();
    if (!asker.isAlive) {
      // Sent before its process died: some of it had left.
      if (isInsert && faults.chance(0.5)) this.leave(execution);
      return undefined;
    }
    await faults.meanwhile();
    if (faults.chance(0.03)) return asker.die();
    if (faults.chance(0.03)) throw new EngineSilent();
    if (isInsert && faults.chance(0.06)) {
      this.leave(execution);
      throw new EngineSilent();
    }
    const value = await execution();
    if (faults.chance(0.03)) return asker.die();
    if (faults.chance(0.04)) throw new EngineSilent();
    return { value };
  }

  private leave(execution: () => Promise<unknown>): void {
    this.faults.onLate();
    this.late.push(() => execution().then(() => undefined));
  }

  private loseTokens(engine: AnalyticsEngine): void {
    const insert = engine.insert.bind(engine);
    engine.insert = (table, columns, rows, token) => insert(table, columns, rows, `${token} again ${this.tokens++}`);
  }

  private tellBefore(engine: AnalyticsEngine): void {
    const insert = engine.insert.bind(engine);
    let held: Parameters<AnalyticsEngine['insert']> | undefined;
    engine.insert = async (...args) => {
      const [table] = args;
      if (table === 'facts') held = args;
      else await insert(...args);
      if (table !== 'batches' || held === undefined) return;
      await insert(...held);
      held = undefined;
    };
  }
}
