import type Database from 'better-sqlite3';
import { openSqlite, type OpenSqlite, type SqliteKind } from '#platform';

/**
 * Integer stream ids keep rows and the index small: text keys cost half of the append rate. Metadata stands before
 * data, so that a read of it does not follow overflow pages; the partial index holds only events that have some.
 *
 * `data` is text where the product wrote it, and a blob where another program did over the wire: a first byte (1
 * declared as JSON, 2 octets), then its bytes; its metadata is a blob without such a byte. What lies in `$$x` says
 * how stream `x` is shown. A tombstone has the highest revision there can be, 2^53 - 1 (see stored-event.ts).
 */
export const LEDGER_FILE: SqliteKind = {
  applicationId: 0x54616c79,
  version: 1,
  tables: `
    CREATE TABLE streams (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    CREATE TABLE types (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    CREATE TABLE events (
      position INTEGER PRIMARY KEY,
      stream INTEGER NOT NULL,
      revision INTEGER NOT NULL,
      type INTEGER NOT NULL,
      id BLOB NOT NULL,
      recorded INTEGER NOT NULL,
      metadata TEXT,
      data TEXT NOT NULL,
      UNIQUE (stream, revision)
    );
    CREATE INDEX events_with_metadata ON events (position) WHERE metadata IS NOT NULL;`,
};

/** Opens a ledger file with what its append rate needs. */
export function openLedgerFile(file: string, options: OpenSqlite): Database.Database {
  const database = openSqlite(file, LEDGER_FILE, options);
  // Fewer, larger checkpoints: 1.15 times the append rate of SQLite's 1,000 pages.
  if (options.access === 'write') database.pragma('wal_autocheckpoint = 16000');
  // 64 MiB of pages, for the upper levels of the indexes.
  database.pragma('cache_size = -65536');
  return database;
}
