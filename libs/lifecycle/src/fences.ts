import type { Name } from './names.js';
import type { ResolvedFact } from './resolve.js';
import type { Authority } from './settings.js';

/** All tokens that match and were born before the cutoff are ended (MODEL §5.5). */
export interface Fence {
  cutoff: number;
  /** When the fence was raised: from here on it holds. */
  at: number;
  cause: string;
  authority: Authority;
  match: { sub?: Name; cli?: Name; kid?: Name; ses?: Name; tokenKind?: string; offline?: boolean };
}

/** Fences by the most selective name that they match. */
export class Fences {
  private readonly byName = new Map<Name, Fence[]>();

  /** A fence that names nothing would end everything; it is kept in the ledger and has no effect. */
  add(fact: ResolvedFact, current: (name: Name) => Name): void {
    const stated = fact.data['match'] as Fence['match'];
    const match: Fence['match'] = { ...stated };
    for (const kind of ['sub', 'cli', 'kid', 'ses'] as const) {
      if (stated[kind] !== undefined) match[kind] = current(stated[kind]);
    }
    const selective = match.ses ?? match.sub ?? match.cli ?? match.kid;
    if (selective === undefined) return;
    const cause = fact.data['cause'];
    const fence: Fence = {
      cutoff: Number(fact.data['cutoff']),
      at: fact.time,
      cause: typeof cause === 'string' && cause !== '' ? cause : 'fence',
      authority: fact.authority,
      match,
    };
    const known = this.byName.get(selective);
    if (known === undefined) this.byName.set(selective, [fence]);
    else known.push(fence);
  }

  /** Fences that could hit a token with these names; each must still be held against it. */
  for(names: Iterable<Name>): Fence[] {
    if (this.byName.size === 0) return [];
    const out: Fence[] = [];
    for (const name of names) out.push(...(this.byName.get(name) ?? []));
    return out;
  }
}
