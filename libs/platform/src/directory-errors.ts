import { TallyError } from './errors.js';

export class NoDataDirectory extends TallyError {
  readonly code = 'TALLY_NO_DATA_DIRECTORY';
  constructor(path: string) {
    super(`There is no ledger in ${path} yet.`, {
      facts: { path },
      remedy: 'Feed it first (`tally ingest FILE --source NAME`, or `tally up --demo`), or name another with --data.',
    });
  }
}

/** The directory holds files of something else, or ours without their `meta.json`. */
export class NotADataDirectory extends TallyError {
  readonly code = 'TALLY_NOT_A_DATA_DIRECTORY';
  constructor(path: string, why: string) {
    super(`${path} is not a data directory of Tallystick: ${why}.`, {
      facts: { path },
      remedy: 'Name an empty or new directory with --data, or restore a backup; nothing was changed.',
    });
  }
}

export interface LockHolder {
  pid: number;
  /** The command as typed, without values. */
  purpose: string;
}

export class DirectoryLocked extends TallyError {
  readonly code = 'TALLY_DIRECTORY_LOCKED';
  constructor(path: string, holder: LockHolder | undefined, waitedMs: number) {
    const who = holder ? `by \`${holder.purpose}\` (process ${holder.pid})` : 'by another process';
    super(`The data directory ${path} is in use ${who}.`, {
      facts: { path, pid: holder?.pid, purpose: holder?.purpose, waitedMs },
      retry: true,
      remedy: holder
        ? `Wait until it has finished, or stop it with \`kill ${holder.pid}\`; nothing was changed.`
        : 'Wait until it has finished and repeat; nothing was changed.',
    });
  }
}
