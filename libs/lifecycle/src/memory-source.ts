import type { HistorySource, NameRange } from './history.js';
import { isOwnConclusion } from './conclusions.js';
import { conflictingKeys } from './links.js';
import { isName, kindOfName, type Name } from './names.js';
import type { RecordedFact } from './observations.js';
import { SourceClocks } from './watermarks.js';
import { isWorldType } from './world.js';

const TOKEN_KINDS: ReadonlySet<string | undefined> = new Set(['jti', 'tok', 'cred', 'con']);

/** Whether a fact stands in a token's stream: token facts, and attestations and holds that name a token. */
export function isAboutToken({ type, subject }: Pick<RecordedFact, 'type' | 'subject'>): boolean {
  if (!isWorldType(type)) return true;
  return /^tallystick\.(attestation|legalhold)\./.test(type) && isName(subject) && TOKEN_KINDS.has(kindOfName(subject));
}

/** A history out of a list of facts, in any order: the reference that the ledger's replay is held against. */
export class MemorySource implements HistorySource {
  private readonly byName = new Map<Name, RecordedFact[]>();
  private readonly world: RecordedFact[] = [];
  private readonly conflicts: Set<string>;

  constructor(private readonly facts: readonly RecordedFact[]) {
    const seen = new Set<string>();
    const distinct: RecordedFact[] = [];
    for (const fact of facts) {
      if (isOwnConclusion(fact)) continue;
      // A fact that stands in two streams, as an alias does, is one in each.
      const key = `${fact.subject} ${fact.id}`;
      if (seen.has(key)) continue;
      seen.add(key);
      distinct.push(fact);
    }
    this.facts = distinct;
    this.conflicts = conflictingKeys(distinct);
    for (const fact of distinct) {
      if (!isAboutToken(fact)) this.world.push(fact);
      else {
        const list = this.byName.get(fact.subject);
        if (list === undefined) this.byName.set(fact.subject, [fact]);
        else list.push(fact);
      }
    }
  }

  worldFacts(): Iterable<RecordedFact> {
    return this.world;
  }
  linkFacts(): Iterable<RecordedFact> {
    return this.facts.filter((fact) => !isWorldType(fact.type));
  }
  conflictKeys(): Set<string> {
    return this.conflicts;
  }
  *streams(range: NameRange = {}): Iterable<{ name: Name; facts: Iterable<RecordedFact> }> {
    const { from: first = 1, to: last = Infinity } = range.made ?? {};
    const made = [...this.byName.keys()].slice(first - 1, last);
    for (const name of made.sort()) {
      if (range.from !== undefined && name < range.from) continue;
      if (range.before !== undefined && name >= range.before) return;
      yield { name, facts: this.byName.get(name)! };
    }
  }
  factsOf(name: Name): Iterable<RecordedFact> {
    return this.byName.get(name) ?? [];
  }
  clocks(): SourceClocks {
    const clocks = new SourceClocks();
    for (const fact of this.facts) clocks.add(fact);
    return clocks;
  }
}
