import { findingsOf, FindingSet } from './findings/findings.js';
import type { Surroundings } from './findings/context.js';
import { findingsOfNotes, issuerSpellings } from './findings/inputs.js';
import { stateOfStream, type FactsOf } from './fold.js';
import { worldUnder } from './known-settings.js';
import { linksOf } from './known-links.js';
import type { Links, Unit } from './links.js';
import { Logins } from './logins.js';
import { isAboutToken } from './memory-source.js';
import { kindOfName, type Name } from './names.js';
import type { RecordedFact } from './observations.js';
import type { ConflictKeys, ResolvedFact } from './resolve.js';
import type { TokenState } from './state.js';
import type { Borders } from './uses.js';
import type { WarmUnits } from './warm-units.js';
import { evaluateUnit, type FoldedUnit, type FoldedView } from './view-unit.js';
import type { Cut, Finding, TokenView } from './view.js';
import { Watermarks, type SourceClocks } from './watermarks.js';
import type { World } from './world.js';

/** Where a history is read from, bounded to position ≤ K and one tenant. Every iterable may be asked for again. */
export interface HistorySource {
  /** The facts that are not about one token: settings, families, subjects, fences, keys, deployments, sources. */
  worldFacts(): Iterable<RecordedFact>;
  /** The token facts that join names: aliases, renames, grants, rotation edges; others may be among them. */
  linkFacts(): Iterable<RecordedFact>;
  /** Keys of records with more than one variant. */
  conflictKeys(): ConflictKeys;
  /** Token streams, in order of name unless any order will do; `facts` may be iterated more than once. */
  streams(range?: NameRange): Iterable<{ name: Name; facts: Iterable<RecordedFact> }>;
  factsOf(name: Name): Iterable<RecordedFact>;
  clocks(): SourceClocks;
}

/** Names in [from, before). */
export interface NameRange {
  from?: Name;
  before?: Name;
  /** `any`: in whatever order is cheapest to read; default: by name. */
  order?: 'name' | 'any';
  /** With `any`: only the streams made from the nth to the mth, from 1; names without a stream are in no such share. */
  made?: { from: number; to: number };
}

/**
 * The replay: everything that a ledger prefix says, asked by token or all at once. It reads, folds and answers; it
 * has no way to act (DESIGN §2.5).
 */
export class History {
  readonly world: World;
  readonly links: Links;
  private marks: Watermarks | undefined;
  private logins: Logins | undefined;
  private readonly streamStates = new Map<Name, TokenState>();

  /** @param warm for a history that is extended: remembers long units. */
  constructor(
    private from: HistorySource,
    private readonly warm?: WarmUnits,
  ) {
    const worldFacts = [...from.worldFacts()];
    this.world = worldUnder(worldFacts, from.conflictKeys());
    this.links = linksOf(() => this.resolved(from.linkFacts()));
    const current = (name: Name): Name => this.links.current(name);
    for (const fact of this.resolved(worldFacts)) this.world.add(fact, current);
  }

  get source(): HistorySource {
    return this.from;
  }

  /**
   * Goes on to a longer prefix of the same tenant without reading the earlier facts again.
   * @param facts what the longer prefix adds. Not for settings, distrust, renames and second variants of a record:
   *   these say how earlier facts are read, and ask for a new history.
   */
  extend(source: HistorySource, facts: Iterable<RecordedFact>): void {
    this.from = source;
    this.marks = undefined;
    this.streamStates.clear();
    const current = (name: Name): Name => this.links.current(name);
    const ofTokens: ResolvedFact[] = [];
    for (const fact of this.resolved(facts)) {
      if (isAboutToken(fact)) ofTokens.push(fact);
      else this.world.add(fact, current);
      this.links.add(fact);
      this.logins?.add(fact);
    }
    this.warm?.absorb(ofTokens, (name) => this.links.centerOf(current(name)) ?? current(name));
    this.world.linksChanged();
  }

  get watermarks(): Watermarks {
    this.marks ??= new Watermarks(this.source.clocks(), this.world);
    return this.marks;
  }

  private resolved(facts: Iterable<RecordedFact>): Iterable<ResolvedFact> {
    const { resolver } = this.world;
    return {
      *[Symbol.iterator]() {
        for (const fact of facts) {
          const resolved = resolver.resolve(fact);
          if (resolved !== undefined) yield resolved;
        }
      },
    };
  }

