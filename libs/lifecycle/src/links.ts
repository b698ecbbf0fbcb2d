import { kindOfName, placementOf, type Name } from './names.js';
import type { RecordedFact } from './observations.js';
import type { ResolvedFact } from './resolve.js';

/**
 * What joins names: aliases, renames, rotation edges and grants (MODEL §1.4–§1.6). Order of facts does not matter.
 * Fill it with `add`, then ask; asking after a further `add` sees the added facts too.
 */
export class Links {
  private readonly renames = new Map<Name, Name>();
  private readonly jtiToks = new Map<Name, Set<Name>>();
  private readonly tokJtis = new Map<Name, Set<Name>>();
  private readonly credToks = new Map<Name, Set<Name>>();
  private readonly tokCreds = new Map<Name, Set<Name>>();
  private readonly families = new NameUnion();

  /** Facts without authority join nothing. Renames must be added (or preloaded) before facts that use old names. */
  add(fact: ResolvedFact): void {
    if (fact.authority === 'claimed') return;
    const { names, data, kind } = fact;
    if (kind === 'token.renamed') {
      this.renames.set(data['from'] as Name, data['to'] as Name);
      return;
    }
    if (kind === 'token.aliased') {
      this.addAlias(names.jti, names.cred, names.tok);
      return;
    }
    if (kind === undefined || !kind.startsWith('token.')) return;
    const token = placementOf(names);
    if (token === undefined) return;
    if (names.fam !== undefined && kind !== 'token.exchanged')
      this.families.union(this.current(token), this.current(names.fam));
    for (const other of [data['parent'], data['successor']]) {
      if (typeof other === 'string') this.families.union(this.current(token), this.current(other));
    }
  }

  private addAlias(jti: Name | undefined, cred: Name | undefined, tok: Name | undefined): void {
    if (tok === undefined) return;
    if (jti !== undefined) {
      put(this.jtiToks, this.current(jti), this.current(tok));
      put(this.tokJtis, this.current(tok), this.current(jti));
    } else if (cred !== undefined) {
      put(this.credToks, this.current(cred), this.current(tok));
      put(this.tokCreds, this.current(tok), this.current(cred));
    }
  }

  /** A name after renames (old secret version, corrected issuer mapping). */
  current(name: Name): Name {
    let at = name;
    for (let hops = 0; hops < 16; hops++) {
      const next = this.renames.get(at);
      if (next === undefined) break;
      at = next;
    }
    return at;
  }

  /** Old names that were renamed to this one. */
  formerNames(name: Name): Name[] {
    const out: Name[] = [];
    for (const from of this.renames.keys()) if (this.current(from) === name) out.push(from);
    return out;
  }
  get hasRenames(): boolean {
    return this.renames.size > 0;
  }

  /** A tok that shows two jtis (or two creds) aliases nothing. */
  private aliasesOneOf(tok: Name, centers: Map<Name, Set<Name>>): boolean {
    return (centers.get(tok)?.size ?? 0) === 1;
  }

  /** The toks that are this jti's or cred's, sorted. */
  leavesOf(center: Name): Name[] {
    const kind = kindOfName(center);
    const toks = kind === 'jti' ? this.jtiToks.get(center) : kind === 'cred' ? this.credToks.get(center) : undefined;
    if (toks === undefined) return [];
    const out: Name[] = [];
    for (const tok of toks) if (this.centerOf(tok) === center) out.push(tok);
    return out.sort();
  }

  /** The jti or cred that a tok stands for, if exactly one; a jti goes before a cred. */
  centerOf(name: Name): Name | undefined {
    if (this.tokJtis.has(name)) {
      return this.aliasesOneOf(name, this.tokJtis) ? first(this.tokJtis.get(name)!) : undefined;
    }
    if (this.tokCreds.has(name)) {
      return this.aliasesOneOf(name, this.tokCreds) ? first(this.tokCreds.get(name)!) : undefined;
    }
    return undefined;
  }

