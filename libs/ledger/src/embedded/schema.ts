import Database from 'better-sqlite3';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { CorruptFile, NewerFormat, NoDataDirectory, storing } from '#platform';

export const SCHEMA_VERSION = 1;
/** `Taly`: marks the file as ours for `file(1)` and against a wrong path. */
const APPLICATION_ID = 0x54616c79;

/**
 * Integer stream ids keep rows and the index small: text keys cost half of the append rate. Metadata stands before
 * data, so that a read of it does not follow overflow pages; the partial index holds only events that have some.
 */
const TABLES = `
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
  CREATE INDEX events_with_metadata ON events (position) WHERE metadata IS NOT NULL;
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

export interface OpenLedgerFile {
  access: 'read' | 'write';
  /** How long SQLite waits for another program's lock on the file, in ms (2,000). */
  busyMs?: number;
  /** A cap on the size of the file, in pages of 4 KiB; beyond it appends fail with DiskFull. */
  maxPages?: number;
}

/** Opens a ledger file, makes it if it is new and `access` is `write`, and sets what durability and speed need. */
export function openLedgerFile(file: string, options: OpenLedgerFile): Database.Database {
  const timeout = options.busyMs ?? 2000;
  return storing(file, () => {
    // Looked at without writing first: a file that is refused stays as it is, its write-ahead log included.
    const isNew =
      !existsSync(file) || using(new Database(file, { readonly: true, timeout }), (it) => isEmpty(it, file));
    if (isNew && options.access === 'read') throw new NoDataDirectory(dirname(file));
    const database = new Database(file, { readonly: options.access === 'read', timeout });
    try {
      if (options.access === 'write') prepareForWriting(database, options.maxPages);
      // 64 MiB of pages, for the upper levels of the indexes.
      database.pragma('cache_size = -65536');
      return database;
    } catch (error) {
      database.close();
      throw error;
    }
  });
}

function using<T>(database: Database.Database, look: (database: Database.Database) => T): T {
  try {
    return look(database);
  } finally {
    database.close();
  }
}

/** True for a file without tables; refuses one of a newer release and one of something else. */
function isEmpty(database: Database.Database, file: string): boolean {
  const version = Number(database.pragma('user_version', { simple: true }));
  const application = Number(database.pragma('application_id', { simple: true }));
  if (application === 0 && version === 0) {
    const tables = database.prepare<[], number>('SELECT count(*) FROM sqlite_master').pluck().get();
    if (tables === 0) return true;
  }
  if (application !== APPLICATION_ID) throw new CorruptFile(file, 'it is a database of something else');
  if (version > SCHEMA_VERSION) throw new NewerFormat(file, version, SCHEMA_VERSION);
  return false;
}

function prepareForWriting(database: Database.Database, maxPages: number | undefined): void {
  database.pragma('journal_mode = WAL');
  // FULL syncs the log at every commit: what is acknowledged survives a power cut, not only a crash.
  database.pragma('synchronous = FULL');
  // Fewer, larger checkpoints: 1.15 times the append rate of SQLite's 1,000 pages.
  database.pragma('wal_autocheckpoint = 16000');
  if (maxPages !== undefined) database.pragma(`max_page_count = ${maxPages}`);
  database
    .transaction(() => {
      const tables = database.prepare<[], number>('SELECT count(*) FROM sqlite_master').pluck().get();
      if (tables === 0) database.exec(TABLES);
    })
    .immediate();
}
