import type { Name } from '#lifecycle';
import type { AnalyticsEngine, QueryParams } from '../engine.js';
import { paramsOf, within, type Known } from './known.js';
import { digitsOf, READING, NO_UUID, numbersOf, rowsOf } from './names-sql.js';

/** What SQL alone does not answer: these tokens' facts are read and folded by the core. */
export interface Contested {
  /** Every name of the units concerned. */
  names: ReadonlySet<Name>;
  /** Families whose members' answers hang on more than the label that the table gives. */
  families: ReadonlySet<Name>;
  /** Whether any alias counts; without, no name stands for another. */
  hasPairs: boolean;
  /** Whether a tok has a family of its own beside its jti's. */
  hasLabelledToks: boolean;
}

/** Aliases that count, in either table. */
const PAIRS = `tenant = {tenant:String} AND position <= {K:UInt64} AND speaker NOT IN {claimed:Array(UInt64)}`;
const KIND = (column: string): string => `toUInt8(bitShiftRight(toUInt128(${column}), 124))`;

/**
 * Finds the tokens that a row alone does not show to be contested: broken aliases and those with several parts, what
 * was renamed, records with several variants where that matters, facts of distrusted sources, families over an alias.
 */
export async function readContested(engine: AnalyticsEngine, known: Known): Promise<Contested> {
  const params = paramsOf(known);
  const names = async (sql: string, more: QueryParams = {}): Promise<Name[]> => {
    const text = await engine.text(sql, 'TabSeparated', { ...params, ...more }, READING);
    return [...rowsOf(text)].flat();
  };
  const [pairs] = await names(`SELECT count() FROM (SELECT 1 FROM {db}.name_pairs WHERE ${PAIRS} LIMIT 1)`);
  const hasPairs = pairs !== '0';
  const seeds = new Set<Name>();
  /** Names whose families are in doubt. */
  const bridged = new Set<Name>();
  const put = (into: Set<Name>, list: readonly Name[]): void => list.forEach((name) => into.add(name));
  let hasLabelledToks = false;
  if (hasPairs) {
    put(bridged, await names(several('name_pairs', 'center', 'tok')));
    put(bridged, await names(several('tok_centers', 'tok', 'center')));
    put(
      bridged,
      await names(
        `SELECT ${digitsOf('center')}, ${digitsOf('tok')} FROM {db}.name_pairs
         WHERE ${PAIRS} AND (${KIND('center')} NOT IN (2, 4) OR ${KIND('tok')} != 3)`,
      ),
    );
    // An end of a family that is stated of a token with two names reaches over its alias.
    put(
      bridged,
      await names(
        `SELECT DISTINCT ${digitsOf('name')} FROM {db}.family_ends
         WHERE tenant = {tenant:String} AND position <= {K:UInt64} AND ${KIND('name')} != 1
           AND (name IN (SELECT center FROM {db}.name_pairs WHERE ${PAIRS}) OR name IN (SELECT tok FROM {db}.name_pairs WHERE ${PAIRS}))`,
      ),
    );
    const labelled = await names(
      `SELECT DISTINCT ${digitsOf('member')} FROM {db}.family_labels
       WHERE tenant = {tenant:String} AND position <= {K:UInt64} AND ${KIND('member')} = 3
         AND member IN (SELECT tok FROM {db}.tok_centers WHERE ${PAIRS})`,
    );
    hasLabelledToks = labelled.length > 0;
    put(
      bridged,
      await names(
        `SELECT DISTINCT arrayJoin([${digitsOf('center')}, ${digitsOf('tok')}]) FROM {db}.tok_centers AS pairs
       LEFT ANY JOIN (${LABELS('{names:Array(UInt128)}')}) AS ours ON toUInt128(pairs.tok) = ours.n
       LEFT ANY JOIN (${LABELS(`(SELECT toUInt128(center) FROM {db}.tok_centers WHERE ${PAIRS} AND toUInt128(tok) IN {names:Array(UInt128)})`)}) AS theirs
         ON toUInt128(pairs.center) = theirs.n
       WHERE ${PAIRS} AND toUInt128(pairs.tok) IN {names:Array(UInt128)}
         AND ours.label != ${NO_UUID} AND theirs.label != ${NO_UUID} AND ours.label != theirs.label`,
        { names: numbersOf(labelled) },
      ),
    );
  }
  await addRenamed(known, names, seeds, bridged);
  if (known.conflictKeys.size > 0) {
    // Of these records only what may permit something counts less.
    put(
      seeds,
      await names(
        `SELECT DISTINCT ${digitsOf('name')} FROM {db}.facts
       WHERE tenant = {tenant:String} AND position <= {K:UInt64} AND startsWith(kind, 'token.')
         AND (exp_kind != '' OR kind = 'token.reinstated') AND record_key IN {keys:Array(UUID)}`,
        { keys: [...known.conflictKeys] },
      ),
    );
  }
  for (const { source, from, to } of known.distrusts) {
    put(
      seeds,
      await names(
        `SELECT DISTINCT ${digitsOf('name')} FROM {db}.facts
       WHERE tenant = {tenant:String} AND position <= {K:UInt64} AND source = {source:String} AND ${within('time', from, to)}`,
        { source },
      ),
    );
  }
  const families = new Set<Name>();
  const doubtful = await aliasesOf(engine, known, bridged);
  if (doubtful.size > 0)
    put(
      families,
      await names(
        `SELECT DISTINCT ${digitsOf('label')} FROM (${LABELS('{names:Array(UInt128)}')}) WHERE label != ${NO_UUID}`,
        { names: numbersOf(doubtful) },
      ),
    );
  const all = await aliasesOf(engine, known, [...doubtful, ...seeds]);
  return { names: all, families, hasPairs, hasLabelledToks };
}

