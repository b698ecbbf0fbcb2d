import Database from 'better-sqlite3';

/** Rows put in at a time: each is one bound statement, the transaction bounds the journal. */
const BATCH = 10_000;

/**
 * Sorts texts by key without holding them in memory: SQLite's sorter, in a temporary database that goes with its
 * connection. Reading streams in the order in which they were made and sorting what comes of it is several times
 * faster than reading them in order of name.
 */
export class SortedRows {
  private readonly db = new Database('');
  private readonly insert: Database.Statement<[string, string]>;
  private waiting: [string, string][] = [];

  constructor() {
    this.db.pragma('journal_mode = OFF');
    this.db.pragma('synchronous = OFF');
    this.db.pragma('cache_size = -65536');
    this.db.exec('CREATE TABLE lines (key TEXT NOT NULL, line TEXT NOT NULL)');
    this.insert = this.db.prepare('INSERT INTO lines VALUES (?, ?)');
  }

  add(key: string, line: string): void {
    this.waiting.push([key, line]);
    if (this.waiting.length >= BATCH) this.flush();
  }

  private flush(): void {
    this.db.transaction(() => {
      for (const [key, line] of this.waiting) this.insert.run(key, line);
    })();
    this.waiting = [];
  }

  /** The lines in order of their keys (bytes); afterwards nothing is left. */
  *drain(): Generator<string> {
    this.flush();
    try {
      yield* this.db.prepare<[], string>('SELECT line FROM lines ORDER BY key').pluck().iterate();
    } finally {
      this.close();
    }
  }

  close(): void {
    this.db.close();
  }
}
