import type Database from 'better-sqlite3';
import { rmSync } from 'node:fs';
import { openSqlite, type SqliteKind } from '#platform';
import { BULK_INDEXES, TenantFindings } from './tenant-findings.js';

/**
 * What the findings follower remembers from one step to the next. All of it can be computed from the ledger again:
 * `findings.sqlite` is lost without a loss. Names and ids are hex texts; instants are ms.
 */
const KIND: SqliteKind = {
  applicationId: 0x54616c66,
  version: 1,
  tables: `
    CREATE TABLE place (id INTEGER PRIMARY KEY CHECK (id = 0), cursor INTEGER NOT NULL, recorded INTEGER NOT NULL);
    INSERT INTO place VALUES (0, 0, 0);
    CREATE TABLE tenants (tenant TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE units (tenant TEXT NOT NULL, unit TEXT NOT NULL, marks TEXT NOT NULL, turn INTEGER,
      issuers TEXT NOT NULL);
    CREATE INDEX turns ON units (tenant, turn) WHERE turn IS NOT NULL;
    CREATE TABLE looks (tenant TEXT NOT NULL, at TEXT NOT NULL, unit TEXT NOT NULL);
    ${BULK_INDEXES.join('')}
    CREATE TABLE parts (tenant TEXT NOT NULL, unit TEXT NOT NULL, id TEXT NOT NULL, findings TEXT NOT NULL,
      PRIMARY KEY (tenant, unit, id)) WITHOUT ROWID;
    CREATE INDEX parts_of ON parts (tenant, id);
    CREATE TABLE asks (tenant TEXT NOT NULL, sources TEXT NOT NULL, instant INTEGER NOT NULL, unit TEXT NOT NULL,
      PRIMARY KEY (tenant, sources, instant, unit)) WITHOUT ROWID;
    CREATE INDEX asks_of ON asks (tenant, unit);
    CREATE TABLE said (tenant TEXT NOT NULL, id TEXT NOT NULL, revision INTEGER NOT NULL, finding TEXT NOT NULL,
      stands INTEGER NOT NULL, PRIMARY KEY (tenant, id)) WITHOUT ROWID;`,
};

/** How far in `$all` was judged: every fact up to the cursor is in the stored findings, every conclusion known. */
export interface Place {
  cursor: bigint;
  /** When the event at the cursor was recorded: another one there means another ledger. */
  recordedAt: number;
}

export class FindingsStore {
  private readonly tenants = new Map<string, TenantFindings>();

  private constructor(private readonly database: Database.Database) {}

  /** For the follower. A file that cannot be used is made anew. */
  static open(file: string): FindingsStore {
    try {
      return FindingsStore.tryOpen(file);
    } catch {
      for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix, { force: true });
      return FindingsStore.tryOpen(file);
    }
  }

  private static tryOpen(file: string): FindingsStore {
    const database = openSqlite(file, KIND, { access: 'write' });
    // A commit that a power cut takes back is judged again.
    database.pragma('synchronous = NORMAL');
    database.pragma('cache_size = -32768');
    return new FindingsStore(database);
  }

  /** For questions; undefined where nothing was judged yet, or what was cannot be read. */
  static openToRead(file: string): FindingsStore | undefined {
    try {
      return new FindingsStore(openSqlite(file, KIND, { access: 'read' }));
    } catch {
      return undefined;
    }
  }

  of(tenant: string): TenantFindings {
    let known = this.tenants.get(tenant);
    if (known === undefined) this.tenants.set(tenant, (known = new TenantFindings(this.database, tenant)));
    return known;
  }

  place(): Place {
    const [cursor, recordedAt] = this.database
      .prepare<[], [bigint, bigint]>('SELECT cursor, recorded FROM place')
      .raw()
      .safeIntegers()
      .get()!;
    return { cursor, recordedAt: Number(recordedAt) };
  }

  setPlace({ cursor, recordedAt }: Place): void {
    this.database.prepare<[bigint, number]>('UPDATE place SET cursor = ?, recorded = ?').run(cursor, recordedAt);
  }

  knownTenants(): string[] {
    return this.database.prepare<[], string>('SELECT tenant FROM tenants ORDER BY tenant').pluck().all();
  }

  begin(): void {
    this.database.exec('BEGIN');
  }
  commit(): void {
    this.database.exec('COMMIT');
  }
  rollback(): void {
    if (this.database.inTransaction) this.database.exec('ROLLBACK');
  }

  /** Forgets everything: another ledger lies beside it. */
  reset(): void {
    for (const table of ['tenants', 'units', 'parts', 'looks', 'asks', 'said'])
      this.database.exec(`DELETE FROM ${table}`);
    this.setPlace({ cursor: 0n, recordedAt: 0 });
  }

  close(): void {
    this.rollback();
    this.database.close();
  }
}
