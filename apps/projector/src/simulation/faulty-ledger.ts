import { TallyError } from '#platform';
import {
  WrongExpectedRevision,
  type AppendOutcome,
  type AppendResult,
  type ExpectedRevision,
  type Ledger,
  type NewEvent,
  type StreamAppend,
} from '#ledger';

/** The ledger did not answer: whether it did what was asked is unknown. */
export class LedgerSilent extends TallyError {
  readonly code = 'TALLY_LEDGER_SILENT';
  constructor() {
    super('the ledger did not answer', { retry: true, remedy: 'Ask again.' });
  }
}

export interface LedgerFaults {
  /** True once in a while. */
  chance(of: number): boolean;
  random(): number;
  sleep(ms: number): Promise<void>;
  /** False once the process that asks was killed: it gets no answer any more. */
  isAlive(): boolean;
  /** Work that goes on without anybody waiting for it: a write that is still on its way. */
  leave(work: Promise<unknown>): void;
  /** Called for each append that wrote something. */
  onWritten(append: StreamAppend): void;
  /** Planted: a revision that does not fit is taken all the same. */
  acceptsStale?: boolean;
}

/**
 * The embedded ledger behind a network that is slow, breaks off, and delivers late: appends are not atomic across
 * streams, fail before, in the middle of and after the writing, and some are written long after their caller gave up.
 */
export class FaultyLedger implements Ledger {
  constructor(
    private readonly inner: Ledger,
    private readonly faults: LedgerFaults,
  ) {}

  async append(stream: string, events: readonly NewEvent[], expected: ExpectedRevision): Promise<AppendResult> {
    const [outcome] = await this.appendMany([{ stream, events, expected }]);
    if (outcome?.ok !== true) throw new WrongExpectedRevision(stream, expected, outcome?.actual);
    return outcome;
  }

  async appendMany(appends: readonly StreamAppend[]): Promise<AppendOutcome[]> {
    const { faults } = this;
    await this.delay();
    if (faults.chance(0.04)) throw new LedgerSilent();
    if (faults.chance(0.04)) {
      const some = appends.filter(() => faults.random() < 0.7);
      faults.leave(faults.sleep(faults.random() * 6000).then(() => this.write(some)));
      throw new LedgerSilent();
    }
    const outcomes: AppendOutcome[] = [];
    for (let at = 0; at < appends.length;) {
      const until = at + 1 + Math.floor(faults.random() * appends.length);
      outcomes.push(...(await this.write(appends.slice(at, until))));
      at = until;
      if (at < appends.length) {
        await this.delay();
        if (faults.chance(0.03)) throw new LedgerSilent();
      }
    }
    await this.delay();
    if (faults.chance(0.04)) throw new LedgerSilent();
    return outcomes;
  }

  async *readStream(...args: Parameters<Ledger['readStream']>): ReturnType<Ledger['readStream']> {
    yield* this.breaking(this.inner.readStream(...args));
  }

  async *readAll(...args: Parameters<Ledger['readAll']>): ReturnType<Ledger['readAll']> {
    yield* this.breaking(this.inner.readAll(...args));
  }

  subscribeAll(...args: Parameters<Ledger['subscribeAll']>): ReturnType<Ledger['subscribeAll']> {
    return this.inner.subscribeAll(...args);
  }

  async revisionsOf(streams: readonly string[]): Promise<(bigint | undefined)[]> {
    await this.delay();
    return this.inner.revisionsOf(streams);
  }

  async head(): Promise<bigint> {
    await this.delay();
    return this.inner.head();
  }

  async close(): Promise<void> {
    // The ledger outlives those who ask it.
  }

  private async write(appends: readonly StreamAppend[]): Promise<AppendOutcome[]> {
    const outcomes = await this.inner.appendMany(appends);
    const refused: StreamAppend[] = [];
    outcomes.forEach((outcome, i) => {
      if (!outcome.ok) refused.push(appends[i]!);
      else if (outcome.written) this.faults.onWritten(appends[i]!);
    });
    if (this.faults.acceptsStale !== true || refused.length === 0) return outcomes;
    for (const { stream, events } of refused) {
      const [revision] = await this.inner.revisionsOf([stream]);
      await this.inner.append(stream, events, revision ?? 'no_stream');
      this.faults.onWritten({ stream, events, expected: 'any' });
    }
    return outcomes.map((outcome) => (outcome.ok ? outcome : { ok: true, revision: 0n, position: 0n, written: true }));
  }

  private async *breaking<T>(events: AsyncIterable<T>): AsyncIterable<T> {
    await this.delay();
    for await (const event of events) {
      if (this.faults.chance(0.002)) throw new LedgerSilent();
      yield event;
    }
  }

  /** A process that was killed waits here for ever. */
  private async delay(): Promise<void> {
    const { faults } = this;
    if (faults.chance(0.3)) await faults.sleep(faults.random() * (faults.chance(0.05) ? 8000 : 20));
    if (!faults.isAlive()) await new Promise(() => undefined);
  }
}
