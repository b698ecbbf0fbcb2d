import type { Millis, Name } from '#lifecycle';
import { join, NO_EFFECT, strongest, type Access, type Effect } from './rules/effect.js';

const LEVELS: readonly Access[] = ['keep', 'suspend', 'end'];

/** What one member of a family must show to be a candidate for the subject of an exchange. */
export interface FamilyMember {
  name: Name;
  kind: string;
  issuedAt?: Millis;
  birth?: Millis;
  firstSeen: Millis;
}

/** A token that came from an exchange. It names its subject token, else the family that it came from. */
export interface Exchanged {
  name: Name;
  names: readonly Name[];
  subjectToken?: Name;
  subjectFamily?: Name;
  /** When it was issued: only access tokens of the family issued by then can be its subject. */
  at: Millis;
  /** What its own rules give to those that were exchanged for it. */
  inherits: Access;
}

/**
 * What exchanged tokens inherit (MODEL §8, row *exchanged*), as the least fixpoint over chains of exchanges: a cycle
 * gives nothing by itself. It holds the exchanged tokens and those with something to inherit, not the population.
 */
export class Inheritance {
  private readonly levels = new Map<Name, Access>();
  private readonly nodes = new Map<Name, Exchanged>();

  /** A token whose decision others may inherit, under each of its names. */
  addSource(names: readonly Name[], level: Access): void {
    if (level === 'keep') return;
    for (const name of names) this.levels.set(name, strongest(LEVELS, this.levels.get(name) ?? 'keep', level));
  }

  addExchanged(token: Exchanged): void {
    this.nodes.set(token.name, token);
    this.addSource(token.names, token.inherits);
  }

  /** Whether some exchanged token names only a family, so that members must be looked up. */
  get needsFamilies(): boolean {
    return [...this.nodes.values()].some((node) => node.subjectToken === undefined && node.subjectFamily !== undefined);
  }

  /**
   * Each exchanged token that inherits something.
   * @param membersOf the tokens of a family; called once a family
   */
  resolve(membersOf: (family: Name) => Iterable<FamilyMember>): Map<Name, Effect> {
    const families = new Map<Name, FamilyMember[]>();
    const dependents = new Map<Name, Exchanged[]>();
    const sourcesOf = new Map<Name, Name[]>();
    for (const node of this.nodes.values()) {
      const sources = this.sourcesOf(node, (family) => {
        let members = families.get(family);
        if (!members) families.set(family, (members = [...membersOf(family)]));
        return members;
      });
      sourcesOf.set(node.name, sources);
      for (const source of sources) dependents.set(source, [...(dependents.get(source) ?? []), node]);
    }

    const inherited = new Map<Name, Access>();
    const open = [...this.nodes.values()];
    for (let node = open.pop(); node; node = open.pop()) {
      const level = this.inheritedBy(sourcesOf.get(node.name)!);
      if (LEVELS.indexOf(level) <= LEVELS.indexOf(inherited.get(node.name) ?? 'keep')) continue;
      inherited.set(node.name, level);
      this.addSource(node.names, level);
      for (const name of node.names) open.push(...(dependents.get(name) ?? []));
    }
    return new Map([...inherited].map(([name, level]) => [name, inheritedEffect(level, this.nodes.get(name)!)]));
  }

  private sourcesOf(node: Exchanged, members: (family: Name) => FamilyMember[]): Name[] {
    if (node.subjectToken !== undefined) return [node.subjectToken];
    if (node.subjectFamily === undefined) return [];
    return members(node.subjectFamily)
      .filter((m) => m.name !== node.name && (m.kind === 'access' || m.kind === 'unknown'))
      .filter((m) => (m.issuedAt ?? m.birth ?? m.firstSeen) <= node.at)
      .map((m) => m.name);
  }

  /** One subject gives its level; of several candidates all ended is ended, some ended or suspended is suspended. */
  private inheritedBy(sources: readonly Name[]): Access {
    const levels = sources.map((name) => this.levels.get(name) ?? 'keep');
    if (levels.length > 0 && levels.every((level) => level === 'end')) return 'end';
    return levels.some((level) => level !== 'keep') ? 'suspend' : 'keep';
  }
}

/** An inherited end is known to nobody but the plan, so it is pushed. */
function inheritedEffect(level: Access, node: Exchanged): Effect {
  const from = node.subjectToken === undefined ? "its subject's family" : 'its subject token';
  const effect: Effect = {
    ...NO_EFFECT,
    access: level,
    steps: level === 'end' ? ['pushEnd'] : [],
    reasons: [
      { rule: 'exchanged', text: `exchanged for a token that is ${level === 'end' ? 'ended' : 'suspended'} (${from})` },
    ],
  };
  return join(NO_EFFECT, level === 'keep' ? effect : { ...effect, inherits: level });
}
