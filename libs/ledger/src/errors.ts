import { TallyError } from '#platform';
import type { ExpectedRevision } from './port.js';

/** Somebody else appended first, or the same revision was written with other events. */
export class WrongExpectedRevision extends TallyError {
  readonly code = 'TALLY_WRONG_EXPECTED_REVISION';
  constructor(
    readonly stream: string,
    readonly expected: ExpectedRevision,
    /** The stream's last revision; undefined if it does not exist. */
    readonly actual: bigint | undefined,
  ) {
    super(`Stream ${stream} is at revision ${actual ?? 'none (no stream)'}, not at ${expected} as expected.`, {
      facts: { stream, expected: String(expected), actual: actual === undefined ? null : String(actual) },
      retry: true,
      remedy: 'Read the end of the stream, decide again, and append with its revision.',
    });
  }
}

/** An event that no store could give back as it came. Raised before anything of its batch is written. */
export class InvalidEvent extends TallyError {
  readonly code = 'TALLY_INVALID_EVENT';
  constructor(stream: string, field: 'id' | 'type' | 'data' | 'metadata' | 'stream', why: string) {
    super(`An event for stream ${JSON.stringify(stream)} has a bad ${field}: ${why}.`, {
      facts: { stream, field },
      remedy: 'This is a fault of the program that made the event; please report it with this message.',
    });
  }
}

export class LedgerClosed extends TallyError {
  readonly code = 'TALLY_LEDGER_CLOSED';
  constructor() {
    super('The ledger was closed while a call was waiting or before it was made.', {
      retry: true,
      remedy: 'Open it again and repeat; an append with the same event ids is never written twice.',
    });
  }
}
