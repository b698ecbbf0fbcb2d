import { describeError, TallyError } from '#platform';

/** Something asked for is not in the ledger, as of the cut and as known. */
export class NotFound extends TallyError {
  readonly code = 'TALLY_NOT_FOUND';
  constructor(what: string, remedy: string) {
    super(`${what} was not found`, { facts: { what }, remedy });
  }
}

/** The remedy of a wrong use that says no better one: where the forms are told, at the command line and over HTTP. */
export const FORMS = {
  cli: 'See `tally --help` for the forms that are taken.',
  http: 'See docs/http.md for the forms that are taken.',
};

/** A question that cannot be asked so: a flag or parameter is wrong. */
export class WrongUse extends TallyError {
  readonly code = 'TALLY_WRONG_USE';
  constructor(parameter: string, reason: string, remedy = FORMS.cli) {
    super(`${parameter} ${reason}`, { facts: { parameter, reason }, remedy });
  }
}

/** Input that could not be taken as it is: a file, a body or a setting. */
export class BadInput extends TallyError {
  readonly code = 'TALLY_BAD_INPUT';
  constructor(what: string, reason: string, remedy: string) {
    super(`${what}: ${reason}`, { facts: { what, reason }, remedy });
  }
}

/** The ledger has everything; what is made from it could not follow. Told with the cause and its remedy. */
export class AnalyticsLeftBehind extends TallyError {
  readonly code = 'TALLY_ANALYTICS_BEHIND';
  constructor(cause: unknown) {
    const { code, message, remedy } = describeError(cause);
    super(`The ledger has everything, durably, but ClickHouse could not follow: ${message}`, {
      facts: { because: code },
      retry: true,
      remedy: `${remedy ?? 'Repeat.'} Nothing needs to be fed again: the next command that writes, or \`tally analytics catch-up\`, goes on from there.`,
      cause,
    });
  }
}
