import type { AnalyticsEngine } from '../engine.js';
import type { BatchJournal, ExchangePlan } from '../writer/journal.js';

/** The database that a rebuild fills while the other one answers. */
export function shadowOf(database: string): string {
  return `${database}_next`;
}

interface Made {
  name: string;
  uuid: string;
  engine: string;
  statement: string;
}

/** What a full shadow database puts in place of which table and view. */
export async function planExchange(live: AnalyticsEngine, shadow: AnalyticsEngine): Promise<ExchangePlan> {
  const plan: ExchangePlan = { tables: {}, views: {}, done: false };
  for (const made of await madeIn(shadow)) {
    if (isView(made)) plan.views[made.name] = made.statement.replaceAll(`${shadow.database}.`, `${live.database}.`);
    else plan.tables[made.name] = made.uuid;
  }
  return plan;
}

/**
 * Puts what was built in place, as the journal says; undefined there: nothing is to be done. Repeating it after a crash
 * at any point finishes it. Nobody may ask meanwhile: each table is exchanged in one step, all of them are not.
 * @param live over a gate of its own: see `AnalyticsEngine.alone`.
 */
export async function finishExchange(live: AnalyticsEngine, journal: BatchJournal): Promise<void> {
  const plan = journal.exchange();
  if (plan === undefined) return;
  const shadow = live.over(shadowOf(live.database));
  if (!plan.done) {
    await putInPlace(live, shadow, plan);
    // The batch that was under way in the old tables is in the new ones, whatever its bounds were.
    journal.done();
    journal.setRepairing(false);
    journal.setExchange({ ...plan, done: true });
  }
  await shadow.command('DROP DATABASE IF EXISTS {db} SYNC');
  journal.shadow().done();
  journal.setExchange(undefined);
}

async function putInPlace(live: AnalyticsEngine, shadow: AnalyticsEngine, plan: ExchangePlan): Promise<void> {
  await live.command('CREATE DATABASE IF NOT EXISTS {db} ENGINE = Atomic');
  // Views of the shadow would be fed by tables that have left it.
  for (const made of await madeIn(shadow)) if (isView(made)) await shadow.command(`DROP VIEW {db}.${made.name} SYNC`);
  const before = await madeIn(live);
  for (const { name, statement, ...made } of before)
    if (isView(made) && plan.views[name] !== statement) await live.command(`DROP VIEW {db}.${name} SYNC`);
  const there = new Map(before.map(({ name, uuid }) => [name, uuid]));
  for (const [name, uuid] of inOrder(plan)) {
    if (there.get(name) === uuid) continue;
    await live.command(
      there.has(name)
        ? `EXCHANGE TABLES {db}.${name} AND ${shadow.database}.${name}`
        : `RENAME TABLE ${shadow.database}.${name} TO {db}.${name}`,
    );
  }
  for (const made of before)
    if (!isView(made) && !(made.name in plan.tables)) await live.command(`DROP TABLE {db}.${made.name} SYNC`);
  await makeViews(live, plan);
}

/** The table that says how far all others are comes last. */
function inOrder({ tables }: ExchangePlan): [string, string][] {
  return Object.entries(tables).sort(([a], [b]) => Number(a === 'batches') - Number(b === 'batches'));
}

/** A view may read another one: those that cannot be made yet are tried again when others are there. */
async function makeViews(live: AnalyticsEngine, { views }: ExchangePlan): Promise<void> {
  const there = new Set((await madeIn(live)).map(({ name }) => name));
  let missing = Object.entries(views).filter(([name]) => !there.has(name));
  while (missing.length > 0) {
    const failed: typeof missing = [];
    let cause: unknown;
    for (const [name, statement] of missing) {
      try {
        await live.command(statement);
      } catch (error) {
        cause = error;
        failed.push([name, statement]);
      }
    }
    if (failed.length === missing.length) throw cause;
    missing = failed;
  }
}

function isView({ engine }: Pick<Made, 'engine'>): boolean {
  return engine === 'View' || engine === 'MaterializedView';
}

async function madeIn(engine: AnalyticsEngine): Promise<Made[]> {
  return engine.rows<Made>(
    `SELECT name, toString(uuid) AS uuid, engine, create_table_query AS statement FROM system.tables
     WHERE database = {database:String} ORDER BY name`,
    { database: engine.database },
  );
}
