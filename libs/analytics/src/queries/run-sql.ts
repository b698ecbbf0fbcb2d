import { QueryFailed } from '../errors.js';
import { SqlRefused } from './errors.js';
import { settingsOf, SQL_LIMITS, type Limits } from './limits.js';
import type { Reader } from './reader.js';
import { answerRows, type AnswerRow } from './rows.js';
import { readSqlFunctions, type SqlFunctions } from './sql-functions.js';
import { checkTree, checkWords, readStatement } from './sql-statement.js';

export interface SqlAnswer {
  columns: string[];
  rows: AnswerRow[];
}

/** Runs what people type over our tables: it reads, within limits, and reaches nothing else, whoever wrote it. */
export class SqlDesk {
  private functions: Promise<SqlFunctions> | undefined;

  constructor(
    private readonly reader: Reader,
    private readonly limits: Limits = SQL_LIMITS,
  ) {}

  /**
   * Runs one statement. Tables need no database before them; names come as 32 hex digits.
   * @throws SqlRefused, QueryLimit, QueryFailed
   */
  async run(text: string): Promise<SqlAnswer> {
    const statement = readStatement(text);
    if (statement.kind === 'tables') {
      return this.read(
        `SELECT name, engine, coalesce(total_rows, 0) AS rows FROM system.tables
         WHERE database = '${this.reader.engine.database}' AND name NOT LIKE '.inner%' ORDER BY name`,
      );
    }
    if (statement.kind === 'describe') return this.read(`DESCRIBE TABLE {db}.${statement.table}`);
    if (statement.kind === 'create') {
      return this.read(`SELECT create_table_query AS statement FROM system.tables
        WHERE database = '${this.reader.engine.database}' AND name = '${statement.table}'`);
    }
    const { select, explain } = statement;
    await this.check(select);
    // Made whole before it is counted: of a constant the engine counts one row, and would write as many as there are.
    if (explain === undefined) return this.read(`SELECT * APPLY(materialize) FROM (\n${select}\n)`);
    // The engine takes an explanation in a subquery for a writing function; it was checked that it only reads.
    return this.read(`SELECT * FROM (${explain}${select}\n)`, { ...settingsOf(this.limits), readonly: 0 });
  }

  /** In parentheses, so that nothing can follow the SELECT but what a subquery may hold. */
  private async check(select: string): Promise<void> {
    this.functions ??= readSqlFunctions(this.reader.engine);
    const [functions, columns, tree] = await Promise.all([
      this.functions,
      this.reader.engine.rows<{ name: string }>(
        'SELECT DISTINCT name FROM system.columns WHERE database = {database:String}',
        {
          database: this.reader.engine.database,
        },
      ),
      this.treeOf(select),
    ]);
    const own = new Set(columns.map(({ name }) => name));
    checkWords(select, functions);
    checkTree(tree, functions, (name) => own.has(name));
  }

  private async treeOf(select: string): Promise<string[]> {
    try {
      const sql = `SELECT explain FROM (EXPLAIN AST SELECT * FROM (\n${select}\n))`;
      const { data } = await this.reader.read(sql, this.limits, {}, { ...settingsOf(this.limits), readonly: 0 });
      return data.map(([line]) => String(line));
    } catch (error) {
      if (error instanceof QueryFailed) throw new SqlRefused(`it cannot be read (${error.message})`);
      throw error;
    }
  }

  private async read(sql: string, settings = settingsOf(this.limits)): Promise<SqlAnswer> {
    const answer = await this.reader.read(sql, this.limits, {}, settings);
    const meta = answer.meta.map(({ name, type }) => ({
      name: /^materialize\((.*)\)$/s.exec(name)?.[1] ?? name,
      type,
    }));
    return { columns: meta.map(({ name }) => name), rows: answerRows({ ...answer, meta }) };
  }
}
