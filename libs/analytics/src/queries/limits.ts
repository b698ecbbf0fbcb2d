import type { StatementSettings } from '../engine.js';
import { QueryFailed } from '../errors.js';
import { QueryLimit } from './errors.js';

export interface Limits {
  seconds: number;
  memoryBytes: number;
  rows: number;
  resultBytes: number;
}

const MiB = 2 ** 20;
/** Of a named query: far above what one takes, so that a fault cannot take the machine. */
export const QUERY_LIMITS: Limits = { seconds: 30, memoryBytes: 2048 * MiB, rows: 1_000_000, resultBytes: 512 * MiB };
/** Of a statement that somebody typed. */
export const SQL_LIMITS: Limits = { seconds: 10, memoryBytes: 1024 * MiB, rows: 100_000, resultBytes: 64 * MiB };

/** For every read: batches lie in one partition each, so that no row of one partition replaces one of another. */
const READING = {
  do_not_merge_across_partitions_select_final: 1,
  output_format_json_quote_64bit_integers: 1,
  output_format_json_quote_denormals: 0,
  join_use_nulls: 0,
  // Else each mention of a common table expression computes it anew.
  enable_materialized_cte: 1,
} satisfies StatementSettings;

export function settingsOf({ seconds, memoryBytes, rows, resultBytes }: Limits): StatementSettings {
  return {
    ...READING,
    readonly: 1,
    max_execution_time: seconds,
    timeout_overflow_mode: 'throw',
    max_memory_usage: memoryBytes,
    max_temporary_data_on_disk_size_for_query: memoryBytes,
    max_result_rows: rows,
    max_result_bytes: resultBytes,
    result_overflow_mode: 'throw',
  };
}

/** ClickHouse's numbers for limits, and what each tells. */
const REACHED: Readonly<Record<number, (limits: Limits) => string>> = {
  158: ({ rows }) => `more than ${rows} rows`,
  159: ({ seconds }) => `more than ${seconds} s`,
  160: ({ seconds }) => `more than ${seconds} s`,
  241: ({ memoryBytes }) => `more than ${memoryBytes / MiB} MiB of memory`,
  243: ({ memoryBytes }) => `more than ${memoryBytes / MiB} MiB of disk`,
  307: ({ resultBytes }) => `more than ${resultBytes / MiB} MiB of answer`,
  396: ({ rows, resultBytes }) => `more than ${rows} rows, or ${resultBytes / MiB} MiB, of answer`,
};

/** What a limit that was reached is told as; undefined where the error is another. */
export function limitReached(error: unknown, limits: Limits): QueryLimit | undefined {
  const reached = error instanceof QueryFailed ? REACHED[error.clickhouseCode ?? 0] : undefined;
  return reached === undefined ? undefined : new QueryLimit(reached(limits), error);
}