function several(table: string, name: string, partner: string): string {
  return `SELECT ${digitsOf(`any(${name})`)} FROM {db}.${table} WHERE ${PAIRS}
    GROUP BY toUInt128(${name}) HAVING min(toUInt128(${partner})) != max(toUInt128(${partner}))`;
}

/** The label at K of each of these names. @param names an SQL list or subquery of 128-bit numbers. */
export function LABELS(names: string): string {
  return `SELECT toUInt128(member) AS n, argMax(label, position) AS label FROM {db}.family_labels
    WHERE tenant = {tenant:String} AND position <= {K:UInt64} AND toUInt128(member) IN ${names} GROUP BY n`;
}

const NAMING = ['name', 'sub', 'cli', 'con', 'cred', 'kid', 'parent', 'subject_token', 'subject_family', 'ses', 'fam'];

/** Tokens that carry a name which was renamed, or which another one was renamed to. */
async function addRenamed(
  known: Known,
  names: (sql: string, more: QueryParams) => Promise<Name[]>,
  seeds: Set<Name>,
  bridged: Set<Name>,
): Promise<void> {
  if (known.renames.length === 0) return;
  const renamed = [...new Set(known.renames.flatMap(({ from, to }) => [from, to]))];
  for (const name of renamed) bridged.add(name);
  const carriers = await names(
    `SELECT DISTINCT ${digitsOf('name')} FROM {db}.attributes
     WHERE tenant = {tenant:String} AND position <= {K:UInt64} AND (${NAMING.map((column) => `${column} IN {renamed:Array(UUID)}`).join(' OR ')})`,
    { renamed },
  );
  for (const name of carriers) seeds.add(name);
}

/** Every name that aliases and renames lead to from these; more than the core needs, never less. */
export async function aliasesOf(engine: AnalyticsEngine, known: Known, from: Iterable<Name>): Promise<Set<Name>> {
  const out = new Set<Name>();
  const renames = new Map<Name, Name[]>();
  for (const { from: old, to } of known.renames) {
    renames.set(old, [...(renames.get(old) ?? []), to]);
    renames.set(to, [...(renames.get(to) ?? []), old]);
  }
  let fresh = [...new Set(from)];
  while (fresh.length > 0) {
    const asked = numbersOf(fresh);
    for (const name of fresh) out.add(name);
    const text = await engine.text(
      `SELECT ${digitsOf('center')}, ${digitsOf('tok')} FROM {db}.name_pairs
         WHERE tenant = {tenant:String} AND position <= {K:UInt64} AND toUInt128(center) IN {names:Array(UInt128)}
       UNION DISTINCT
       SELECT ${digitsOf('center')}, ${digitsOf('tok')} FROM {db}.tok_centers
         WHERE tenant = {tenant:String} AND position <= {K:UInt64} AND toUInt128(tok) IN {names:Array(UInt128)}`,
      'TabSeparated',
      { tenant: known.tenant, K: known.position, names: asked },
      READING,
    );
    const next = new Set<Name>();
    for (const pair of rowsOf(text)) for (const name of pair) if (!out.has(name)) next.add(name);
    for (const name of fresh) for (const other of renames.get(name) ?? []) if (!out.has(other)) next.add(other);
    fresh = [...next];
  }
  return out;
}
