import { NameMultimap } from './name-multimap.js';
import { NameUnion } from './name-union.js';
import { kindOfName, placementOf, type Name } from './names.js';
import type { RecordedFact } from './observations.js';
import { Renames } from './renames.js';
import type { ResolvedFact } from './resolve.js';

/** Where the copies of an alias were found: at its canonical name, at its tok. */
const AT_CENTER = 1;
const AT_TOK = 2;

/**
 * What joins names: aliases, renames, rotation edges and grants (MODEL §1.4–§1.6). Order of facts does not matter.
 * Fill it with `add`, then ask; asking after a further `add` sees the added facts too.
 */
export class Links {
  private readonly renames = new Renames();
  private readonly jtiToks = new NameMultimap();
  private readonly tokJtis = new NameMultimap();
  private readonly credToks = new NameMultimap();
  private readonly tokCreds = new NameMultimap();
  private readonly families = new NameUnion();
  /** Aliases of which one copy only was read so far: `canonical tok` → where it stood. */
  private readonly halves = new Map<string, number>();
  /** Whether the families must still learn of aliases. */
  private unsettled = false;
  /** Whether some alias holds no more: its tok shows several jtis or credentials, or a jti beside a credential. */
  private hasBroken = false;
  private reachable = new Map<Name, Name[]>();

  /** Facts without authority join nothing. Renames must be added (or preloaded) before facts that use old names. */
  add(fact: ResolvedFact): void {
    if (fact.authority === 'claimed') return;
    const { names, data, kind } = fact;
    if (kind === 'token.renamed') {
      this.renames.add(data['from'] as Name, data['to'] as Name, fact.time);
      return;
    }
    if (kind === 'token.aliased') {
      this.addAlias(names.jti, names.cred, names.tok, fact.subject);
      return;
    }
    if (kind === undefined || !kind.startsWith('token.')) return;
    const token = placementOf(names);
    // A consumer is no token, so it has no family.
    if (token === undefined || token === names.con) return;
    if (names.fam !== undefined && kind !== 'token.exchanged') this.addEdge(token, names.fam);
    if (typeof data['parent'] === 'string') this.addEdge(token, data['parent']);
    if (typeof data['successor'] === 'string') this.addEdge(token, data['successor']);
  }

  private addEdge(a: Name, b: Name): void {
    this.families.union(this.current(a), this.current(b));
    this.unsettled = true;
  }

  private addAlias(jti: Name | undefined, cred: Name | undefined, tok: Name | undefined, stream: Name): void {
    const center = jti ?? cred;
    if (tok === undefined || center === undefined) return;
    const [here, leaf] = [this.current(center), this.current(tok)];
    this.noteCopy(here, leaf, this.current(stream) === leaf ? AT_TOK : AT_CENTER);
    const [toks, centers] = jti === undefined ? [this.credToks, this.tokCreds] : [this.jtiToks, this.tokJtis];
    if (!toks.add(here, leaf)) return;
    centers.add(leaf, here);
    this.unsettled = true;
    if (this.tokJtis.count(leaf) + this.tokCreds.count(leaf) > 1) this.hasBroken = true;
    // An alias that no longer holds must not hold families together.
    this.families.forgetDerived();
  }

  private noteCopy(center: Name, tok: Name, where: number): void {
    const key = `${center} ${tok}`;
    const known = (this.halves.get(key) ?? 0) | where;
    this.halves.set(key, known);
    if (known === (AT_CENTER | AT_TOK)) this.halves.delete(key);
  }

  /** A name after renames (old secret version, corrected issuer mapping). */
  current(name: Name): Name {
    return this.renames.current(name);
  }

  /** Old names that were renamed to this one. */
  formerNames(name: Name): readonly Name[] {
    return this.renames.formerOf(name);
  }
  get hasRenames(): boolean {
    return this.renames.size > 0;
  }

  /**
   * Names that may stand for a token without a stream of their own: renamed to, or aliased where the cut at K took
   * one copy of the alias and left the other.
   */
  namesWithoutStream(): Set<Name> {
    const out = this.renames.targets();
    for (const key of this.halves.keys()) for (const name of key.split(' ')) out.add(this.current(name));
    return out;
  }

  /** The toks that are this jti's or cred's, sorted. */
  leavesOf(center: Name): Name[] {
    const kind = kindOfName(center);
    const toks = kind === 'jti' ? this.jtiToks : kind === 'cred' ? this.credToks : undefined;
    if (toks === undefined || toks.count(center) === 0) return [];
    const out: Name[] = [];
    for (const tok of toks.of(center)) if (this.centerOf(tok) === center) out.push(tok);
    return out.sort();
  }

  /** The jti or cred that a tok stands for, if exactly one: a tok that shows two aliases nothing; a jti goes first. */
  centerOf(name: Name): Name | undefined {
    return this.tokJtis.count(name) > 0 ? this.tokJtis.only(name) : this.tokCreds.only(name);
  }

  /** The name under which answers speak of a token: its jti or cred, or the tok of a part. */
  canonical(name: Name): Name {
    const here = this.current(name);
    const center = this.centerOf(here);
    return center === undefined || this.leavesOf(center).length > 1 ? here : center;
  }

  /** The jtis of a tok that shows two or more of them, sorted; else empty. */
  rivalJtisOf(tok: Name): Name[] {
    return this.tokJtis.count(tok) > 1 ? [...this.tokJtis.of(tok)].sort() : [];
  }

