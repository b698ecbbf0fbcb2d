import { TallyError } from '#platform';

/** Flags or arguments that no command takes. */
export class WrongFlags extends TallyError {
  readonly code = 'TALLY_WRONG_USE';
  constructor(what: string) {
    super(what, { remedy: 'tally --help, or --help after a command, lists what it takes.' });
  }
}
