import { findingsOf, FindingSet } from './findings/findings.js';
import type { Login, Surroundings } from './findings/context.js';
import { issuerSpellings } from './findings/inputs.js';
import { viewUnit, type FoldedView } from './fold.js';
import { Links, type Unit } from './links.js';
import { kindOfName, type Name } from './names.js';
import type { RecordedFact } from './observations.js';
import type { ResolvedFact } from './resolve.js';
import type { Borders } from './uses.js';
import type { Cut, Finding, TokenView } from './view.js';
import { Watermarks, type SourceClocks } from './watermarks.js';
import { worldUnder, type World } from './world.js';

/** Where a history is read from, bounded to position ≤ K and one tenant. Every iterable may be asked for again. */
export interface HistorySource {
  /** The facts that are not about one token: settings, families, subjects, fences, keys, deployments, sources. */
  worldFacts(): Iterable<RecordedFact>;
  /** The token facts that join names: aliases, renames, grants, rotation edges; others may be among them. */
  linkFacts(): Iterable<RecordedFact>;
  /** Keys of records with more than one variant. */
  conflictKeys(): { has(key: string): boolean };
  /** Token streams in order of name; `facts` may be iterated more than once. */
  streams(range?: NameRange): Iterable<{ name: Name; facts: Iterable<RecordedFact> }>;
  factsOf(name: Name): Iterable<RecordedFact>;
  clocks(): SourceClocks;
}

/** Names in [from, before). */
export interface NameRange {
  from?: Name;
  before?: Name;
}

/**
 * The replay: everything that a ledger prefix says, asked by token or all at once. It reads, folds and answers; it
 * has no way to act (DESIGN §2.5).
 */
export class History {
  readonly world: World;
  readonly links = new Links();
  private marks: Watermarks | undefined;
  private logins: Map<string, { at: number; name: Name }[]> | undefined;

  constructor(readonly source: HistorySource) {
    const worldFacts = [...source.worldFacts()];
    this.world = worldUnder(worldFacts, source.conflictKeys());
    const { resolver } = this.world;
    for (const fact of worldFacts) {
      const resolved = resolver.resolve(fact);
      if (resolved !== undefined) this.world.add(resolved);
    }
    const later: ResolvedFact[] = [];
    for (const fact of source.linkFacts()) {
      const resolved = resolver.resolve(fact);
      if (resolved === undefined) continue;
      if (resolved.kind === 'token.renamed') this.links.add(resolved);
      else later.push(resolved);
    }
    // Renames are known before anything that they change is compared (MODEL §1.5).
    for (const fact of later) this.links.add(fact);
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
        for (const facts of all) yield* facts;
      },
    };
  }

  /** The tokens of the unit that a name belongs to; empty if nothing at or before the cut is known of it. */
  unitViews(name: Name, cut: Cut, borders: Borders = []): FoldedView[] {
    return viewUnit(this.links.unitOf(name), (each) => this.factsOf(each), cut, this.world, this.links, borders);
  }

  /** One token, or the part of a conflicting identity with this name. */
  view(name: Name, cut: Cut, borders: Borders = []): TokenView | undefined {
    const parts = this.unitViews(name, cut, borders);
    return (parts.find((part) => part.view.name === name) ?? parts[0])?.view;
  }

  /** Every token as of a cut, in order of name, with the unit it belongs to. Consumers come too; they are no tokens. */
  *views(cut: Cut, borders: Borders = [], range: NameRange = {}): Iterable<FoldedView & { unit: Unit }> {
    for (const { name, facts } of this.source.streams(range)) {
      const here = this.links.current(name);
      if (here !== name && !this.standsAlone(here)) continue;
      const unit = this.links.unitOf(here);
      const isCenter = unit.center === here;
      const partOfMany = unit.parts.includes(here);
      if (!isCenter && !partOfMany) continue;
      if (isCenter && unit.parts.length > 0 && kindOfName(here) !== 'tok') continue;
      const factsOf = (each: Name): Iterable<ResolvedFact> =>
        each === name && !this.links.hasRenames ? this.resolved(facts) : this.factsOf(each);
      const views = viewUnit(unit, factsOf, cut, this.world, this.links, borders);
      for (const folded of views) {
        if (partOfMany && folded.view.name !== here) continue;
        yield { ...folded, unit };
      }
    }
  }

  /** Whether a renamed name has no stream of its own, so that its old stream must stand for it. */
  private standsAlone(current: Name): boolean {
    for (const _ of this.source.factsOf(current)) return false;
    return true;
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
        this.loginWithin(subject, client, after, until, otherThan),
    };
  }

  private loginWithin(
    subject: Name,
    client: Name,
    after: number,
    until: number,
    otherThan: Name | undefined,
  ): Login | undefined {
    let best: Login | undefined;
    for (const { at, name } of this.loginIndex().get(`${subject} ${client}`) ?? []) {
      if (at <= after || at > until || (best !== undefined && at >= best.at)) continue;
      const family = this.links.familyOf([name]);
      if (family !== undefined && family === otherThan) continue;
      best = family === undefined ? { at } : { at, family };
    }
    return best;
  }

  private loginIndex(): Map<string, { at: number; name: Name }[]> {
    if (this.logins !== undefined) return this.logins;
    this.logins = new Map();
    for (const fact of this.resolved(this.source.linkFacts())) {
      const { sub, cli, fam } = fact.names;
      if (fact.kind !== 'token.issued' || fact.authority === 'claimed' || !sub || !cli || !fam) continue;
      const key = `${sub} ${cli}`;
      const list = this.logins.get(key);
      if (list === undefined) this.logins.set(key, [{ at: fact.time, name: fam }]);
      else list.push({ at: fact.time, name: fam });
    }
    return this.logins;
  }

  /** Every finding as of a cut, worst first. */
  findings(cut: Cut): Finding[] {
    const set = new FindingSet();
    const issuers = new Set<string>();
    const around = this.surroundings(cut);
    let unit: { center: Name; parts: FoldedView[] } | undefined;
    const settle = (): void => {
      if (unit === undefined) return;
      for (const finding of findingsOf(unit.parts, this.world, this.links, this.watermarks, around, cut.T))
        set.add(finding);
    };
    for (const folded of this.views(cut)) {
      if (folded.view.issuer !== undefined) issuers.add(folded.view.issuer);
      // The parts of one identity stand apart in order of name: each such unit is taken whole, at its first part.
      if (folded.unit.parts.length > 0) {
        const parts = this.unitViews(folded.view.name, cut);
        if (parts[0]?.view.name === folded.view.name) {
          settle();
          unit = { center: folded.unit.center, parts };
        }
        continue;
      }
      if (unit?.center === folded.unit.center) unit.parts.push(folded);
      else {
        settle();
        unit = { center: folded.unit.center, parts: [folded] };
      }
    }
    settle();
    for (const finding of issuerSpellings(issuers)) set.add(finding);
    return set.list();
  }
}
