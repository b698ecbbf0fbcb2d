import Database from 'better-sqlite3';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { NoDataDirectory } from './directory-errors.js';
import type { Access } from './directory-lock.js';
import { CorruptFile, NewerFormat, storing } from './storage-errors.js';

/** What one kind of SQLite file of ours is. */
export interface SqliteKind {
  /** Marks the file as ours and of this kind, against a wrong path: PRAGMA application_id. */
  applicationId: number;
  /** PRAGMA user_version; a file with a higher one is refused. */
  version: number;
  /** The statements that make its tables. */
  tables: string;
}

export interface OpenSqlite {
  access: Access;
  /** How long SQLite waits for another program's lock on the file, in ms (2,000). */
  busyMs?: number;
  /** It was made before: a missing or empty file is a loss to be told, not a first use. */
  mustExist?: boolean;
  /** A cap on the size of the file, in pages of 4 KiB; beyond it writes fail with DiskFull. */
  maxPages?: number;
}

/**
 * Opens a SQLite file of ours: made on first use by a writer, write-ahead log, a sync to disk at every commit.
 * @throws NewerFormat, CorruptFile, NotWritable, FileBusy, DiskFull, NoDataDirectory (a reader, and no file yet)
 */
export function openSqlite(file: string, kind: SqliteKind, options: OpenSqlite): Database.Database {
  const timeout = options.busyMs ?? 2000;
  return storing(file, () => {
    // Looked at without writing first: a file that is refused stays as it is, its write-ahead log included.
    const isNew = !existsSync(file) || isEmpty(new Database(file, { readonly: true, timeout }), kind);
    if (isNew && options.mustExist === true)
      throw new CorruptFile(file, 'it is missing or empty, and it was there before');
    if (isNew && options.access === 'read') throw new NoDataDirectory(dirname(file));
    const database = new Database(file, { readonly: options.access === 'read', timeout });
    try {
      if (options.access === 'write') prepareForWriting(database, kind, options.maxPages);
      return database;
    } catch (error) {
      database.close();
      throw error;
    }
  });
}

/** True for a file without tables; refuses one of a newer release and one of something else. Closes the database. */
function isEmpty(database: Database.Database, kind: SqliteKind): boolean {
  try {
    const version = Number(database.pragma('user_version', { simple: true }));
    const application = Number(database.pragma('application_id', { simple: true }));
    if (application === 0 && version === 0 && countTables(database) === 0) return true;
    if (application !== kind.applicationId) throw new CorruptFile(database.name, 'it is a database of something else');
    if (version > kind.version) throw new NewerFormat(database.name, version, kind.version);
    return false;
  } finally {
    database.close();
  }
}

function prepareForWriting(database: Database.Database, kind: SqliteKind, maxPages: number | undefined): void {
  database.pragma('journal_mode = WAL');
  // FULL syncs the log at every commit: what is acknowledged survives a power cut, not only a crash.
  database.pragma('synchronous = FULL');
  if (maxPages !== undefined) database.pragma(`max_page_count = ${maxPages}`);
  const makeTables = database.transaction(() => {
    if (countTables(database) > 0) return;
    database.exec(kind.tables);
    database.pragma(`application_id = ${kind.applicationId}`);
    database.pragma(`user_version = ${kind.version}`);
  });
  makeTables.immediate();
}

function countTables(database: Database.Database): number {
  return database.prepare<[], number>('SELECT count(*) FROM sqlite_master').pluck().get() ?? 0;
}
