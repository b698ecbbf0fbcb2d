import { TallyError } from '#platform';

/** A file of `libs/analytics/queries` is not as it must be: a fault of the release. */
export class BadQueryFile extends TallyError {
  readonly code = 'TALLY_BAD_QUERY_FILE';
  constructor(query: string, reason: string) {
    super(`The query file ${query}.sql is wrong: ${reason}`, {
      facts: { query, reason },
      remedy: 'Install the release anew; if it is your own file, mend it.',
    });
  }
}

/** No query has this name. */
export class UnknownQuery extends TallyError {
  readonly code = 'TALLY_UNKNOWN_QUERY';
  constructor(name: string, nearest: readonly string[]) {
    super(`There is no query ${JSON.stringify(name)}.`, {
      facts: { what: name, reason: 'is no query' },
      remedy: `${nearest.length > 0 ? `Did you mean ${nearest.join(' or ')}? ` : ''}\`tally query list\` lists them all.`,
    });
  }
}

/** A parameter of a query is missing, unknown, or cannot be read. */
export class BadParameter extends TallyError {
  readonly code = 'TALLY_BAD_PARAMETER';
  constructor(query: string, parameter: string, reason: string, remedy?: string) {
    super(`${parameter} ${reason}`, {
      facts: { query, parameter, reason },
      remedy: remedy ?? `\`tally query list -o json\`, or docs/queries.md, tells the parameters of ${query}.`,
    });
  }
}

/** A statement that `tally sql` does not run. */
export class SqlRefused extends TallyError {
  readonly code = 'TALLY_SQL_REFUSED';
  constructor(
    reason: string,
    remedy = 'Write one SELECT over the tables that `SHOW TABLES` lists; see docs/queries.md.',
  ) {
    super(`The statement is refused: ${reason}.`, { facts: { parameter: 'sql', reason }, remedy });
  }
}

/** A statement took more time, memory or rows than one may. */
export class QueryLimit extends TallyError {
  readonly code = 'TALLY_QUERY_LIMIT';
  constructor(limit: string, cause: unknown) {
    super(`The query was stopped: it took ${limit}.`, {
      facts: { parameter: 'sql', reason: limit },
      remedy: 'Ask for less: a shorter time, fewer columns, an aggregation, a LIMIT.',
      cause,
    });
  }
}
