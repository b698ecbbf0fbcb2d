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

/** A version of naming secrets is the newest, or something that is still alive is known by no other. */
export class SecretsNeeded extends TallyError {
  readonly code = 'TALLY_SECRETS_NEEDED';
  constructor(tenant: string, version: number, needs: readonly { reason: string; until?: number }[]) {
    const last = needs.every(({ until }) => until !== undefined)
      ? Math.max(...needs.map(({ until = 0 }) => until))
      : undefined;
    super(
      `Version ${version} of ${tenant}'s naming secrets is still needed: ${needs.map(({ reason }) => reason).join('; ')}.`,
      {
        facts: { tenant, version, until: last },
        remedy:
          last === undefined
            ? 'Keep it: a version that is held costs one more name for each thing that comes in. Nothing was changed.'
            : `Retire it after ${new Date(last).toISOString()}. Nothing was changed.`,
      },
    );
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

/** The ledger's server gives no sign of life. */
export class LedgerSilent extends TallyError {
  readonly code = 'TALLY_LEDGER_SILENT';
  constructor(ms: number) {
    super(`The ledger did not answer within ${ms} ms.`, {
      facts: { ms },
      retry: true,
      remedy: 'Check that its server runs and can be reached; what comes from Kafka waits there meanwhile.',
    });
  }
}
