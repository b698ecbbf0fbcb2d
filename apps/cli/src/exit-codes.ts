import { CommanderError } from 'commander';
import { toldError } from '../../api/src/told-error.js';

/** What a script learns from the exit code alone. */
export const EXIT = { done: 0, failed: 1, wrongUse: 2, fail: 3, hold: 5, notFound: 8 } as const;

const BY_CODE: Readonly<Record<string, number>> = {
  TALLY_WRONG_USE: EXIT.wrongUse,
  TALLY_BAD_TENANT_NAME: EXIT.wrongUse,
  TALLY_ROLLBACK_SAME_VERSION: EXIT.wrongUse,
  TALLY_BAD_PARAMETER: EXIT.wrongUse,
  TALLY_SQL_REFUSED: EXIT.wrongUse,
  TALLY_UNKNOWN_QUERY: EXIT.notFound,
  TALLY_NOT_FOUND: EXIT.notFound,
  TALLY_UNKNOWN_TENANT: EXIT.notFound,
  TALLY_NO_SUCH_SECRET_VERSION: EXIT.notFound,
  TALLY_COMPONENT_UNKNOWN: EXIT.notFound,
  TALLY_VERSION_UNKNOWN: EXIT.notFound,
  TALLY_INTERVAL_UNKNOWN: EXIT.notFound,
  /** Nothing was ever fed: whoever waits for a verdict has none yet. */
  TALLY_NO_DATA_DIRECTORY: EXIT.hold,
};

export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.wrongUse;
  const { code } = toldError(error);
  return BY_CODE[code] ?? (code.startsWith('TALLY_NOT_ENOUGH') ? EXIT.hold : EXIT.failed);
}

export function exitCodeOfVerdict(verdict: 'pass' | 'hold' | 'fail' | undefined): number {
  if (verdict === 'fail') return EXIT.fail;
  return verdict === 'hold' ? EXIT.hold : EXIT.done;
}