  factsOf(name: Name): Iterable<ResolvedFact> {
    const former = this.links.hasRenames ? this.links.formerNames(name) : [];
    if (former.length === 0) return this.resolved(this.source.factsOf(name));
    const all = [name, ...former].map((each) => this.resolved(this.source.factsOf(each)));
    return {
      *[Symbol.iterator]() {
        // That it was renamed says nothing of a token: no sighting, and nothing that a part could claim.
        for (const facts of all)
          for (const fact of facts) if (fact.kind !== 'token.renamed' || fact.authority === 'claimed') yield fact;
      },
    };
  }

  /** The tokens of the unit that a name belongs to; empty if nothing at or before the cut is known of it. */
  unitViews(name: Name, cut: Cut, borders: Borders = []): FoldedView[] {
    const { views } = this.evaluate(this.links.unitOf(name), cut, borders);
    return views.length > 0 || kindOfName(name) !== 'jti' ? views : this.partViews(name, cut, borders);
  }

  /** A part that no tok names has no stream: it stands in that of its jti, which shares half of its name. */
  private partViews(part: Name, cut: Cut, borders: Borders): FoldedView[] {
    const half = part.slice(0, SHARED);
    for (const { name } of this.names({ from: half, before: `${half}g` })) {
      const { views } = this.evaluate(this.links.unitOf(name), cut, borders);
      if (views.some(({ view }) => view.name === part)) return views;
    }
    return [];
  }

  /** One unit as of a cut, whole: as `units` gives it. @param center the unit's own name for itself. */
  unitOf(center: Name, cut: Cut): FoldedUnit {
    return this.evaluate(this.links.unitOf(center), cut, []);
  }

  private evaluate(
    unit: Unit,
    cut: Cut,
    borders: Borders,
    factsOf: FactsOf = (name) => this.factsOf(name),
  ): FoldedUnit {
    const states = (name: Name): TokenState => this.streamState(name);
    return evaluateUnit(unit, factsOf, cut, this.world, this.links, borders, states, this.warm);
  }

  /** A tok that many jtis show restricts each of them: its stream is read once, not once for each. */
  private streamState(name: Name): TokenState {
    let state = this.streamStates.get(name);
    if (state === undefined) {
      state = stateOfStream(name, (each) => this.factsOf(each));
      if (this.streamStates.size >= 64) this.streamStates.clear();
      this.streamStates.set(name, state);
    }
    return state;
  }

  /** One token, or the part of a conflicting identity with this name. */
  view(name: Name, cut: Cut, borders: Borders = []): TokenView | undefined {
    const here = this.links.current(name);
    const parts = this.unitViews(here, cut, borders);
    return (parts.find((part) => part.view.name === here) ?? parts[0])?.view;
  }

  /** Every token as of a cut, in order of name (unless any will do), with the unit it belongs to. Consumers come too; they are no tokens. */
  *views(cut: Cut, borders: Borders = [], range: NameRange = {}): Iterable<FoldedView & { unit: Unit }> {
    for (const { name, facts } of this.names(spreadOf(range))) {
      const unit = this.links.unitOf(name);
      const isPart = unit.parts.includes(name);
      if (unit.center !== name && !isPart) continue;
      for (const folded of this.evaluate(unit, cut, borders, this.reading(name, facts)).views) {
        const { name: own } = folded.view;
        if (isPart ? own !== name : unit.parts.includes(own)) continue;
        if ((range.from === undefined || own >= range.from) && (range.before === undefined || own < range.before)) {
          yield { ...folded, unit };
        }
      }
    }
  }

  /** Every unit as of a cut, whole, in any order: also those that nothing is known of at the cut. */
  *units(cut: Cut, borders: Borders = []): Iterable<FoldedUnit> {
    for (const { name, facts } of this.names({ order: 'any' })) {
      const unit = this.links.unitOf(name);
      if (unit.center === name) yield this.evaluate(unit, cut, borders, this.reading(name, facts));
    }
  }

  /** The facts of a stream that is being read anyway need no second reading. */
  private reading(name: Name, facts: Iterable<RecordedFact> | undefined): FactsOf {
    if (facts === undefined || this.links.hasRenames) return (each) => this.factsOf(each);
    return (each) => (each === name ? this.resolved(facts) : this.factsOf(each));
  }

