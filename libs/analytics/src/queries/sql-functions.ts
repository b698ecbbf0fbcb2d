import type { AnalyticsEngine } from '../engine.js';

/** What a statement may call, as the running engine has it. */
export interface SqlFunctions {
  allowed: ReadonlySet<string>;
  /** Functions that are not allowed, and table functions: no column may pose as one (`arrayMap(file, …)`). */
  refused: ReadonlySet<string>;
  /** Databases other than ours. */
  foreign: ReadonlySet<string>;
}

/**
 * Kinds of functions that look at their arguments alone. Those that a later release adds elsewhere stay refused until
 * somebody has looked at them: the engine has functions that read files, call models, sleep and tell of the server.
 */
const HARMLESS = [
  ...['Arithmetic', 'Arrays', 'Bit', 'Bitmap', 'Comparison', 'Conditional', 'Dates and Times', 'Distance', 'Encoding'],
  ...['Financial', 'Hash', 'IP Address', 'JSON', 'Logical', 'Map', 'Mathematical', 'Null', 'Rounding', 'String'],
  ...[
    'String Replacement',
    'String Search',
    'String Splitting',
    'Time Series',
    'Time Window',
    'Tuple',
    'Type Conversion',
  ],
  ...['URL', 'UUID'],
];
/** Of the rest, what analyses need. */
const LISTED = [
  ...['transform', 'tuple', 'array', 'lambda', 'arrayjoin', 'bar', 'identity', 'materialize', 'totypename', 'flatten'],
  ...[
    'finalizeaggregation',
    'initializeaggregation',
    'rownumberinallblocks',
    'runningdifference',
    'neighbor',
    'unnest',
  ],
  ...['formatreadablesize', 'formatreadablequantity', 'formatreadabletimedelta', 'minsamplesizecontinuous'],
  ...[
    'minsamplesizeconversion',
    'in',
    'notin',
    'globalin',
    'globalnotin',
    'exists',
    'grouping',
    'castasterisk',
    '_cast',
  ],
];
/** Table functions that make rows of nothing. */
const TABLES = [
  'numbers',
  'numbers_mt',
  'zeros',
  'zeros_mt',
  'values',
  'generate_series',
  'generateseries',
  'primes',
  'view',
];

export async function readSqlFunctions(engine: AnalyticsEngine): Promise<SqlFunctions> {
  const [functions, tables, combinators, databases] = await Promise.all([
    engine.rows<{ name: string; alias: string; aggregate: number; kinds: string; origin: string }>(
      `SELECT lower(name) AS name, lower(alias_to) AS alias, is_aggregate AS aggregate, categories AS kinds,
         toString(origin) AS origin FROM system.functions`,
    ),
    engine.rows<{ name: string }>('SELECT lower(name) AS name FROM system.table_functions'),
    engine.rows<{ name: string }>('SELECT lower(name) AS name FROM system.aggregate_function_combinators'),
    engine.rows<{ name: string }>('SELECT name FROM system.databases'),
  ]);
  const byName = new Map(functions.map((each) => [each.name, each]));
  const allowed = new Set<string>([...LISTED, ...TABLES]);
  for (const each of functions) {
    const meant = byName.get(each.alias) ?? each;
    const harmless = meant.aggregate === 1 || HARMLESS.includes(meant.kinds) || LISTED.includes(meant.name);
    if (harmless && meant.origin === 'System') allowed.add(each.name);
  }
  for (const { name } of tables) if (!TABLES.includes(name) && name !== 'format') allowed.delete(name);
  addCombined(
    allowed,
    functions.filter((each) => each.aggregate === 1).map(({ name }) => name),
    combinators,
  );
  const refused = new Set([...functions, ...tables].map(({ name }) => name).filter((name) => !allowed.has(name)));
  const foreign = new Set(databases.map(({ name }) => name).filter((name) => name !== engine.database));
  return { allowed, refused, foreign };
}

/** `sumIf`, `uniqExactArrayIf`: an aggregate with up to two combinators. */
function addCombined(
  allowed: Set<string>,
  aggregates: readonly string[],
  combinators: readonly { name: string }[],
): void {
  for (const aggregate of aggregates) {
    for (const { name: first } of combinators) {
      allowed.add(aggregate + first);
      for (const { name: second } of combinators) allowed.add(aggregate + first + second);
    }
  }
}
