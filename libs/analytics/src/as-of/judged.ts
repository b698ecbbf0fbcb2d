import {
  evaluateUnit,
  History,
  isName,
  type Borders,
  type Cut,
  type FoldedUnit,
  type Name,
  type RecordedFact,
  type ResolvedFact,
  type Unit,
} from '#lifecycle';
import type { AnalyticsEngine, QueryParams } from '../engine.js';
import { aliasesOf, type Contested } from './contested.js';
import { FetchedSource } from './fetched-source.js';
import { endedMembers, labelsOf, membersOf, sameFamily } from './families.js';
import type { Known } from './known.js';
import { numbersOf } from './names-sql.js';
import { ReducedFacts } from './reduced-facts.js';
import { readFacts } from './stored-facts.js';

/** Facts that join names, as far as columns show it; the core reads what they say. */
const LINKING = `(fam != toUUID('00000000-0000-0000-0000-000000000000') OR kind IN ('token.aliased', 'token.renamed', 'token.rotated')
  OR position(data, '"parent"') > 0 OR position(data, '"successor"') > 0)`;
const NAMED = 'position <= {K:UInt64} AND toUInt128(name) IN {names:Array(UInt128)}';

/** Without `contested`, every family is looked at whole, and every alias: for a few tokens, which are found faster so. */
export interface Doubts {
  known: Known;
  contested?: Contested;
}

/**
 * The history of some tokens, as known at K: their facts out of ClickHouse, and those of everything that bears on
 * them: aliases, families, fences, subjects, keys, settings. The core folds it as it folds the ledger.
 */
export async function historyOf(engine: AnalyticsEngine, read: Doubts, names: Iterable<Name>): Promise<History> {
  const unit = await namesOf(engine, read, names);
  const { tenant, position } = read.known;
  const own = await readFacts(engine, tenant, 'facts', NAMED, { K: position, names: numbersOf(unit) });
  return (await surroundingsOf(engine, read, unit, own))(own);
}

/** The names of the units that some names belong to. */
function namesOf(
  engine: AnalyticsEngine,
  { known, contested }: Doubts,
  names: Iterable<Name>,
): Promise<Set<Name>> | Set<Name> {
  const mayHaveOthers = (contested?.hasPairs ?? true) || known.renames.length > 0;
  return mayHaveOthers ? aliasesOf(engine, known, names) : new Set(names);
}

/** What bears on some tokens beside their own facts: makes a history of those. */
async function surroundingsOf(
  engine: AnalyticsEngine,
  { known, contested }: Doubts,
  unit: ReadonlySet<Name>,
  own: readonly RecordedFact[],
): Promise<(own: readonly RecordedFact[]) => History> {
  const facts = (table: 'facts' | 'world_facts', where: string, params: QueryParams): Promise<RecordedFact[]> =>
    readFacts(engine, known.tenant, table, where, { K: known.position, ...params });
  const hasPairs = contested?.hasPairs ?? true;
  const isDoubtful = (family: Name): boolean => contested?.families.has(family) ?? true;
  const named = new Set([...unit, ...own.flatMap(namedBy)]);
  // Other tokens that a line names are called what their aliases say.
  const aliased = hasPairs && named.size > unit.size ? await aliasesOf(engine, known, named) : named;
  const labels = await labelsOf(engine, known, aliased);
  const doubtful = new Set([...labels].filter(([, label]) => isDoubtful(label)).map(([name]) => name));
  const family = await membersOf(engine, known, doubtful);
  const linked = [...new Set([...family.members, ...family.aliased, ...aliased])].filter((name) => !unit.has(name));
  const joins = hasPairs || doubtful.size > 0 || known.renames.length > 0;
  const links =
    joins && linked.length > 0 ? await facts('facts', `${NAMED} AND ${LINKING}`, { names: numbersOf(linked) }) : [];
  const settled = new Map([...labels].filter(([, label]) => !isDoubtful(label)));
  const ended = await endedMembers(engine, known, new Set(settled.values()));
  const marks = withRenames(known, marksOf(own));
  const mayEnd = new Set([...named, ...aliased, ...family.members, ...family.aliased, ...ended.keys()]);
  const world = await facts(
    'world_facts',
    `position <= {K:UInt64} AND (
      position IN (SELECT position FROM {db}.family_ends WHERE tenant = {tenant:String} AND toUInt128(name) IN {ended:Array(UInt128)})
      OR (startsWith(kind, 'subject.') AND sub IN {marks:Array(UUID)})
      OR position IN (SELECT position FROM {db}.fences WHERE tenant = {tenant:String}
        AND (sub IN {marks:Array(UUID)} OR cli IN {marks:Array(UUID)} OR kid IN {marks:Array(UUID)} OR ses IN {marks:Array(UUID)})))`,
    { ended: numbersOf(mayEnd), marks: [...marks] },
  );
  const joining = [...known.renameFacts, ...links, ...sameFamily(known, settled), ...sameFamily(known, ended)];
  const around = [...known.worldFacts, ...world];
  return (each) => new History(new FetchedSource(each, joining, around, known.conflictKeys));
}