  /** Names that may stand for a token, in order: those of streams, and the few that have none of their own. */
  private *names(range: NameRange): Iterable<{ name: Name; facts?: Iterable<RecordedFact> }> {
    const within = (name: Name): boolean =>
      (range.from === undefined || name >= range.from) && (range.before === undefined || name < range.before);
    const without = [...this.links.namesWithoutStream()].filter(within).sort();
    if (range.order === 'any') {
      const left = new Set(without);
      for (const stream of this.source.streams(range)) {
        left.delete(stream.name);
        if (this.links.current(stream.name) === stream.name) yield stream;
      }
      if (range.made === undefined) for (const name of left) yield { name };
      return;
    }
    let next = 0;
    for (const stream of this.source.streams(range)) {
      while (next < without.length && without[next]! < stream.name) yield { name: without[next++]! };
      if (without[next] === stream.name) next++;
      if (this.links.current(stream.name) === stream.name) yield stream;
    }
    while (next < without.length) yield { name: without[next++]! };
  }

  /** What rules may ask about other tokens, as of a cut; a bounded number of answers is remembered. */
  surroundings(cut: Cut): Surroundings {
    const remembered = new Map<Name, TokenView | undefined>();
    return {
      view: (name) => {
        if (remembered.has(name)) return remembered.get(name);
        if (remembered.size >= 4096) remembered.clear();
        const view = this.view(name, cut);
        remembered.set(name, view);
        return view;
      },
      loginWithin: (subject, client, after, until, otherThan) =>
        this.loginIndex().within(subject, client, after, until, otherThan),
    };
  }

  private loginIndex(): Logins {
    if (this.logins === undefined) {
      this.logins = new Logins(this.links);
      for (const fact of this.resolved(this.source.linkFacts())) this.logins.add(fact);
    }
    return this.logins;
  }

  /** Every finding as of a cut, worst first. */
  findings(cut: Cut): Finding[] {
    const steps = this.findingsInSteps(cut);
    for (let step = steps.next(); ; step = steps.next()) if (step.done === true) return step.value;
  }

  /** As `findings`; stops after every few hundred units, so that other work can be done in between. */
  *findingsInSteps(cut: Cut): Generator<void, Finding[]> {
    let units = 0;
    const set = new FindingSet();
    const issuers = new Set<string>();
    const around = this.surroundings(cut);
    const { watermarks } = this;
    for (const unit of this.units(cut)) {
      if (++units % UNITS_A_STEP === 0) yield;
      for (const { view } of unit.views) if (view.issuer !== undefined) issuers.add(view.issuer);
      for (const finding of this.findingsOfUnit(unit, cut, watermarks, around)) set.add(finding);
    }
    for (const finding of this.findingsOfWorld(cut, issuers)) set.add(finding);
    return set.list();
  }

  /** What the tokens of one unit give rise to: several may be of one incident, also with other units'. */
  findingsOfUnit({ tokens, views }: FoldedUnit, { T }: Cut, watermarks: Watermarks, around: Surroundings): Finding[] {
    const out = findingsOf(views, this.world, this.links, watermarks, around, T);
    // A token that nobody had the authority to speak of has no view; what was claimed of it is raised all the same.
    const unseen = tokens.filter((token) => !views.some((folded) => folded.token === token));
    for (const { name, state } of unseen) out.push(...findingsOfNotes(state.notes, [name], watermarks, T));
    return out;
  }

  /** What belongs to no token. @param issuers every issuer that a token shows at the cut. */
  findingsOfWorld({ T }: Cut, issuers: Iterable<string>): Finding[] {
    return [...findingsOfNotes(this.world.notes, [], this.watermarks, T), ...issuerSpellings(issuers)];
  }
}

/** Some 25 ms of folding. */
const UNITS_A_STEP = 500;

/** Parts that no tok names share half of their name with the jti in whose stream they stand (ADR 0003). */
const SHARED = 16;

/** The streams in which every token of a range stands. */
function spreadOf({ from, before, order, made }: NameRange): NameRange {
  const out: NameRange = order === undefined ? {} : { order };
  if (made !== undefined) out.made = made;
  if (from !== undefined) out.from = from.slice(0, SHARED);
  if (before !== undefined) out.before = /^0*$/.test(before.slice(SHARED)) ? before : `${before.slice(0, SHARED)}g`;
  return out;
}
