import {
  familyNamesOf,
  fullType,
  isAboutToken,
  isName,
  kindOfName,
  loginHolder,
  OWN_SOURCE,
  placementOf,
  shortType,
  type History,
  type Links,
  type Name,
  type RecordedFact,
} from '#lifecycle';
import type { TenantFindings } from './tenant-findings.js';

/** What new facts stir beyond the streams that they stand in. */
export interface Stirred {
  /** Something that every token may rest on has changed. */
  all: boolean;
  /** Names whose tokens may look otherwise than before. */
  tokens: Set<Name>;
  /** Names of tokens whose findings alone may read otherwise. */
  told: Set<Name>;
  /** What else findings may rest on: grants, logins. */
  keys: Set<string>;
}

/** Facts that say how earlier facts are read: after one of these nothing can be carried on. */
export function changesReading({ type, source }: RecordedFact): boolean {
  if (type === fullType('token.renamed')) return true;
  return source === OWN_SOURCE && (type === fullType('settings.declared') || type === fullType('source.distrusted'));
}

/**
 * Follows new facts to every token that they may change. Made before the history takes them in, asked afterwards: a
 * family that grew together, or an alias that broke, shows only against what was there before. Where a narrow answer
 * would be intricate it is wide: a token too many costs time, a token too few a wrong answer.
 */
export class Stir {
  private readonly touched = new Set<Name>();
  /** Names that the facts may join with others. */
  private readonly linked = new Set<Name>();
  private readonly aliased = new Set<Name>();
  private readonly before = new Map<Name, Name | undefined>();
  private readonly brokenBefore = new Set<Name>();
  private readonly tokens = new Set<Name>();

  constructor(
    links: Links,
    private readonly facts: readonly RecordedFact[],
  ) {
    for (const fact of facts) if (isAboutToken(fact)) this.note(fact, links);
    for (const name of [...this.touched, ...this.linked])
      for (const each of links.aliasesOf(name)) this.tokens.add(each);
    for (const name of this.tokens) {
      this.before.set(name, links.familyOf([name]));
      if (links.isBroken(name)) this.brokenBefore.add(name);
    }
  }

  private note({ type, subject, names, data }: RecordedFact, links: Links): void {
    this.touched.add(links.current(subject));
    const others = [
      placementOf(names),
      names.fam,
      data['parent'],
      data['successor'],
      data['subjectToken'],
      data['subjectFamily'],
    ];
    const isAlias = type === fullType('token.aliased');
    if (isAlias) others.push(names.jti, names.tok, names.cred);
    for (const each of others) {
      if (typeof each !== 'string' || !isName(each)) continue;
      const name = links.current(each);
      this.linked.add(name);
      this.linked.add(links.current(subject));
      if (isAlias) this.aliased.add(name);
    }
  }

  /** @param history with the facts in it */
  after(history: History, store: TenantFindings): Stirred {
    const { links } = history;
    const out: Stirred = { all: false, tokens: new Set(), told: new Set(), keys: new Set(this.linked) };
    const reach = (names: Iterable<Name>): void => {
      for (const name of names) for (const each of links.aliasesOf(name)) out.tokens.add(each);
    };
    reach(this.tokens);
    // An alias that breaks takes apart what it held together: whose logins and families that were is not remembered.
    out.all = [...out.tokens].some((name) => links.isBroken(name) && !this.brokenBefore.has(name));
    this.followFamilies(history, out, reach);
    for (const fact of this.facts) {
      if (isAboutToken(fact)) {
        const kind = shortType(fact.type);
        const holder = kind === undefined ? undefined : loginHolder({ ...fact, kind }, links);
        if (holder !== undefined) out.keys.add(holder);
      } else this.followWorld(fact, history, store, out, reach);
    }
    return out;
  }

  private followFamilies({ links, world }: History, out: Stirred, reach: (names: Iterable<Name>) => void): void {
    const groups = new Map<Name, Name[]>();
    for (const name of out.tokens) {
      const label = links.familyOf([name]);
      if (label === undefined) continue;
      const group = groups.get(label);
      if (group === undefined) groups.set(label, [name]);
      else group.push(name);
    }
    for (const [label, names] of groups) {
      if (!names.some((name) => this.before.get(name) !== label || this.aliased.has(name))) continue;
      const former = new Set(names.map((name) => this.before.get(name)).filter((each) => each !== undefined));
      for (const each of [label, ...former, ...links.grantsOf(label)]) out.keys.add(each);
      // Ends reach whoever belongs together; a name that joins alone brings none, unless they were stated of itself.
      const bringsEnds = names.some((name) => world.familyEnds.has(name) || world.reuseReports.has(name));
      if (former.size > 1 || bringsEnds || links.hasBrokenAliases) reach(links.reachOf(label));
      else for (const member of links.membersOf(label)) out.told.add(member);
    }
  }

  private followWorld(
    fact: RecordedFact,
    history: History,
    store: TenantFindings,
    out: Stirred,
    reach: (names: Iterable<Name>) => void,
  ): void {
    const { links, world } = history;
    const current = (name: Name): Name => links.current(name);
    const thing = fact.type.split('.')[1];
    if (thing === 'family') {
      const resolved = world.resolver.resolve(fact);
      for (const name of resolved === undefined ? [] : familyNamesOf(resolved, current)) {
        const label = links.familyOf([name]);
        reach(label === undefined ? [name] : links.reachOf(label));
      }
    } else if (fact.type === fullType('deployment.declared')) {
      // A contract may hold the windows that uses under its version are held against.
      out.all = true;
    } else {
      for (const name of marksIn(fact)) reach(store.unitsMarked(current(name)));
    }
  }
}

/** The names by which a fact of the world reaches tokens; of a fence the one that is hardest to match. */
function marksIn({ type, subject, names, data }: RecordedFact): Name[] {
  if (type === fullType('fence.raised')) {
    const { ses, sub, cli, kid } = (data['match'] ?? {}) as Record<string, Name | undefined>;
    const selective = ses ?? sub ?? cli ?? kid;
    return selective === undefined ? [] : [selective];
  }
  const all = [subject, names.sub, names.kid, names.cli, names.ses].filter((each) => each !== undefined);
  return [...new Set(all)].filter((each) => isName(each) && !['jti', 'tok', 'fam'].includes(kindOfName(each) ?? ''));
}
