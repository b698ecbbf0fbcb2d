import { createClient, type ClickHouseClient } from '@clickhouse/client';
import { mkdirSync } from 'node:fs';
import { Readable } from 'node:stream';
import { storing } from '#platform';
import { answerText, toldText } from './answer.js';
import { QUIET, SESSION_SETTINGS } from './client-settings.js';
import { EmbeddedFiles, type Part } from './embedded-files.js';
import { engineError, firstLine } from './engine-error.js';
import { AnalyticsDamaged, AnalyticsUnavailable } from './errors.js';
import { Gate } from './gate.js';
import type { AnalyticsPlace } from './place.js';
import { repeated } from './repeat.js';
import { serverClient } from './server-client.js';
import { unmarkedJson } from './writer/tsv.js';

type Format = 'JSONEachRow' | 'TabSeparated' | 'JSONCompact' | 'CSVWithNames' | 'JSON';

export type QueryParams = Record<string, unknown>;

/**
 * Set on every insert, whatever the server's defaults (26.2 changed them): one insert is one block of one partition,
 * written before it is answered, dropped if its token was seen, in the tables that views fill as well.
 */
const INSERT_SETTINGS: StatementSettings = {
  async_insert: 0,
  insert_deduplicate: 1,
  deduplicate_blocks_in_dependent_materialized_views: 1,
  max_insert_block_size: 1_048_576,
  min_insert_block_size_rows: 1_048_576,
  min_insert_block_size_bytes: 0,
  input_format_parallel_parsing: 0,
};

/** Settings of one statement: they stand in the statement itself, for the embedded engine would keep them for the next. */
export type StatementSettings = Record<string, string | number>;

type ClientConnection = NonNullable<NonNullable<Parameters<typeof createClient>[0]>['connection']>;

/** ClickHouse, wherever it is: everything goes through the vendor's client. `{db}` in a statement is the database. */
export class AnalyticsEngine {
  private constructor(
    private readonly client: ClickHouseClient,
    private readonly place: AnalyticsPlace,
    readonly database: string,
    /** Undefined at a server, which tells of a write that fails. */
    private readonly files: EmbeddedFiles | undefined,
    private readonly gate: Gate,
  ) {}

  get isEmbedded(): boolean {
    return 'path' in this.place;
  }

  /** For people: the directory or the address. */
  get where(): string {
    return 'path' in this.place ? this.place.path : new URL(this.place.url).host;
  }

  /**
   * Opens the engine; the database itself is made by `migrate`. One embedded directory a process, one process a
   * directory: the caller holds a lock.
   * @param isThere whether statements may leave the database out: it must exist.
   */
  static async open(place: AnalyticsPlace, name = 'tallystick', isThere = false): Promise<AnalyticsEngine> {
    const database = 'url' in place ? (place.database ?? name) : name;
    if ('url' in place) {
      const client = serverClient(place, isThere ? database : undefined);
      return new AnalyticsEngine(client, place, database, undefined, new Gate());
    }
    storing(place.path, () => mkdirSync(place.path, { recursive: true, mode: 0o700 }));
    // Loaded where it is used: it is large, and there is none for every platform.
    const { createChdbConnection } = await import('chdb/connection').catch((error: unknown) => {
      const why = `the embedded engine cannot be loaded on this platform (${error instanceof Error ? firstLine(error.message) : ''})`;
      throw new AnalyticsUnavailable(place.path, why, error, true);
    });
    // The same types, told by two packages of which one allows `undefined` in optional fields.
    const connection: object = started(place.path, () => createChdbConnection({ path: place.path }));
    const client = createClient({ connection: connection as ClientConnection, log: QUIET });
    const engine = new AnalyticsEngine(client, place, database, new EmbeddedFiles(place.path), new Gate());
    for (const [setting, value] of Object.entries(SESSION_SETTINGS)) await engine.command(`SET ${setting} = ${value}`);
    if (isThere) await engine.command('USE {db}');
    return engine;
  }

  /** The same engine over another database of it: shadow tables while the old ones answer. */
  over(database: string): AnalyticsEngine {
    const files = this.files && new EmbeddedFiles(this.where);
    return new AnalyticsEngine(this.client, this.place, database, files, this.gate);
  }

  /** A connection of its own to the same database, whose statements may leave the database out. */
  async beside(): Promise<AnalyticsEngine> {
    const { place, database } = this;
    const own = await AnalyticsEngine.open('path' in place ? place : { ...place, database }, database, true);
    // Its statements wait for an exchange as well.
    return new AnalyticsEngine(own.client, own.place, database, own.files, this.gate);
  }

  /** Statements that must all see the same tables: none is exchanged before they have ended. */
  together<T>(statements: () => Promise<T>): Promise<T> {
    return this.gate.pass(statements);
  }

  /** As `together` for an answer that is given piece by piece. */
  async *whole<T>(pieces: AsyncIterable<T>): AsyncGenerator<T> {
    let release = (): void => undefined;
    const ended = new Promise<void>((resolve) => (release = resolve));
    await new Promise<void>((entered) => {
      void this.gate.pass(() => {
        entered();
        return ended;
      });
    });
    try {
      yield* pieces;
    } finally {
      release();
    }
  }

  /** Begins when no statement of others is under way; those that come meanwhile wait. */
  alone<T>(statements: (engine: AnalyticsEngine) => Promise<T>): Promise<T> {
    const { client, place, database, files } = this;
    return this.gate.alone(() => statements(new AnalyticsEngine(client, place, database, files, new Gate())));
  }

