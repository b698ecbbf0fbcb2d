import type { QueryAuthority } from './authority.js';
import type { NamedQuery } from './front-matter.js';
import { QUERY_LIMITS } from './limits.js';
import { readParameters } from './parameters.js';
import type { Reader } from './reader.js';
import { answerRows, type AnswerRow, type CompactAnswer } from './rows.js';

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
  reader: Reader,
  query: NamedQuery,
  given: Readonly<Record<string, string>>,
  { tenant, clock, authority }: QueryContext,
): Promise<QueryAnswer> {
  const values = readParameters(query, given, clock);
  const { claimed, sources, components } = authority;
  const known: Record<string, unknown> = { ...values, tenant, claimed: claimed.map(BigInt), sources, components };
  const answer = await reader.engine.together(async () => {
    let step: CompactAnswer = { meta: [], data: [] };
    for (const { sql, given: types } of query.steps) {
      Object.assign(known, boundOf(step, types));
      const bound = Object.entries(known).filter(([name]) => sql.includes(`{${name}:`));
      step = await reader.read(sql, QUERY_LIMITS, Object.fromEntries(bound));
    }
    return step;
  });
  const columns = answer.meta.map(({ name }) => name);
  return { columns, rows: answerRows(answer, query.times), now: values.now };
}

/** What the one row of a step gives to the next; 64-bit numbers are bound exactly. */
function boundOf({ meta, data }: CompactAnswer, types: Readonly<Record<string, string>>): Record<string, unknown> {
  const [row] = data;
  return Object.fromEntries(
    Object.entries(types).map(([name, type]) => {
      const cell = row?.[meta.findIndex((column) => column.name === name)];
      const list = Array.isArray(cell) ? (cell as string[]) : [];
      return [name, type.includes('Int64') ? list.map(BigInt) : list];
    }),
  );
}