  /** The toks of a jti that show other jtis too, sorted. */
  rivalToksOf(jti: Name): Name[] {
    if (!this.hasBroken) return [];
    return [...this.jtiToks.of(jti)].filter((tok) => this.tokJtis.count(tok) > 1).sort();
  }

  /** Every name that aliases lead to from this one, itself too: what is stated of any of them may reach each. */
  aliasesOf(name: Name): Set<Name> {
    const out = new Set([this.current(name)]);
    // A set is iterated to its end, what is added on the way included.
    for (const each of out) {
      for (const map of [this.jtiToks, this.tokJtis, this.credToks, this.tokCreds])
        for (const other of map.of(each)) out.add(other);
    }
    return out;
  }

  /** Whether an alias of this tok holds no more. */
  isBroken(tok: Name): boolean {
    return this.tokJtis.count(tok) + this.tokCreds.count(tok) > 1;
  }

  /** Whether any alias holds no more. */
  get hasBrokenAliases(): boolean {
    return this.hasBroken;
  }

  /** Names whose revocations, compromises and suspensions reach this unit though they are not part of it. */
  restrictedBy(center: Name, leaves: readonly Name[]): Name[] {
    const out = new Set<Name>();
    for (const name of [center, ...leaves]) {
      for (const map of [this.jtiToks, this.tokJtis, this.credToks, this.tokCreds])
        for (const other of map.of(name)) out.add(other);
    }
    // A credential restricts the jti of its key, also after that tok turned out to show other jtis.
    for (const tok of this.jtiToks.of(center)) for (const cred of this.tokCreds.of(tok)) out.add(cred);
    out.delete(center);
    for (const leaf of leaves) out.delete(leaf);
    return out.size === 0 ? [] : [...out].sort();
  }

  /**
   * The unit that a name belongs to: one token, or the parts of one identity. `parts` is empty for a unit that is
   * one token; a cred with several toks is a key changed in place, a jti with several is a conflict.
   */
  unitOf(name: Name): Unit {
    const here = this.current(name);
    const center = this.centerOf(here) ?? here;
    const leaves = this.leavesOf(center);
    return { center, leaves, parts: leaves.length > 1 ? leaves : [], restrictedBy: this.restrictedBy(center, leaves) };
  }

  /** The label of a token's family: its smallest fam name, else its smallest member; undefined without edges. */
  familyOf(names: Iterable<Name>): Name | undefined {
    this.settle();
    let best: Name | undefined;
    for (const name of names) {
      const label = this.families.label(this.current(name));
      if (label !== undefined && (best === undefined || label < best)) best = label;
    }
    return best;
  }

  /** Token names (not fam names) of a family, canonical and sorted. */
  membersOf(label: Name): Name[] {
    this.settle();
    const out = new Set<Name>();
    for (const name of this.families.members(label)) {
      if (kindOfName(name) !== 'fam') out.add(this.centerOf(name) ?? name);
    }
    return [...out].sort();
  }

  /** Fam names of a family: the streams where its ends are stated. */
  grantsOf(label: Name): Name[] {
    this.settle();
    return this.families
      .members(label)
      .filter((name) => kindOfName(name) === 'fam')
      .sort();
  }

  /**
   * Every name at which an end of this family may be stated: its grants and members, and, one step over an alias, the
   * other names of its members. Also over one that holds no more: an end does not weaken because an alias turned out
   * wrong.
   */
  reachOf(label: Name): readonly Name[] {
    this.settle();
    const known = this.reachable.get(label);
    if (known !== undefined) return known;
    const own = this.families.members(label);
    const out = new Set(own);
    for (const name of own) {
      for (const partners of [this.jtiToks, this.tokJtis, this.credToks, this.tokCreds]) {
        for (const partner of partners.of(name)) {
          if (out.has(partner)) continue;
          out.add(partner);
          for (const member of this.families.members(partner)) out.add(member);
        }
      }
    }
    const reach = [...out];
    if (this.reachable.size >= 4096) this.reachable.clear();
    this.reachable.set(label, reach);
    return reach;
  }

  /** The two names of one token are one member of its family. */
  private settle(): void {
    if (!this.unsettled) return;
    this.unsettled = false;
    this.reachable = new Map();
    for (const centers of [this.tokJtis, this.tokCreds]) {
      for (const tok of centers.keys()) {
        const center = centers.only(tok);
        if (center === undefined || this.centerOf(tok) !== center) continue;
        // Where one of the two has no edges, the other one's answer for it: a token is asked for by all its names.
        if (this.families.has(tok) && this.families.has(center)) this.families.derive(tok, center);
      }
    }
  }
}

export interface Unit {
  center: Name;
  leaves: Name[];
  parts: Name[];
  restrictedBy: Name[];
}

/** Record keys that more than one digest was seen for (MODEL §2.2): derived from the facts themselves. */
export function conflictingKeys(facts: Iterable<RecordedFact>): Set<string> {
  const digests = new Map<string, string>();
  const out = new Set<string>();
  for (const { record } of facts) {
    const known = digests.get(record.key);
    if (known === undefined) digests.set(record.key, record.digest);
    else if (known !== record.digest) out.add(record.key);
  }
  return out;
}
