import { namedQuery, queryCatalog, readAuthority, runQuery, SqlDesk, type Analytics, type AnswerRow } from '#analytics';
import { z } from 'zod';
import { WrongUse } from './errors.js';
import { freshnessOf } from './freshness.js';
import type { Answer, ReadParams } from './questions.js';
import type { Stores } from './stores.js';

type RowsAnswer = Extract<Answer, { kind: 'rows' }>;

/** The named queries, with their parameters, an example and how a chart would show them. */
export function listQueries(params: ReadParams<'query.list'>): Answer {
  const skip = Number(params.after ?? 0);
  const rows = [...queryCatalog().values()]
    .slice(skip)
    .map(({ name, title, description, params: own, example, chart }) => ({
      name,
      title,
      description,
      params: own.map(({ name: param, type, as, default: usual, description: what }) => ({
        name: param,
        type: Array.isArray(as) ? as.join('|') : (as ?? type),
        ...(usual === undefined ? { required: true } : { default: usual }),
        description: what,
      })),
      example,
      chart,
    }));
  return { kind: 'rows', rows, keyOf: (_row, index) => String(skip + index + 1), pinned: {} };
}

/** A named query over ClickHouse; its answer ends with how far ClickHouse had come. */
export async function runNamedQuery(params: ReadParams<'query.run'>, stores: Stores): Promise<Answer> {
  const query = namedQuery(params.name);
  const given = givenOf(params.params);
  const analytics = await atHead(stores);
  const authority = await readAuthority(analytics.engine, params.tenant);
  // Before the rows are read: they hold at least what was reached by then.
  const fresh = freshnessOf(await analytics.reached(), stores);
  const context = { tenant: params.tenant, clock: stores.clock(), authority };
  const { rows, now } = await runQuery(await analytics.reader(), query, given, context);
  const end = { query: query.name, rows: rows.length, now: new Date(now).toISOString(), chart: query.chart, ...fresh };
  // Relative times of the next page count from the same instant.
  const pinned = { params: JSON.stringify({ ...given, now: String(now) }) };
  return rowsFrom(rows, params.after, end, pinned);
}

/** One statement over our tables, of every tenant; see `SqlDesk` for what is refused. */
export async function runStatement(params: ReadParams<'sql'>, stores: Stores): Promise<Answer> {
  const analytics = await atHead(stores);
  const fresh = freshnessOf(await analytics.reached(), stores);
  const { rows } = await new SqlDesk(await analytics.reader()).run(params.sql);
  return rowsFrom(rows, params.after, { rows: rows.length, ...fresh }, {});
}

/**
 * ClickHouse as far as the ledger: who asks a directory that nobody serves brings it there first, as after a restore. A
 * process that writes follows in the background, and its answers say how far it is.
 */
async function atHead(stores: Stores): Promise<Analytics> {
  const analytics = await stores.analytics.open();
  if (stores.access === 'read' && (await analytics.reached()) < analytics.head()) await analytics.catchUp();
  return analytics;
}

function rowsFrom(
  rows: readonly AnswerRow[],
  after: string | undefined,
  end: Record<string, unknown>,
  pinned: RowsAnswer['pinned'],
): Answer {
  const skip = Number(after ?? 0);
  if (!Number.isSafeInteger(skip) || skip < 0) throw new WrongUse('after', 'is no row of this answer');
  const keyOf = (_row: AnswerRow, index: number): string => String(skip + index + 1);
  return { kind: 'rows', rows: rows.slice(skip), keyOf, pinned, end: () => end };
}

const textsSchema = z.record(z.string(), z.union([z.string(), z.number()]).transform(String));

function givenOf(text: string): Record<string, string> {
  try {
    const read = textsSchema.safeParse(JSON.parse(text));
    if (read.success) return read.data;
  } catch {
    // told below
  }
  throw new WrongUse('params', 'is not a JSON object of texts, such as {"step":"hour"}');
}
