import type { Links } from './links.js';
import { isName, type Name } from './names.js';
import type { ResolvedFact } from './resolve.js';
import type { Authority } from './settings.js';

export interface FamilyEnd {
  at: number;
  cause: string;
  authority: Authority;
  version?: string;
}

/** The names at which a family's fact stands: its grant, or any token of it. */
export function familyNamesOf(fact: ResolvedFact, current: (name: Name) => Name): Set<Name> {
  const out = new Set<Name>();
  for (const each of [fact.names.fam, fact.names.jti, fact.names.tok, fact.subject, fact.data['token']]) {
    if (typeof each === 'string' && isName(each)) out.add(current(each));
  }
  return out;
}

/** Ends of families, found by any name of the family (MODEL §5.6). */
export class FamilyEnds {
  /** By label; a bounded number of answers is remembered. */
  private byLabel = new Map<Name, readonly FamilyEnd[]>();

  constructor(private readonly byName: Map<Name, FamilyEnd[]>) {}

  add(fact: ResolvedFact, current: (name: Name) => Name): void {
    const cause = fact.data['cause'];
    const end: FamilyEnd = {
      at: fact.time,
      cause: typeof cause === 'string' && cause !== '' ? cause : 'family revoked',
      authority: fact.authority,
    };
    if (fact.version !== undefined) end.version = fact.version;
    for (const name of familyNamesOf(fact, current)) {
      const known = this.byName.get(name);
      if (known === undefined) this.byName.set(name, [end]);
      else known.push(end);
    }
    this.byLabel = new Map();
  }

  /** Labels may mean other names now: answers that were remembered are forgotten. */
  linksChanged(): void {
    this.byLabel = new Map();
  }

  /** The ends of the families that these names belong to, and those stated of the names themselves. */
  of(names: Iterable<Name>, links: Links): readonly FamilyEnd[] {
    if (this.byName.size === 0) return [];
    const out: FamilyEnd[] = [];
    for (const name of names) {
      const label = links.familyOf([name]);
      out.push(...(label === undefined ? (this.byName.get(links.current(name)) ?? []) : this.under(label, links)));
    }
    return out;
  }

  private under(label: Name, links: Links): readonly FamilyEnd[] {
    let ends = this.byLabel.get(label);
    if (ends === undefined) {
      ends = links.reachOf(label).flatMap((name) => this.byName.get(name) ?? []);
      if (this.byLabel.size >= 4096) this.byLabel.clear();
      this.byLabel.set(label, ends);
    }
    return ends;
  }
}
