import type Database from 'better-sqlite3';
import type { EventRow } from './stored-event.js';

/** Events read at a time: what an async reader holds in memory, and what one step of it costs the event loop. */
export const PAGE = 256;

const COLUMNS = `SELECT e.position, s.name, e.revision, t.name, e.id, e.recorded, e.metadata, e.data
  FROM events e CROSS JOIN streams s ON s.id = e.stream CROSS JOIN types t ON t.id = e.type`;

/** Pages of rows of whole events, each read at once: no statement stays open between pages, so appends are never blocked. */
export class EventPages {
  readonly #allForwards: Database.Statement<[number, number, number], EventRow>;
  readonly #allBackwards: Database.Statement<[number, number, number], EventRow>;
  readonly #streamForwards: Database.Statement<[number, number, number], EventRow>;
  readonly #streamBackwards: Database.Statement<[number, number, number], EventRow>;
  readonly #streamId: Database.Statement<[string], number>;

  constructor(database: Database.Database) {
    const prepare = <P extends unknown[]>(where: string) =>
      database.prepare<P, EventRow>(`${COLUMNS} ${where} LIMIT ?`).raw();
    this.#allForwards = prepare('WHERE e.position >= ? AND e.position <= ? ORDER BY e.position');
    this.#allBackwards = prepare('WHERE e.position <= ? AND e.position >= ? ORDER BY e.position DESC');
    this.#streamForwards = prepare('WHERE e.stream = ? AND e.revision >= ? ORDER BY e.revision');
    this.#streamBackwards = prepare('WHERE e.stream = ? AND e.revision <= ? ORDER BY e.revision DESC');
    this.#streamId = database.prepare<[string], number>('SELECT id FROM streams WHERE name = ?').pluck();
  }

  streamId(name: string): number | undefined {
    return this.#streamId.get(name);
  }

  /** Events of `$all` between two positions, both inclusive: upwards from `low`, or downwards from `high`. */
  all(direction: 'forwards' | 'backwards', low: number, high: number, count: number): EventRow[] {
    return direction === 'forwards'
      ? this.#allForwards.all(low, high, count)
      : this.#allBackwards.all(high, low, count);
  }

  /** Events of one stream from a revision, inclusive. */
  stream(direction: 'forwards' | 'backwards', streamId: number, from: number, count: number): EventRow[] {
    const statement = direction === 'forwards' ? this.#streamForwards : this.#streamBackwards;
    return statement.all(streamId, from, count);
  }
}
