import type Database from 'better-sqlite3';
import { unpackEventId } from '../event-id.js';
import { RecentMap } from '#platform';

/** EventStoreDB remembers 8 MiB of commits; this is about as many events. */
const REMEMBERED = 32_768;

/**
 * Where recent events stand, by id; for `any` and `stream_exists` alone. It is read from the file when it is asked,
 * so appends at exact revisions pay nothing for it, and it survives a restart. An id written to two streams is
 * remembered for the later one only, as in EventStoreDB.
 */
export class RecentIds {
  #places = new RecentMap<string, { stream: number; revision: number }>(REMEMBERED);
  #readTo = 0;
  readonly #after: Database.Statement<[number], { position: number; stream: number; revision: number; id: Buffer }>;

  constructor(database: Database.Database) {
    this.#after = database.prepare(
      'SELECT position, stream, revision, id FROM events WHERE position > ? ORDER BY position',
    );
  }

  /** @param head position of the last event, one of this transaction included */
  find(stream: number, id: string, head: number): number | undefined {
    for (const row of this.#readTo < head ? this.#after.all(Math.max(this.#readTo, head - REMEMBERED)) : []) {
      this.#places.set(unpackEventId(row.id), { stream: row.stream, revision: row.revision });
      this.#readTo = row.position;
    }
    const place = this.#places.get(id.toLowerCase());
    return place?.stream === stream ? place.revision : undefined;
  }

  forget(): void {
    this.#places.clear();
    this.#readTo = 0;
  }
}
