import { createClient, type ClickHouseClient, type ClickHouseSettings } from '@clickhouse/client';
import { drainPending } from 'chdb';
import { createChdbConnection } from 'chdb/connection';
import { mkdirSync } from 'node:fs';
import { Readable } from 'node:stream';
import { DiskFull, storing } from '#platform';
import { AnalyticsUnavailable, QueryFailed } from './errors.js';

/** Where the facts are rolled up: in this process, under a directory, or at a server. */
export type AnalyticsPlace = { path: string } | { url: string; username?: string; password?: string };

export type QueryParams = Record<string, unknown>;

/**
 * Set on every insert, whatever the server's defaults (26.2 changed them): one insert is one block of one partition,
 * written before it is answered, dropped if its token was seen, in the tables that views fill as well.
 */
const INSERT_SETTINGS: ClickHouseSettings = {
  async_insert: 0,
  insert_deduplicate: 1,
  deduplicate_blocks_in_dependent_materialized_views: 1,
  max_insert_block_size: '1048576',
  min_insert_block_size_rows: '1048576',
  min_insert_block_size_bytes: '0',
  input_format_parallel_parsing: 0,
};

type ClientConnection = NonNullable<NonNullable<Parameters<typeof createClient>[0]>['connection']>;

/** NOT_ENOUGH_SPACE. */
const NO_SPACE = 243;

/** ClickHouse, wherever it is: everything goes through the vendor's client. `{db}` in a statement is the database. */
export class AnalyticsEngine {
  private constructor(
    private readonly client: ClickHouseClient,
    /** For people: the directory or the address. */
    readonly where: string,
    readonly isEmbedded: boolean,
    readonly database: string,
  ) {}

  /**
   * Opens the engine; the database itself is made by `migrate`. One embedded directory a process, one process a
   * directory: the caller holds a lock.
   */
  static open(place: AnalyticsPlace, database = 'tallystick'): AnalyticsEngine {
    if ('url' in place) {
      const { url, username, password } = place;
      const client = createClient({
        url,
        ...(username !== undefined && { username }),
        ...(password !== undefined && { password }),
        application: 'tallystick',
        request_timeout: 120_000,
        compression: { request: true, response: true },
      });
      return new AnalyticsEngine(client, new URL(url).host, false, database);
    }
    storing(place.path, () => mkdirSync(place.path, { recursive: true, mode: 0o700 }));
    // The same types, told by two packages of which one allows `undefined` in optional fields.
    const connection: object = createChdbConnection({ path: place.path });
    const client = createClient({ connection: connection as ClientConnection });
    return new AnalyticsEngine(client, place.path, true, database);
  }

  /** The same engine over another database of it: shadow tables while the old ones answer. */
  over(database: string): AnalyticsEngine {
    return new AnalyticsEngine(this.client, this.where, this.isEmbedded, database);
  }

  /** Rows as objects. Int64 and UInt64 come as numbers: positions and times stay far below 2^53. */
  async rows<T>(sql: string, params: QueryParams = {}, settings: ClickHouseSettings = {}): Promise<T[]> {
    return this.named(async () => {
      const result = await this.client.query({
        query: this.inDatabase(sql),
        query_params: params,
        format: 'JSONEachRow',
        clickhouse_settings: { output_format_json_quote_64bit_integers: 0, ...settings },
      });
      return result.json<T>();
    });
  }

  /** The answer as text in a ClickHouse format, such as `TSV`. */
  async text(
    sql: string,
    format: 'TabSeparated' | 'JSONCompact' | 'CSVWithNames' | 'JSON',
    params: QueryParams = {},
    settings: ClickHouseSettings = {},
  ): Promise<string> {
    return this.named(async () => {
      const result = await this.client.query({
        query: this.inDatabase(sql),
        query_params: params,
        format,
        clickhouse_settings: { output_format_json_quote_64bit_integers: 0, ...settings },
      });
      return result.text();
    });
  }

  async command(sql: string, params: QueryParams = {}, settings: ClickHouseSettings = {}): Promise<void> {
    await this.named(() =>
      this.client.command({ query: this.inDatabase(sql), query_params: params, clickhouse_settings: settings }),
    );
  }

  /**
   * Inserts tab-separated rows as one block. The same token with the same table again is dropped, in the tables that
   * views fill as well.
   * @param columns the columns that the rows give, in their order.
   */
  async insert(table: string, columns: readonly string[], rows: string, token: string): Promise<void> {
    await this.named(() =>
      this.client.insert({
        table: `${this.database}.${table}`,
        values: Readable.from([rows], { objectMode: false }),
        format: 'TabSeparated',
        columns: columns as [string, ...string[]],
        clickhouse_settings: { ...INSERT_SETTINGS, insert_deduplication_token: token },
      }),
    );
  }

  /** `INSERT … SELECT` as one insert with a token. */
  async insertSelect(sql: string, token: string, params: QueryParams = {}): Promise<void> {
    await this.command(sql, params, { ...INSERT_SETTINGS, insert_deduplication_token: token });
  }

  async close(): Promise<void> {
    await this.client.close();
    if (this.isEmbedded) await drainPending();
  }

  private inDatabase(sql: string): string {
    return sql.replaceAll('{db}', this.database);
  }

  private async named<T>(operation: () => Promise<T>): Promise<T> {
    try {
      return await operation();
    } catch (error) {
      throw this.errorOf(error);
    }
  }

  private errorOf(error: unknown): Error {
    const message = error instanceof Error ? error.message : String(error);
    const code = codeOf(error, message);
    if (code === NO_SPACE || /No space left on device|errno: 28\b|NOT_ENOUGH_SPACE/.test(message))
      return new DiskFull(this.where, error);
    if (code !== undefined || this.isEmbedded) return new QueryFailed(firstLine(message), code, error);
    return new AnalyticsUnavailable(this.where, firstLine(message), error);
  }
}

/** A ClickHouse error has a number; the client gives it as text, the embedded engine within the message. */
function codeOf(error: unknown, message: string): number | undefined {
  for (const key of ['clickhouseCode', 'code'] as const) {
    if (typeof error === 'object' && error !== null && key in error) {
      const code = Number((error as Record<string, unknown>)[key]);
      if (Number.isInteger(code)) return code;
    }
  }
  const match = /Code: (\d+)/.exec(message);
  return match === null ? undefined : Number(match[1]);
}

/** Without the stack of the server and the statement that it repeats. */
function firstLine(message: string): string {
  return message.split('\n')[0]!.slice(0, 500);
}
