import type Database from 'better-sqlite3';
import { RecentMap } from '#platform';

export interface StreamHead {
  id: number;
  /** Last revision; -1 for a stream that was just made. */
  revision: number;
}

/** Streams held in memory: about 30 MB. Others cost one look-up in the file, so memory does not grow with streams. */
const CAPACITY = 100_000;

/** The id and last revision of each stream. Objects given out are the cached ones: the writer moves them on. */
export class StreamHeads {
  #recent = new RecentMap<string, StreamHead>(CAPACITY);
  readonly #find: Database.Statement<[string], StreamHead>;
  readonly #make: Database.Statement<[string]>;

  constructor(database: Database.Database) {
    this.#find = database.prepare(
      `SELECT id, coalesce((SELECT max(revision) FROM events WHERE stream = streams.id), -1) AS revision
       FROM streams WHERE name = ?`,
    );
    this.#make = database.prepare('INSERT INTO streams (name) VALUES (?) ON CONFLICT DO NOTHING');
  }

  find(name: string): StreamHead | undefined {
    const known = this.#recent.get(name);
    if (known) return known;
    const found = this.#find.get(name);
    if (found) this.#recent.set(name, found);
    return found;
  }

  /** The head of a stream, made if there is none; inside a transaction. */
  findOrMake(name: string): StreamHead {
    const known = this.#recent.get(name);
    if (known) return known;
    // Making first saves the look-up for new streams, which are most of those not in memory.
    const made = this.#make.run(name);
    if (made.changes === 0) return this.find(name) ?? { id: 0, revision: -1 };
    const head = { id: Number(made.lastInsertRowid), revision: -1 };
    this.#recent.set(name, head);
    return head;
  }

  /** After a transaction that failed, nothing in memory can be trusted. */
  forget(): void {
    this.#recent.clear();
  }
}
