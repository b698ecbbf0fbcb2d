import type Database from 'better-sqlite3';
import { openSqlite, storing, type OpenSqlite, type SqliteKind } from '#platform';
import type { DeadLetter } from './prepared.js';

export interface StoredDeadLetter extends DeadLetter {
  firstAt: number;
  lastAt: number;
  /** How often the same bytes came. */
  times: number;
  redrivenAt?: number;
}

const DEAD_LETTERS_FILE: SqliteKind = {
  applicationId: 0x5461646c,
  version: 1,
  tables: `CREATE TABLE letters (id TEXT PRIMARY KEY, tenant TEXT NOT NULL, first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL, times INTEGER NOT NULL, redriven_at INTEGER, letter TEXT NOT NULL) WITHOUT ROWID`,
};

/** Letters that are read at a time. */
const PAGE = 500;

/** Refused records, durable before they are reported. The same bytes are one dead letter, however often they come. */
export class DeadLetters {
  private readonly db: Database.Database;

  constructor(
    private readonly path: string,
    private readonly clock: () => number,
    options: Pick<OpenSqlite, 'access' | 'mustExist'> = { access: 'write' },
  ) {
    this.db = openSqlite(path, DEAD_LETTERS_FILE, options);
  }

  /** Adds letters in one durable transaction. */
  add(letters: readonly DeadLetter[]): void {
    if (letters.length === 0) return;
    const now = this.clock();
    const insert = this.db.prepare(
      `INSERT INTO letters (id, tenant, first_at, last_at, times, letter) VALUES (?, ?, ?, ?, 1, ?)
       ON CONFLICT (id) DO UPDATE SET last_at = excluded.last_at, times = times + 1`,
    );
    storing(this.path, () =>
      this.db.transaction(() => {
        for (const letter of letters) insert.run(letter.id, letter.tenant, now, now, JSON.stringify(letter));
      })(),
    );
  }

  /** In order of id, read in pages: a statement that stays open while its reader is slow would keep `add` out. */
  *list(tenant: string, after = ''): Iterable<StoredDeadLetter> {
    const page = this.db.prepare<[string, string, number], Row>(
      'SELECT * FROM letters WHERE tenant = ? AND id > ? ORDER BY id LIMIT ?',
    );
    for (let rows = page.all(tenant, after, PAGE); rows.length > 0; rows = page.all(tenant, rows.at(-1)!.id, PAGE)) {
      for (const row of rows) yield fromRow(row);
      if (rows.length < PAGE) return;
    }
  }

  get(tenant: string, id: string): StoredDeadLetter | undefined {
    const row = this.db
      .prepare<[string, string], Row>('SELECT * FROM letters WHERE tenant = ? AND id = ?')
      .get(tenant, id);
    return row === undefined ? undefined : fromRow(row);
  }

  count(tenant: string): number {
    return this.db
      .prepare<[string], { n: number }>('SELECT count(*) n FROM letters WHERE tenant = ? AND redriven_at IS NULL')
      .get(tenant)!.n;
  }

  markRedriven(id: string): void {
    storing(this.path, () => this.db.prepare('UPDATE letters SET redriven_at = ? WHERE id = ?').run(this.clock(), id));
  }

  async backupTo(path: string): Promise<void> {
    await this.db.backup(path);
  }

  close(): void {
    this.db.close();
  }
}

interface Row {
  id: string;
  first_at: number;
  last_at: number;
  times: number;
  redriven_at: number | null;
  letter: string;
}

function fromRow(row: Row): StoredDeadLetter {
  const letter = JSON.parse(row.letter) as DeadLetter;
  const out: StoredDeadLetter = { ...letter, firstAt: row.first_at, lastAt: row.last_at, times: row.times };
  if (row.redriven_at !== null) out.redrivenAt = row.redriven_at;
  return out;
}
