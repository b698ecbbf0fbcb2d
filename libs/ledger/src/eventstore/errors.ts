import { TallyError } from '#platform';

/** A connection string that cannot be used. Names the part, never its value: credentials may stand in any of them. */
export class BadConnectionString extends TallyError {
  readonly code = 'TALLY_BAD_CONNECTION_STRING';
  constructor(part: string, why: string) {
    super(`The EventStoreDB connection string has a bad ${part}: ${why}.`, {
      facts: { part, reason: why },
      remedy:
        'Write it as esdb://[USER:PASSWORD@]HOST:PORT?tls=true&tlsCAFile=FILE, with special characters percent-encoded.',
    });
  }
}

/** Nobody answers, or the connection broke and did not come back in time. Reads only; appends say `AppendUnanswered`. */
export class EventStoreUnreachable extends TallyError {
  readonly code = 'TALLY_EVENTSTORE_UNREACHABLE';
  constructor(server: string, why: string, cause?: unknown) {
    super(`EventStoreDB at ${server} cannot be reached: ${why}.`, {
      facts: { server, reason: why },
      retry: true,
      remedy: 'Check that it runs, its address, and that both sides agree on TLS; then repeat.',
      cause,
    });
  }
}

/** No answer to an append in time: it may have been written or not. */
export class AppendUnanswered extends TallyError {
  readonly code = 'TALLY_APPEND_UNANSWERED';
  constructor(stream: string, deadlineMs: number, why: string, cause?: unknown) {
    super(`EventStoreDB did not acknowledge an append to ${stream} within ${deadlineMs} ms: ${why}.`, {
      facts: { stream, deadlineMs, reason: why },
      retry: true,
      remedy: 'Repeat it with the same event ids and expected revision: what was written is not written again.',
      cause,
    });
  }
}

export class EventStoreAccessDenied extends TallyError {
  readonly code = 'TALLY_EVENTSTORE_ACCESS_DENIED';
  constructor(server: string, hasCredentials: boolean, isPlain: boolean) {
    super(`EventStoreDB at ${server} denies access.`, {
      facts: { server, hasCredentials, isPlain },
      remedy: isPlain
        ? 'Credentials are never sent in plain text: use tls=true and a user who may read $all and write.'
        : 'Give a user who may read $all and write in the connection string.',
    });
  }
}

/** More than one append may carry. It is not cut in two, for an append is written as a whole or not at all. */
export class AppendTooLarge extends TallyError {
  readonly code = 'TALLY_APPEND_TOO_LARGE';
  constructor(stream: string, bytes: number, limit: number) {
    super(`An append of ${bytes} bytes to ${stream} is over the limit of ${limit}.`, {
      facts: { stream, bytes, limit },
      remedy: 'Append fewer events at once, or raise the limit of the server (MaxAppendSize) and of this connection.',
    });
  }
}

/** The stream was deleted for good (a tombstone) by another program. */
export class StreamTombstoned extends TallyError {
  readonly code = 'TALLY_STREAM_TOMBSTONED';
  constructor(stream: string) {
    super(`Stream ${stream} was deleted for good in EventStoreDB; nothing can be appended to it.`, {
      facts: { stream },
      remedy: 'Find out who deletes streams of the ledger, and restore the database from before.',
    });
  }
}

/** The server refused for a reason that no retry mends. */
export class EventStoreRefused extends TallyError {
  readonly code = 'TALLY_EVENTSTORE_REFUSED';
  constructor(server: string, what: string, cause?: unknown) {
    super(`EventStoreDB at ${server} refused: ${what}.`, {
      facts: { server, reason: what },
      remedy: "The server's own log says more.",
      cause,
    });
  }
}

export class EventStoreTooOld extends TallyError {
  readonly code = 'TALLY_EVENTSTORE_TOO_OLD';
  constructor(server: string, version: string) {
    super(`EventStoreDB at ${server} (version ${version}) does not know batch appends.`, {
      facts: { server, version },
      remedy: 'Use EventStoreDB 22.10 or newer.',
    });
  }
}

/** The events of this ledger are named with secrets that this process does not have: its own would be strangers to them. */
export class NamedOtherwise extends TallyError {
  readonly code = 'TALLY_NAMED_OTHERWISE';
  constructor(server: string) {
    super(`The ledger at ${server} was begun with other naming secrets than this process has.`, {
      facts: { server },
      remedy:
        'Name the directory that holds them with --keys, or go on with the data directory that it was begun with.',
    });
  }
}
