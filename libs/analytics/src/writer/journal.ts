import type Database from 'better-sqlite3';
import { openSqlite, storing, type Access } from '#platform';
import type { Bounds } from './batch.js';

const KIND = {
  applicationId: 0x54414c41,
  version: 1,
  tables: `
    CREATE TABLE journal (id TEXT NOT NULL, attempt INTEGER NOT NULL) STRICT;
    INSERT INTO journal VALUES (lower(hex(randomblob(16))), 0);
    CREATE TABLE pending (place TEXT PRIMARY KEY, start INTEGER NOT NULL, end INTEGER NOT NULL, tail TEXT NOT NULL) STRICT;
    CREATE TABLE repairs (place TEXT PRIMARY KEY) STRICT;
    CREATE TABLE exchanges (place TEXT PRIMARY KEY, plan TEXT NOT NULL) STRICT;
  `,
};

/** Bounds, and what tells the last event of the batch from any other one. */
export type Begun = Bounds & { tail: string };

/** Tables and views that a rebuild puts in place of the old ones, on disk before the first of them is. */
export interface ExchangePlan {
  /** Table → the UUID of the one that was built; a table that has it is in place. */
  tables: Record<string, string>;
  /** View → its statement, in the database that answers. */
  views: Record<string, string>;
  /** Everything is in place: only what was built beside it has to go. */
  done: boolean;
}

/**
 * The bounds of the batch that is being inserted, on disk before its first row is: after a crash the same batch is
 * inserted again, never cut anew (MODEL §9.2). Beside it, how far a rebuild is.
 */
export class BatchJournal {
  private constructor(
    private readonly file: string,
    private readonly database: Database.Database,
    /** Which database of which engine: a rebuild has a journal of its own. */
    private readonly place: string,
  ) {}

  static open(file: string, place: string, access: Access = 'write'): BatchJournal {
    return new BatchJournal(file, openSqlite(file, KIND, { access }), place);
  }

  /** The same file, for the database that a rebuild fills. Closing either closes both. */
  shadow(): BatchJournal {
    return new BatchJournal(this.file, this.database, `${this.place} next`);
  }

  /** Tells this file from one that was made when it was lost. 32 hex digits. */
  id(): string {
    return this.database.prepare<[], string>('SELECT id FROM journal').pluck().get()!;
  }

  pending(): Begun | undefined {
    return this.database
      .prepare<[string], Begun>('SELECT start, end, tail FROM pending WHERE place = ?')
      .get(this.place);
  }

  begin({ start, end, tail = '' }: Bounds & { tail?: string }): void {
    storing(this.file, () =>
      this.database
        .prepare(
          `INSERT INTO pending VALUES (?, ?, ?, ?) ON CONFLICT (place)
           DO UPDATE SET start = excluded.start, end = excluded.end, tail = excluded.tail`,
        )
        .run(this.place, start, end, tail),
    );
  }

  done(): void {
    storing(this.file, () => this.database.prepare('DELETE FROM pending WHERE place = ?').run(this.place));
  }

  /** How often tokens were used up by inserts that did not last; part of all tokens after that. */
  attempt(): number {
    return this.database.prepare<[], number>('SELECT attempt FROM journal').pluck().get()!;
  }

  /** From now on other tokens: those that were given are remembered for rows that are not there any more. */
  nextAttempt(): void {
    storing(this.file, () => this.database.prepare('UPDATE journal SET attempt = attempt + 1').run());
  }

  /** Whether a repair was broken off: rows may be gone that were to be written again. */
  isRepairing(): boolean {
    const row = this.database.prepare<[string], number>('SELECT 1 FROM repairs WHERE place = ?').pluck();
    return row.get(this.place) !== undefined;
  }

  setRepairing(isRepairing: boolean): void {
    const sql = isRepairing ? 'INSERT OR IGNORE INTO repairs VALUES (?)' : 'DELETE FROM repairs WHERE place = ?';
    storing(this.file, () => this.database.prepare(sql).run(this.place));
  }

  exchange(): ExchangePlan | undefined {
    const text = this.database.prepare<[string], string>('SELECT plan FROM exchanges WHERE place = ?').pluck();
    const plan = text.get(this.place);
    return plan === undefined ? undefined : (JSON.parse(plan) as ExchangePlan);
  }

  /** Undefined: it is over. */
  setExchange(plan: ExchangePlan | undefined): void {
    storing(this.file, () => {
      if (plan === undefined) this.database.prepare('DELETE FROM exchanges WHERE place = ?').run(this.place);
      else
        this.database
          .prepare('INSERT INTO exchanges VALUES (?, ?) ON CONFLICT (place) DO UPDATE SET plan = excluded.plan')
          .run(this.place, JSON.stringify(plan));
    });
  }

  /** The tables are gone, and those of a rebuild: nothing of them is under way any more. */
  forget(): void {
    this.done();
    this.shadow().done();
    this.setRepairing(false);
    this.setExchange(undefined);
  }

  close(): void {
    this.database.close();
  }
}
