import { TallyError } from './errors.js';

/** No room left where the data directory lives. Whatever was being written is not there; what was acknowledged is. */
export class DiskFull extends TallyError {
  readonly code = 'TALLY_DISK_FULL';
  constructor(file: string, cause?: unknown) {
    super(`No room left to write ${file}.`, {
      facts: { file },
      retry: true,
      remedy: 'Free space on that disk (or move the data directory to a larger one) and repeat; nothing was changed.',
      cause,
    });
  }
}

export class CorruptFile extends TallyError {
  readonly code = 'TALLY_CORRUPT_FILE';
  constructor(file: string, what: string, cause?: unknown) {
    super(`${file} is damaged: ${what}.`, {
      facts: { file },
      remedy:
        'Keep a copy of the directory as it is, then restore the newest backup with `tally restore DIR`; nothing was changed.',
      cause,
    });
  }
}

/** A file (or the whole directory) written by a newer release, which this one cannot understand. */
export class NewerFormat extends TallyError {
  readonly code = 'TALLY_NEWER_FORMAT';
  constructor(file: string, found: number, known: number) {
    super(`${file} has format ${found}; this release of tally knows formats up to ${known}.`, {
      facts: { file, found, known },
      remedy: 'Use the release that wrote it, or a newer one; nothing was changed.',
    });
  }
}

export class FileBusy extends TallyError {
  readonly code = 'TALLY_FILE_BUSY';
  constructor(file: string, cause?: unknown) {
    super(`${file} is in use by another program.`, {
      facts: { file },
      retry: true,
      remedy: 'Close the program that has it open (a database browser, a backup tool) and repeat.',
      cause,
    });
  }
}

export class NotWritable extends TallyError {
  readonly code = 'TALLY_NOT_WRITABLE';
  constructor(file: string, cause?: unknown) {
    super(`${file} cannot be opened or written by this user.`, {
      facts: { file },
      remedy: 'Check owner and permissions of the data directory, and that its disk is not mounted read-only.',
      cause,
    });
  }
}

/** The operating system failed to read or write. A write in flight may or may not be there; repeating it is safe. */
export class StorageFailed extends TallyError {
  readonly code = 'TALLY_STORAGE_FAILED';
  constructor(file: string, systemCode: string, cause?: unknown) {
    super(`Reading or writing ${file} failed (${systemCode}).`, {
      facts: { file, systemCode },
      retry: true,
      remedy: 'Check the disk and the system log, then start again; repeating the write is safe.',
      cause,
    });
  }
}

/** The code of a system or SQLite error (`ENOSPC`, `SQLITE_FULL`), or undefined. */
export function systemCodeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** Names the cause of a failed file or SQLite operation; errors of another kind are given back as they are. */
export function storageError(error: unknown, file: string): unknown {
  if (error instanceof TallyError) return error;
  const code = systemCodeOf(error);
  if (code === undefined) return error;
  // Extended SQLite codes begin with the primary one: SQLITE_CORRUPT_INDEX, SQLITE_BUSY_SNAPSHOT …
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'SQLITE_FULL') return new DiskFull(file, error);
  if (code === 'SQLITE_NOTADB') return new CorruptFile(file, 'it is not a database', error);
  if (code.startsWith('SQLITE_CORRUPT')) return new CorruptFile(file, 'its pages do not fit together', error);
  if (/^SQLITE_(BUSY|LOCKED)/.test(code)) return new FileBusy(file, error);
  if (/^(SQLITE_(READONLY|CANTOPEN|PERM|AUTH)|EACCES|EPERM|EROFS)/.test(code)) return new NotWritable(file, error);
  if (/^(SQLITE_IOERR|SQLITE_NOMEM|EIO|EMFILE|ENFILE)/.test(code)) return new StorageFailed(file, code, error);
  return error;
}

/** Runs a file or SQLite operation; its failure is thrown as the error of its cause. */
export function storing<T>(file: string, operation: () => T): T {
  try {
    return operation();
  } catch (error) {
    throw storageError(error, file);
  }
}
