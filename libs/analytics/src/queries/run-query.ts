import type { AnalyticsEngine } from '../engine.js';
import type { QueryAuthority } from './authority.js';
import type { NamedQuery } from './front-matter.js';
import { QUERY_LIMITS, readWithin } from './limits.js';
import { readParameters } from './parameters.js';
import { answerRows, type AnswerRow } from './rows.js';

export interface QueryContext {
  tenant: string;
  /** The caller's clock, in ms. */
  clock: number;
  authority: QueryAuthority;
}

export interface QueryAnswer {
  columns: string[];
  rows: AnswerRow[];
  /** From when relative times counted, in ms. */
  now: number;
}

/**
 * Runs a named query with these texts for its parameters; ClickHouse binds their values.
 * @throws BadParameter, QueryLimit, QueryFailed
 */
export async function runQuery(
  engine: AnalyticsEngine,
  query: NamedQuery,
  given: Readonly<Record<string, string>>,
  { tenant, clock, authority }: QueryContext,
): Promise<QueryAnswer> {
  const values = readParameters(query, given, clock);
  const { claimed, sources, components } = authority;
  const every: Record<string, unknown> = { ...values, tenant, claimed: claimed.map(BigInt), sources, components };
  const bound = Object.entries(every).filter(([name]) => query.sql.includes(`{${name}:`));
  const answer = await readWithin(engine, query.sql, QUERY_LIMITS, Object.fromEntries(bound));
  const columns = answer.meta.map(({ name }) => name);
  return { columns, rows: answerRows(answer, query.times), now: values.now };
}
