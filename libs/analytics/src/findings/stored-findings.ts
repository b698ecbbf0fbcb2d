import { agedTo, bySeverity, RULES_VERSION, type Finding } from '#lifecycle';
import type { Position } from '#ledger';
import { FindingsStore } from './findings-store.js';

/** Stored findings, for questions: whoever asks reads what the follower committed last. */
export class StoredFindings {
  private constructor(private readonly store: FindingsStore) {}

  /** Undefined where nothing was judged yet. */
  static open(file: string): StoredFindings | undefined {
    const store = FindingsStore.openToRead(file);
    return store && new StoredFindings(store);
  }

  /**
   * What the whole history would give at a position and instant, worst first; undefined unless exactly that is stored.
   * @param recordedAt of the event at the position
   */
  at(tenant: string, position: Position, recordedAt: number, T: number): Finding[] | undefined {
    this.store.begin();
    try {
      const place = this.store.place();
      if (place.cursor !== position || place.recordedAt !== recordedAt) return undefined;
      const own = this.store.of(tenant);
      const state = own.state();
      // No fact of the tenant, no finding.
      if (state === undefined) return [];
      // Until something turns by time alone, what was judged then holds now.
      const until = Math.min(own.turn(), state.worldTurn ?? Infinity);
      if (state.rules !== RULES_VERSION || T < state.T || T >= until) return undefined;
      return own
        .standing()
        .map((finding) => agedTo(finding, T))
        .sort(bySeverity);
    } finally {
      this.store.rollback();
    }
  }

  close(): void {
    this.store.close();
  }
}
