import { TallyError } from '#platform';

/** The stream of a finding holds what this process did not write: another one judges the same ledger. */
export class FindingsRefused extends TallyError {
  readonly code = 'TALLY_FINDINGS_REFUSED';
  constructor(stream: string, actual: string) {
    super(`The ledger refused an event of ${stream}: the stream stands at revision ${actual}.`, {
      facts: { stream, actual },
      retry: true,
      remedy: 'Let one process judge a ledger; the next step reads what the other one said, and goes on from there.',
    });
  }
}

/** The follower was closed while it judged: nothing of the step was kept. */
export class JudgingStopped extends TallyError {
  readonly code = 'TALLY_JUDGING_STOPPED';
  constructor() {
    super('The judging of findings was stopped.', {
      facts: {},
      retry: true,
      remedy: 'Nothing is lost: the next process judges the same events again.',
    });
  }
}