  /** The jtis of a tok that shows two or more of them, sorted; else empty. */
  rivalJtisOf(tok: Name): Name[] {
    const jtis = this.tokJtis.get(tok);
    return jtis !== undefined && jtis.size > 1 ? [...jtis].sort() : [];
  }

  /** Names whose revocations, compromises and suspensions reach this unit though they are not part of it. */
  restrictedBy(center: Name, leaves: readonly Name[]): Name[] {
    const out = new Set<Name>();
    for (const name of [center, ...leaves]) {
      for (const map of [this.jtiToks, this.tokJtis, this.tokCreds])
        for (const other of map.get(name) ?? []) out.add(other);
    }
    out.delete(center);
    for (const leaf of leaves) out.delete(leaf);
    return [...out].sort();
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
    let best: Name | undefined;
    for (const name of names) {
      const label = this.families.label(this.current(name));
      if (label !== undefined && (best === undefined || label < best)) best = label;
    }
    return best;
  }

  /** Token names (not fam names) of a family, canonical and sorted. */
  membersOf(label: Name): Name[] {
    const out = new Set<Name>();
    for (const name of this.families.members(label)) {
      if (kindOfName(name) !== 'fam') out.add(this.centerOf(name) ?? name);
    }
    return [...out].sort();
  }

  /** Fam names of a family: the streams where its ends are stated. */
  grantsOf(label: Name): Name[] {
    return this.families
      .members(label)
      .filter((name) => kindOfName(name) === 'fam')
      .sort();
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

function put(map: Map<Name, Set<Name>>, key: Name, value: Name): void {
  const set = map.get(key);
  if (set === undefined) map.set(key, new Set([value]));
  else set.add(value);
}

function first(set: Set<Name>): Name {
  return set.values().next().value!;
}

/** Union-find over names, dense: a name is a number, parents and labels are arrays. */
class NameUnion {
  private readonly ids = new Map<Name, number>();
  private readonly names: Name[] = [];
  private readonly parents: number[] = [];
  /** Smallest label of a root's component so far. */
  private readonly labels: Name[] = [];
  private byRoot: Map<number, number[]> | undefined;

  union(a: Name, b: Name): void {
    const rootA = this.root(this.idOf(a));
    const rootB = this.root(this.idOf(b));
    if (rootA === rootB) return;
    this.byRoot = undefined;
    this.parents[rootB] = rootA;
    this.labels[rootA] = betterLabel(this.labels[rootA]!, this.labels[rootB]!);
  }

  label(name: Name): Name | undefined {
    const id = this.ids.get(name);
    return id === undefined ? undefined : this.labels[this.root(id)];
  }

  members(label: Name): Name[] {
    const id = this.ids.get(label);
    if (id === undefined) return [];
    if (this.byRoot === undefined) {
      this.byRoot = new Map();
      for (let i = 0; i < this.names.length; i++) {
        const root = this.root(i);
        const list = this.byRoot.get(root);
        if (list === undefined) this.byRoot.set(root, [i]);
        else list.push(i);
      }
    }
    return (this.byRoot.get(this.root(id)) ?? []).map((member) => this.names[member]!);
  }

  private idOf(name: Name): number {
    let id = this.ids.get(name);
    if (id === undefined) {
      id = this.names.length;
      this.ids.set(name, id);
      this.names.push(name);
      this.parents.push(id);
      this.labels.push(name);
      this.byRoot = undefined;
    }
    return id;
  }

  private root(id: number): number {
    let at = id;
    while (this.parents[at] !== at) {
      this.parents[at] = this.parents[this.parents[at]!]!;
      at = this.parents[at]!;
    }
    return at;
  }
}

/** A fam name goes before any member; within a kind the smallest. */
function betterLabel(a: Name, b: Name): Name {
  const aFam = kindOfName(a) === 'fam';
  const bFam = kindOfName(b) === 'fam';
  if (aFam !== bFam) return aFam ? a : b;
  return a < b ? a : b;
}