/** The units that these names belong to, each with its tokens as far as something is known of them at the cut. */
export function unitsOf(history: History, names: Iterable<Name>, cut: Cut, borders: Borders = []): FoldedUnit[] {
  const { links, world } = history;
  const units = new Map<Name, Unit>();
  for (const name of names) {
    const unit = links.unitOf(name);
    units.set(unit.center, unit);
  }
  const factsOf = (name: Name): Iterable<ResolvedFact> => history.factsOf(name);
  return [...units.values()].map((unit) => evaluateUnit(unit, factsOf, cut, world, links, borders));
}

/**
 * As `unitsOf` for tokens with more uses than anyone wants to read: a bucket's first and last stand for it. Where an
 * instant at which the answer turns falls into a bucket, that one's facts are read, and all is folded again.
 */
export async function longUnitsOf(
  engine: AnalyticsEngine,
  read: Doubts,
  names: readonly Name[],
  cut: Cut,
  extra: Borders,
): Promise<{ history: History; units: FoldedUnit[] }> {
  const borders = new Set([...extra, cut.T + 1, ...[...(cut.gateways?.values() ?? [])].map((at) => at + 1)]);
  const unit = await namesOf(engine, read, names);
  const reduced = await ReducedFacts.of(engine, read.known, unit);
  let { facts, spans } = await reduced.cutAt([...borders]);
  const historyWith = await surroundingsOf(engine, read, unit, facts);
  for (;;) {
    const history = historyWith(facts);
    const units = unitsOf(history, names, cut, extra);
    const turns = units.flatMap((each) => each.borders).filter((border) => !borders.has(border));
    const isCut = turns.some((border) => spans.some(({ first, last }) => first < border && border <= last));
    if (!isCut) return { history, units };
    for (const border of turns) borders.add(border);
    ({ facts, spans } = await reduced.cutAt([...borders]));
  }
}

/** Names that fences, keys and subjects are found by. */
function marksOf(facts: readonly RecordedFact[]): Set<Name> {
  const out = new Set<Name>();
  for (const { names } of facts)
    for (const mark of [names.sub, names.cli, names.kid, names.ses]) if (mark !== undefined) out.add(mark);
  return out;
}

function withRenames({ renames }: Known, names: Set<Name>): Set<Name> {
  for (let size = -1; size !== names.size;) {
    size = names.size;
    for (const { from, to } of renames) if (names.has(from) || names.has(to)) names.add(from).add(to);
  }
  return names;
}

/** Families and other tokens that a line names. */
function namedBy({ names, data }: RecordedFact): Name[] {
  return [names.fam, data['parent'], data['successor'], data['subjectToken'], data['subjectFamily']].filter(
    (name): name is Name => typeof name === 'string' && isName(name),
  );
}
