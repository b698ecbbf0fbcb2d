import type { Name } from './names.js';
import type { ResolvedFact } from './resolve.js';
import { addToggle, type Toggles } from './toggles.js';

/** Legal holds of subjects, and every release: a release names the hold alone, wherever it was placed. */
export class LegalHolds {
  private readonly placed = new Map<Name, Toggles>();
  private readonly released: Toggles = new Map();

  add(fact: ResolvedFact, current: (name: Name) => Name): void {
    const hold = typeof fact.data['hold'] === 'string' ? fact.data['hold'] : '';
    if (fact.kind === 'legalhold.released') {
      // Permissive: a conflicting record does not release (MODEL §2.2).
      if (!fact.conflicting) addToggle(this.released, hold, fact.time, 'off');
      return;
    }
    const sub = fact.data['sub'] ?? fact.names.sub;
    if (typeof sub !== 'string') return;
    const name = current(sub);
    let toggles = this.placed.get(name);
    if (toggles === undefined) this.placed.set(name, (toggles = new Map()));
    addToggle(toggles, hold, fact.time, 'on');
  }

  /** Whether a hold of this subject stands at T. */
  standsFor(sub: Name, T: number): boolean {
    const placed = this.placed.get(sub);
    return placed !== undefined && this.stands(placed, T);
  }

  /** Whether one of these holds stands at T: the latest word counts, at the same instant the hold stands. */
  stands(placed: Toggles, T: number): boolean {
    for (const [hold, toggles] of placed) {
      let [on, off] = [-Infinity, -Infinity];
      for (const list of [toggles.values(), this.released.get(hold)?.values() ?? []]) {
        for (const { at, op } of list) {
          if (at > T) continue;
          if (op === 'on') on = Math.max(on, at);
          else off = Math.max(off, at);
        }
      }
      if (on > -Infinity && on >= off) return true;
    }
    return false;
  }
}
