import { fullType, OWN_SOURCE, type Name, type RecordedFact } from '#lifecycle';
import type { AnalyticsEngine } from '../engine.js';
import { aliasesOf, LABELS } from './contested.js';
import type { Known } from './known.js';
import { digitsOf, NO_UUID, numbersOf, READING, rowsOf } from './names-sql.js';

/** The family of each of these names, as the table has it at K; names without one are left out. */
export async function labelsOf(
  engine: AnalyticsEngine,
  known: Known,
  names: ReadonlySet<Name>,
): Promise<Map<Name, Name>> {
  if (names.size === 0) return new Map();
  return pairs(
    engine,
    known,
    `SELECT ${digitsOf('n')}, ${digitsOf('label')} FROM (${LABELS('{names:Array(UInt128)}')}) WHERE label != ${NO_UUID}`,
    names,
  );
}

/** Names at which an end of one of these families was stated, each with its family. */
export async function endedMembers(
  engine: AnalyticsEngine,
  known: Known,
  families: ReadonlySet<Name>,
): Promise<Map<Name, Name>> {
  if (families.size === 0) return new Map();
  const ended = `(SELECT toUInt128(name) FROM {db}.family_ends WHERE tenant = {tenant:String} AND position <= {K:UInt64})`;
  return pairs(
    engine,
    known,
    `SELECT ${digitsOf('n')}, ${digitsOf('label')} FROM (${LABELS(ended)}) WHERE toUInt128(label) IN {names:Array(UInt128)}`,
    families,
  );
}

async function pairs(
  engine: AnalyticsEngine,
  known: Known,
  sql: string,
  names: ReadonlySet<Name>,
): Promise<Map<Name, Name>> {
  const params = { tenant: known.tenant, K: known.position, names: numbersOf(names) };
  const text = await engine.text(sql, 'TabSeparated', params, READING);
  return new Map([...rowsOf(text)] as [Name, Name][]);
}

/**
 * Everyone in the families of these names, and in those that aliases and renames join to them.
 * `aliased` are the members with the names that aliases lead to.
 */
export async function membersOf(
  engine: AnalyticsEngine,
  known: Known,
  names: ReadonlySet<Name>,
): Promise<{ members: Set<Name>; aliased: Set<Name> }> {
  const members = new Set<Name>();
  const aliased = new Set<Name>();
  const of = `SELECT label FROM {db}.family_labels
    WHERE tenant = {tenant:String} AND position <= {K:UInt64} AND toUInt128(member) IN {names:Array(UInt128)}`;
  let fresh: ReadonlySet<Name> = names;
  while (fresh.size > 0) {
    const joined = await aliasesOf(engine, known, fresh);
    for (const name of joined) aliased.add(name);
    const text = await engine.text(
      `SELECT DISTINCT ${digitsOf('member')} FROM {db}.family_labels
       WHERE tenant = {tenant:String} AND position <= {K:UInt64} AND label IN (${of}) AND label != ${NO_UUID}`,
      'TabSeparated',
      { tenant: known.tenant, K: known.position, names: numbersOf(joined) },
      READING,
    );
    const next = new Set<Name>();
    for (const [name] of rowsOf(text)) {
      if (!members.has(name!) && !aliased.has(name!)) next.add(name!);
      members.add(name!);
    }
    fresh = next;
  }
  return { members, aliased };
}

/** Facts that say no more than whose family a name is of: they stand for the edges that the writer has folded. */
export function sameFamily({ tenant }: Known, families: ReadonlyMap<Name, Name>): RecordedFact[] {
  return [...families].map(([name, parent]) => ({
    id: `${name}${parent}`,
    type: fullType('token.observed'),
    source: OWN_SOURCE,
    tenant,
    subject: name,
    time: 0,
    names: { jti: name },
    data: { parent },
    record: { key: '', digest: '', ordinal: 0 },
    position: 0n,
    recordedAt: 0,
  }));
}
