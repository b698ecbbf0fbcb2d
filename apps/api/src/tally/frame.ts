import type { History } from '#lifecycle';
import type { Borders, Cut } from '#lifecycle';

/** What an answer is a function of: a history as known at K, a cut, and how both are told in the answer. */
export interface Frame {
  history: History;
  tenant: string;
  /** K. */
  position: bigint;
  cut: Cut;
  /** The switches between deployments, so that uses are exact on each side of them. */
  borders: Borders;
  asOf: Record<string, unknown>;
  knownAt: { position: string; time: string | null };
}
