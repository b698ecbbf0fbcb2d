import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AnalyticsEngine } from './engine.js';
import { EditedMigration, NewerSchema } from './errors.js';

/** One numbered SQL file. Once it is in a release its text never changes: a change is a new file. */
export interface Migration {
  /** File name without `.sql`: `0001_facts`. */
  id: string;
  /** SHA-256 of the file, hex. */
  checksum: string;
  statements: string[];
}

export interface MigrationPlan {
  applied: string[];
  /** What `migrate` would apply, in order. */
  pending: string[];
}

/** The SQL files stand beside the sources, also when the compiled program runs. */
export function analyticsFolder(name: 'migrations' | 'queries'): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(directory, 'package.json'))) directory = dirname(directory);
  return join(directory, 'libs', 'analytics', name);
}

export function readMigrations(folder = analyticsFolder('migrations')): Migration[] {
  return readdirSync(folder)
    .filter((name) => /^\d{4}_.*\.sql$/.test(name))
    .sort()
    .map((name) => {
      const text = readFileSync(join(folder, name), 'utf8');
      return {
        id: name.slice(0, -'.sql'.length),
        checksum: createHash('sha256').update(text).digest('hex'),
        statements: statementsOf(text),
      };
    });
}

/** Statements end with a semicolon at the end of a line; lines of comment are none, whatever they end with. */
function statementsOf(text: string): string[] {
  return text
    .replace(/^[ \t]*--.*\n/gm, '')
    .split(/;[ \t]*\n/)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}

/**
 * What is applied and what is to come. Nothing is changed; a database that does not exist has nothing applied.
 * @throws EditedMigration, NewerSchema
 */
export async function planMigrations(engine: AnalyticsEngine, known = readMigrations()): Promise<MigrationPlan> {
  const applied = await appliedMigrations(engine);
  for (const { id, checksum } of applied) {
    const ours = known.find((each) => each.id === id);
    if (ours === undefined) throw new NewerSchema(id, engine.database);
    if (ours.checksum !== checksum) throw new EditedMigration(id, engine.database);
  }
  const ids = new Set(applied.map(({ id }) => id));
  return { applied: [...ids].sort(), pending: known.map(({ id }) => id).filter((id) => !ids.has(id)) };
}

/**
 * Brings the database to this release's schema. A crash between two statements leaves a migration unmarked: its
 * statements are repeated, each only if its table or view is not there.
 */
export async function migrate(engine: AnalyticsEngine, known = readMigrations()): Promise<MigrationPlan> {
  const plan = await planMigrations(engine, known);
  if (plan.pending.length === 0) return plan;
  await engine.command('CREATE DATABASE IF NOT EXISTS {db} ENGINE = Atomic');
  await engine.command(
    'CREATE TABLE IF NOT EXISTS {db}.migrations (id String, checksum String) ENGINE = ReplacingMergeTree ORDER BY id',
  );
  for (const { id, checksum, statements } of known) {
    if (!plan.pending.includes(id)) continue;
    for (const statement of statements) await engine.command(repeatable(statement));
    await engine.command('INSERT INTO {db}.migrations SELECT {id:String}, {checksum:String}', { id, checksum });
  }
  return plan;
}

function repeatable(statement: string): string {
  return statement.replace(/^CREATE (TABLE|MATERIALIZED VIEW|VIEW) /, 'CREATE $1 IF NOT EXISTS ');
}

async function appliedMigrations(engine: AnalyticsEngine): Promise<{ id: string; checksum: string }[]> {
  const [found] = await engine.rows<{ n: number }>(
    'SELECT count() AS n FROM system.tables WHERE database = {database:String} AND name = {table:String}',
    { database: engine.database, table: 'migrations' },
  );
  if (found === undefined || found.n === 0) return [];
  return engine.rows('SELECT id, checksum FROM {db}.migrations FINAL ORDER BY id');
}
