import { TallyError } from '#platform';

/** The mirror was made from another ledger than the one it is asked to follow, or from one that was set back. */
export class MirrorOfAnotherLedger extends TallyError {
  readonly code = 'TALLY_MIRROR_OF_ANOTHER_LEDGER';
  constructor(file: string, why: string, cause?: unknown) {
    super(`${file} is a copy of another ledger: ${why}.`, {
      facts: { file, reason: why },
      remedy: `If the ledger is the right one, delete ${file} (and the files beside it that end in -wal and -shm): it is filled again from the ledger.`,
      cause,
    });
  }
}

/** A ledger of its own, into which nothing of another may be copied. */
export class NotAMirror extends TallyError {
  readonly code = 'TALLY_NOT_A_MIRROR';
  constructor(file: string) {
    super(`${file} is a ledger of its own and not a copy of one.`, {
      facts: { file },
      remedy: 'Give the mirror a file of its own; nothing was changed.',
    });
  }
}
