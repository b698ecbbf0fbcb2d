import type { FoldedToken } from './evaluate.js';
import { isOneToken } from './fold.js';
import type { Links, Unit } from './links.js';
import type { Name } from './names.js';
import type { ResolvedFact } from './resolve.js';
import { absorb } from './state.js';
import { coarsen } from './uses.js';

/** Units remembered at most; the state of one has some hundred buckets. */
const KEPT = 256;

/**
 * The folds of long units, for a history that is extended: a key with a million uses is read once, not once for each
 * of its uses. Only units that are one token, which no other restricts; folded without borders, as every reading begins.
 */
export class WarmUnits {
  private readonly units = new Map<Name, FoldedToken>();

  /** @param long how many facts make a unit worth remembering. */
  constructor(private readonly long: number) {}

  get({ center, leaves, parts, restrictedBy }: Unit, links: Links): FoldedToken | undefined {
    const token = this.units.get(center);
    if (token === undefined) return undefined;
    const isSame = parts.length === 0 && restrictedBy.length === 0 && token.names.join() === [center, ...leaves].join();
    if (isSame && isOneToken(center, leaves, token.state, links)) return token;
    this.units.delete(center);
    return undefined;
  }

  /** @param facts how many were read for it */
  put({ center, parts, restrictedBy }: Unit, tokens: readonly FoldedToken[], facts: number): void {
    const [token] = tokens;
    if (facts < this.long || parts.length > 0 || restrictedBy.length > 0) return;
    if (token === undefined || tokens.length > 1 || token.partOf !== undefined) return;
    const [oldest] = this.units.keys();
    if (oldest !== undefined && this.units.size >= KEPT) this.units.delete(oldest);
    this.units.set(center, token);
  }

  /** Takes in new facts of a unit. */
  absorb(facts: Iterable<ResolvedFact>, centerOf: (name: Name) => Name): void {
    const grown = new Set<FoldedToken>();
    for (const fact of facts) {
      const token = this.units.get(centerOf(fact.subject));
      if (token === undefined) continue;
      absorb(token.state, fact);
      grown.add(token);
    }
    for (const { state } of grown) state.uses = coarsen(state.uses);
  }
}
