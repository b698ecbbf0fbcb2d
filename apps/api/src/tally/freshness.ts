import type { Stores } from './stores.js';
import { encodePosition } from './when.js';

/** How far ClickHouse has come. */
export interface Freshness {
  /** Its position, as answers give it. */
  reached: string;
  /** How many positions the ledger is ahead. */
  lagEvents: number;
  /** For how many seconds the oldest event that it lacks has been in the ledger. */
  lagSeconds: number;
}

export function freshnessOf(reached: bigint, { scan, clock }: Pick<Stores, 'scan' | 'clock'>): Freshness {
  const lagEvents = Number(scan.head() - reached);
  let lagSeconds = 0;
  for (const row of scan.scanAll({ after: reached })) {
    lagSeconds = Math.max(0, clock() - row.recordedAt) / 1000;
    break;
  }
  return { reached: encodePosition(reached), lagEvents: Math.max(0, lagEvents), lagSeconds };
}
