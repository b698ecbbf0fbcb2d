import { TallyError } from '#platform';

/** The ledger's stream was not where intake had left it: another writer is at work. */
export class LedgerRefused extends TallyError {
  readonly code = 'TALLY_LEDGER_REFUSED';
  constructor(expected: string, actual: string) {
    super(`the ledger refused an append: expected revision ${expected}, found ${actual}`, {
      facts: { expected, actual },
      retry: true,
      remedy:
        'Make sure that one process alone writes this ledger, then send the same input again: nothing is taken in twice.',
    });
  }
}

/** A gzip input that ends before its end. */
export class InputCut extends TallyError {
  readonly code = 'TALLY_INPUT_CUT';
  constructor(input: string, cause: unknown) {
    super(`${input} ends in the middle of its compressed data`, {
      facts: { input },
      remedy: 'What stood before the cut is in the ledger; send the whole file again, duplicates are dropped.',
      cause,
    });
  }
}
