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
import { readReduced, type Reduced } from './reduced-facts.js';
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
 * @param ownFacts reads the facts of these names otherwise: reduced to what a fold keeps of them.
 */
export async function historyOf(
  engine: AnalyticsEngine,
  { known, contested }: Doubts,
  names: Iterable<Name>,
  ownFacts?: (unit: ReadonlySet<Name>) => Promise<RecordedFact[]>,
): Promise<History> {
  const facts = (table: 'facts' | 'world_facts', where: string, params: QueryParams): Promise<RecordedFact[]> =>
    readFacts(engine, known.tenant, table, where, { K: known.position, ...params });
  const hasPairs = contested?.hasPairs ?? true;
  const isDoubtful = (family: Name): boolean => contested?.families.has(family) ?? true;
  const unit = hasPairs || known.renames.length > 0 ? await aliasesOf(engine, known, names) : new Set(names);
  const own = await (ownFacts?.(unit) ?? facts('facts', NAMED, { names: numbersOf(unit) }));
  const named = new Set([...unit, ...own.flatMap(namedBy)]);
  // Other tokens that a line names are called what their aliases say.
  const aliased = hasPairs ? await aliasesOf(engine, known, named) : named;
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
  const world = await facts(
    'world_facts',
    `position <= {K:UInt64} AND (
      position IN (SELECT position FROM {db}.family_ends WHERE tenant = {tenant:String} AND toUInt128(name) IN {ended:Array(UInt128)})
      OR (startsWith(kind, 'subject.') AND sub IN {marks:Array(UUID)})
      OR position IN (SELECT position FROM {db}.fences WHERE tenant = {tenant:String}
        AND (sub IN {marks:Array(UUID)} OR cli IN {marks:Array(UUID)} OR kid IN {marks:Array(UUID)} OR ses IN {marks:Array(UUID)})))`,
    {
      ended: numbersOf(new Set([...named, ...aliased, ...family.members, ...family.aliased, ...ended.keys()])),
      marks: [...marks],
    },
  );
  return new History(
    new FetchedSource(
      own,
      [...known.renameFacts, ...links, ...sameFamily(known, settled), ...sameFamily(known, ended)],
      [...known.worldFacts, ...world],
      known.conflictKeys,
    ),
  );
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
  for (;;) {
    let spans: Reduced['spans'] = [];
    const history = await historyOf(engine, read, names, async (unit) => {
      const reduced = await readReduced(engine, read.known, unit, [...borders]);
      spans = reduced.spans;
      return reduced.facts;
    });
    const units = unitsOf(history, names, cut, extra);
    const turns = units.flatMap((unit) => unit.borders).filter((border) => !borders.has(border));
    const cuts = turns.filter((border) => spans.some(({ first, last }) => first < border && border <= last));
    if (cuts.length === 0) return { history, units };
    for (const border of turns) borders.add(border);
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
