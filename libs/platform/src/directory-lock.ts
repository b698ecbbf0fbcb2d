import Database from 'better-sqlite3';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { storageError, systemCodeOf } from './storage-errors.js';

export type Access = 'read' | 'write';
const POLL_MS = 20;

/**
 * A reader/writer lock between processes that the operating system releases when its holder dies, kill -9 included:
 * the file locks of a tiny SQLite database in rollback-journal mode. A writer keeps an exclusive transaction open, a
 * reader a read transaction. Never open the lock file by other means in the same process: closing any descriptor
 * of a file drops a process's POSIX locks on it.
 */
export class DirectoryLock {
  private constructor(private readonly database: Database.Database) {}

  /** Takes the lock, waiting at most `waitMs`; undefined if others hold it all that time. */
  static async take(file: string, access: Access, waitMs: number): Promise<DirectoryLock | undefined> {
    const polls = Math.ceil(waitMs / POLL_MS);
    for (let poll = 0; ; poll++) {
      const lock = DirectoryLock.#tryTake(file, access);
      if (lock || poll >= polls) return lock;
      await sleep(POLL_MS);
    }
  }

  /** Whether a writer holds the lock now. */
  static isWriterThere(file: string): boolean {
    if (!existsSync(file)) return false;
    const lock = DirectoryLock.#tryTake(file, 'read');
    lock?.release();
    return lock === undefined;
  }

  static #tryTake(file: string, access: Access): DirectoryLock | undefined {
    let database: Database.Database | undefined;
    try {
      database = new Database(file, { readonly: access === 'read' && existsSync(file), timeout: 0 });
      // A file without pages would be written, with a journal, by the first exclusive transaction; so write it once.
      if (!database.readonly && database.pragma('user_version', { simple: true }) === 0) {
        database.pragma('user_version = 1');
      }
      if (access === 'write') {
        database.exec('BEGIN EXCLUSIVE');
      } else {
        database.exec('BEGIN');
        database.prepare('SELECT count(*) FROM sqlite_master').get();
      }
      return new DirectoryLock(database);
    } catch (error) {
      database?.close();
      if (systemCodeOf(error)?.startsWith('SQLITE_BUSY')) return undefined;
      throw storageError(error, file);
    }
  }

  release(): void {
    this.database.close();
  }
}
