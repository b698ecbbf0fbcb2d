import {
  isAboutToken,
  SourceClocks,
  type ConflictKeys,
  type HistorySource,
  type Name,
  type RecordedFact,
} from '#lifecycle';

/** A history over the facts that were fetched for some tokens: all that bears on them, and nothing else. */
export class FetchedSource implements HistorySource {
  private readonly byName = new Map<Name, RecordedFact[]>();
  private readonly world: RecordedFact[];

  /**
   * @param facts the facts of every stream that is folded, whole.
   * @param links facts of other streams that join names or families.
   */
  constructor(
    private readonly facts: readonly RecordedFact[],
    private readonly links: readonly RecordedFact[],
    world: readonly RecordedFact[],
    private readonly conflicts: ConflictKeys,
    private readonly sourceClocks = new SourceClocks(),
  ) {
    for (const fact of facts) {
      // A family's end may be stated of a token: it stands in the family's stream.
      if (!isAboutToken(fact)) continue;
      const list = this.byName.get(fact.subject);
      if (list === undefined) this.byName.set(fact.subject, [fact]);
      else list.push(fact);
    }
    this.world = world.filter((fact) => !isAboutToken(fact));
  }

  worldFacts(): Iterable<RecordedFact> {
    return this.world;
  }
  *linkFacts(): Iterable<RecordedFact> {
    yield* this.facts;
    yield* this.links;
  }
  conflictKeys(): ConflictKeys {
    return this.conflicts;
  }
  *streams(): Iterable<{ name: Name; facts: Iterable<RecordedFact> }> {
    for (const [name, facts] of this.byName) yield { name, facts };
  }
  factsOf(name: Name): Iterable<RecordedFact> {
    return this.byName.get(name) ?? [];
  }
  clocks(): SourceClocks {
    return this.sourceClocks;
  }
}
