import { TallyError } from '#platform';

/** ClickHouse understood the statement and refused it: a wrong query, a limit reached, a missing table. */
export class QueryFailed extends TallyError {
  readonly code = 'TALLY_QUERY_FAILED';
  constructor(
    message: string,
    /** ClickHouse's own number for the cause; undefined where it gave none. */
    readonly clickhouseCode: number | undefined,
    cause?: unknown,
  ) {
    super(`ClickHouse refused the statement: ${message}`, {
      facts: { clickhouseCode },
      remedy: 'Correct the query, or ask for less: a shorter time, fewer columns, a LIMIT.',
      cause,
    });
  }
}

/** ClickHouse cannot be reached, or broke off. What was being written may or may not be there; repeating it is safe. */
export class AnalyticsUnavailable extends TallyError {
  readonly code = 'TALLY_ANALYTICS_UNAVAILABLE';
  constructor(
    where: string,
    message: string,
    cause?: unknown,
    /** The embedded engine is not installed: there is none for this platform. */
    readonly isMissing = false,
  ) {
    super(`ClickHouse at ${where} cannot be used: ${message}`, {
      facts: { where },
      retry: true,
      remedy: 'Check that it runs and that this address and user are right, then repeat; the ledger is not touched.',
      cause,
    });
  }
}

/** A server does not let this user in, or not do what it must. What the server said stays in `cause`: it may name others. */
export class AnalyticsForbidden extends TallyError {
  readonly code = 'TALLY_ANALYTICS_FORBIDDEN';
  constructor(where: string, clickhouseCode: number, cause?: unknown) {
    super(`ClickHouse at ${where} refuses this user (its error ${clickhouseCode}).`, {
      facts: { where, clickhouseCode },
      remedy: 'Check user and password, or certificate, of the address; infra/clickhouse has the grants that it needs.',
      cause,
    });
  }
}

/** A server shows a certificate that nothing vouches for, or another host's. */
export class AnalyticsUntrusted extends TallyError {
  readonly code = 'TALLY_ANALYTICS_UNTRUSTED';
  constructor(where: string, why: string, cause?: unknown) {
    super(`The certificate of ClickHouse at ${where} is not trusted (${why}).`, {
      facts: { where, why },
      remedy: 'Name the authority that issued it: TALLY_CLICKHOUSE_TLS_CA=FILE, and the host as the certificate does.',
      cause,
    });
  }
}

/** Another process has the embedded engine: one process a directory. */
export class AnalyticsBusy extends TallyError {
  readonly code = 'TALLY_ANALYTICS_BUSY';
  constructor(where: string, waitedMs: number) {
    super(`Another process is using the analytics in ${where}; waited ${waitedMs} ms.`, {
      facts: { where, waitedMs },
      retry: true,
      remedy: 'Wait for the other `tally` to end, or ask the running `tally up`.',
    });
  }
}

/** A migration that was applied is not the one in this release: history was edited. */
export class EditedMigration extends TallyError {
  readonly code = 'TALLY_EDITED_MIGRATION';
  constructor(id: string, database: string) {
    super(`Migration ${id} was applied to ${database} with another text than this release has.`, {
      facts: { id, database },
      remedy: 'Use the release that applied it, or build the tables again with `tally analytics rebuild`.',
    });
  }
}

/** The database was migrated by a newer release. */
export class NewerSchema extends TallyError {
  readonly code = 'TALLY_NEWER_SCHEMA';
  constructor(id: string, database: string) {
    super(`${database} has migration ${id}, which this release does not know.`, {
      facts: { id, database },
      remedy: 'Use the release that applied it, or a newer one.',
    });
  }
}

/**
 * Tables lost rows, or cannot be read: files of theirs were cut short by a full disk or a power cut, bytes flipped, or
 * rows were changed by hand.
 */
export class AnalyticsDamaged extends TallyError {
  readonly code = 'TALLY_ANALYTICS_DAMAGED';
  constructor(
    where: string,
    what: string,
    cause?: unknown,
    /** Whose files cannot be read; undefined: ClickHouse did not say, or it is another kind of damage. */
    readonly table?: string,
  ) {
    super(`The tables in ${where} are not whole: ${what.replace(/\.$/, '')}.`, {
      facts: { where },
      remedy: 'Build them again with `tally analytics rebuild`; the ledger has everything.',
      cause,
    });
  }
}

/** The facts in ClickHouse are not those of this ledger's past: it was restored from a backup, or replaced. */
export class LedgerReplaced extends TallyError {
  readonly code = 'TALLY_LEDGER_REPLACED';
  constructor(where: string, position: number) {
    super(`ClickHouse at ${where} has an event at position ${position} that this ledger does not have there.`, {
      facts: { where, position },
      remedy: 'If the ledger was restored from a backup, build the tables again with `tally analytics rebuild`.',
    });
  }
}

/** The database was filled from another ledger. */
export class OtherLedger extends TallyError {
  readonly code = 'TALLY_OTHER_LEDGER';
  constructor(where: string, database: string, theirs: string, ours: string) {
    super(`Database ${database} at ${where} belongs to ledger ${theirs}, not to ${ours}.`, {
      facts: { where, database, theirs, ours },
      remedy:
        'Use a data directory of its own, or for a server name another database: https://host:8443/NAME. Nothing was changed.',
    });
  }
}

/** The file with the bounds of batches is not the one that this database was written with. */
export class JournalLost extends TallyError {
  readonly code = 'TALLY_JOURNAL_LOST';
  constructor(where: string) {
    super(`The journal of what was written to ClickHouse at ${where} is gone, or another one.`, {
      facts: { where },
      remedy: 'Build the tables again with `tally analytics rebuild`; the ledger has everything.',
    });
  }
}

/** Another process fills these tables: this one only asks them. */
export class FilledElsewhere extends TallyError {
  readonly code = 'TALLY_FILLED_ELSEWHERE';
  constructor(where: string, what: string) {
    super(`The tables of ClickHouse at ${where} are filled by another process, and ${what} is its to do.`, {
      facts: { where },
      remedy: 'Ask the process that has the role analytics (its data directory), or give this one that role.',
    });
  }
}

/** Tables of an older release, or none yet, where another process is to make them. */
export class NotFilledYet extends TallyError {
  readonly code = 'TALLY_NOT_FILLED_YET';
  constructor(where: string, pending: readonly string[]) {
    super(`ClickHouse at ${where} does not have the tables of this release yet.`, {
      facts: { where, pending: pending.length },
      retry: true,
      remedy: 'Start the process that has the role analytics: it makes and fills them.',
    });
  }
}
