import { ClickHouseLogLevel, type ClickHouseSettings } from '@clickhouse/client';

/** What every statement runs with. */
export const SESSION_SETTINGS = {
  output_format_json_quote_64bit_integers: 0,
  // Lists of names are part of the statement.
  max_query_size: '268435456',
} satisfies ClickHouseSettings;

/** What fails is told once, by the error: the client's own log would go to standard error beside it. */
export const QUIET = { level: ClickHouseLogLevel.OFF };
