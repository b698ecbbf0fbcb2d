import type { AnalyticsEngine, QueryParams } from '../engine.js';
import { unmarkedJson } from '../writer/tsv.js';
import { limitReached, settingsOf, type Limits } from './limits.js';
import type { CompactAnswer } from './rows.js';

/**
 * Where questions are read, one at a time. In the embedded engine a connection of its own beside the writer's: a read
 * that is stopped half-way leaves the beginning of its answer to whoever asks next on that connection.
 */
export class Reader {
  private turn: Promise<unknown> = Promise.resolve();

  private constructor(readonly engine: AnalyticsEngine) {}

  static async beside(engine: AnalyticsEngine): Promise<Reader> {
    return new Reader(await engine.beside());
  }

  /** Runs a statement that only reads, within limits. @throws QueryLimit, QueryFailed */
  read(
    statement: string,
    limits: Limits,
    params: QueryParams = {},
    settings = settingsOf(limits),
  ): Promise<CompactAnswer> {
    return this.inTurn(async () => {
      try {
        // On a line of its own: a statement may end with a comment.
        const text = await this.engine.text(`${statement}\n`, 'JSONCompact', params, settings);
        return JSON.parse(unmarkedJson(text)) as CompactAnswer;
      } catch (error) {
        // Takes what the stopped answer left behind.
        if (this.engine.isEmbedded) await this.engine.text('SELECT 1', 'TabSeparated').catch(() => undefined);
        throw limitReached(error, limits) ?? error;
      }
    });
  }

  async close(): Promise<void> {
    await this.turn;
    await this.engine.close();
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.turn.then(work);
    this.turn = result.catch(() => undefined);
    return result;
  }
}
