import type Database from 'better-sqlite3';
import { openSqlite, storing, type Access } from '#platform';
import type { Bounds } from './batch.js';

const KIND = {
  applicationId: 0x54414c41,
  version: 1,
  tables: `
    CREATE TABLE pending (place TEXT PRIMARY KEY, start INTEGER NOT NULL, end INTEGER NOT NULL) STRICT;
  `,
};

/**
 * The bounds of the batch that is being inserted, on disk before its first row is: after a crash the same batch is
 * inserted again, never cut anew (MODEL §9.2).
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

  pending(): Bounds | undefined {
    return this.database.prepare<[string], Bounds>('SELECT start, end FROM pending WHERE place = ?').get(this.place);
  }

  begin({ start, end }: Bounds): void {
    storing(this.file, () =>
      this.database
        .prepare(
          'INSERT INTO pending VALUES (?, ?, ?) ON CONFLICT (place) DO UPDATE SET start = excluded.start, end = excluded.end',
        )
        .run(this.place, start, end),
    );
  }

  done(): void {
    storing(this.file, () => this.database.prepare('DELETE FROM pending WHERE place = ?').run(this.place));
  }

  close(): void {
    this.database.close();
  }
}