  /** @throws DiskFull if the embedded engine has no room for another batch. */
  refuseFullDisk(): void {
    this.files?.refuseFull();
  }

  /**
   * Whether all that was written since the last call is on the disk, whole; what is not is dropped.
   * @throws DiskFull, AnalyticsDamaged
   */
  async checkFiles(): Promise<void> {
    if (this.files === undefined) return;
    const parts = await this.rows<Part>(
      `SELECT table, name, min_block_number != max_block_number AS merged, path, bytes_on_disk FROM system.parts
       WHERE database = {database:String} AND active`,
      { database: this.database },
    );
    const short = this.files.short(parts);
    if (short.length === 0) return;
    // A merged part stays: when the engine starts again it may go back to those that it was made of.
    for (const { table, name, merged } of short)
      if (merged === 0) await this.command(`ALTER TABLE {db}.${table} DROP PART {name:String}`, { name });
    throw this.files.errorOf(short);
  }

  /** Rows as objects. Int64 and UInt64 come as numbers: positions and times stay far below 2^53. */
  async rows<T>(sql: string, params: QueryParams = {}, settings: StatementSettings = {}): Promise<T[]> {
    return this.named(async () => {
      const text = await this.ask(this.inDatabase(sql) + clauseOf(settings), params, 'JSONEachRow');
      const lines = unmarkedJson(text).split('\n');
      return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as T);
    });
  }

  /** The answer as text in a ClickHouse format, such as `TabSeparated`. */
  async text(
    sql: string,
    format: Exclude<Format, 'JSONEachRow'>,
    params: QueryParams = {},
    settings: StatementSettings = {},
  ): Promise<string> {
    return this.named(() => this.ask(this.inDatabase(sql) + clauseOf(settings), params, format));
  }

  async command(sql: string, params: QueryParams = {}): Promise<void> {
    await this.named(() => this.ask(this.inDatabase(sql), params));
  }

  /**
   * Inserts tab-separated rows as one block. The same token with the same table again is dropped, in the tables that
   * views fill as well.
   * @param columns the columns that the rows give, in their order.
   */
  async insert(table: string, columns: readonly string[], rows: string, token: string): Promise<void> {
    const settings = clauseOf({ ...INSERT_SETTINGS, insert_deduplication_token: token });
    const query = `INSERT INTO ${this.database}.${table} (${columns.join(', ')})${settings} FORMAT TabSeparated`;
    // Also where nobody knows whether it arrived: by its token it is there once.
    await repeated(this.waits(), () => this.named(() => this.ask(query, {}, undefined, rows)));
  }

  /**
   * `INSERT … SELECT` as one insert with a token.
   * @param into table and columns: `{db}.rollup_hour (tenant, hour)`.
   */
  async insertSelect(into: string, select: string, token: string, params: QueryParams = {}): Promise<void> {
    const settings = clauseOf({ ...INSERT_SETTINGS, insert_deduplication_token: token });
    await repeated(this.waits(), () => this.command(`INSERT INTO ${into}${settings} ${select}`, params));
  }

  async close(): Promise<void> {
    await this.client.close();
    if (!this.isEmbedded) return;
    const { drainPending } = await import('chdb');
    await drainPending();
  }

  /** Before an insert is sent again: the embedded engine cannot be out of reach. */
  private waits(): readonly number[] {
    return 'path' in this.place ? [] : (this.place.retryMs ?? [200, 1000]);
  }

  /**
   * The answer's text, whole.
   * @param format of an answer with rows.
   * @param rows that are to be inserted.
   */
  private async ask(query: string, params: QueryParams, format?: Format, rows?: string): Promise<string> {
    if (format !== undefined && !this.isEmbedded && isLong(params)) {
      const result = await this.client.query({ query, query_params: params, format, use_multipart_params: true });
      return toldText(await result.text(), result.response_headers);
    }
    const { stream, response_headers: headers } = await this.client.exec({
      query: format === undefined ? query : `${query}\nFORMAT ${format}`,
      query_params: params,
      ...(rows !== undefined && { values: Readable.from([rows], { objectMode: false }) }),
    });
    const text = await answerText(stream, headers);
    // Whatever else answers 200 has stored nothing.
    if (!this.isEmbedded && headers['x-clickhouse-query-id'] === undefined)
      throw new AnalyticsUnavailable(this.where, 'what answers there is not ClickHouse');
    if (rows !== undefined && text !== '') throw new Error('an insert was answered with something else than its end');
    return text;
  }

  private inDatabase(sql: string): string {
    return sql.replaceAll('{db}', this.database);
  }

  private async named<T>(operation: () => Promise<T>): Promise<T> {
    try {
      return await this.gate.pass(operation);
    } catch (error) {
      throw engineError(error, this);
    }
  }
}

/** @throws AnalyticsDamaged: the engine itself says on standard error what it cannot read. */
function started<T>(path: string, start: () => T): T {
  try {
    return start();
  } catch (error) {
    throw new AnalyticsDamaged(path, 'the embedded engine does not start over them', error);
  }
}

/** Parameters stand in the URL, of which proxies and servers take 8 KiB and more: what is longer goes as a form. */
function isLong(params: QueryParams): boolean {
  return Object.values(params).join(' ').length > 2048;
}

function clauseOf(settings: StatementSettings): string {
  const all = Object.entries(settings).map(([name, value]) =>
    typeof value === 'number' ? `${name} = ${value}` : `${name} = '${value.replace(/[\\']/g, '\\$&')}'`,
  );
  return all.length === 0 ? '' : ` SETTINGS ${all.join(', ')}`;
}
