import type { SubBatchLimits } from './sub-batches.js';

export interface LoopOptions {
  subBatch: SubBatchLimits;
  /** Sub-batches that are prepared while one is written; with those limits, the bound on memory of a partition. */
  ahead: number;
  /** Ms between heartbeats while work is waited for; well below the session timeout. */
  heartbeatMs: number;
  /** Ms between commits of one batch; its end is always committed. */
  commitMs: number;
  /** How long a partition rests after a failure that may pass; in ms. */
  backoff: { base: number; max: number };
  /** Ms that work which is under way may take to end after the consumer lost its place; well below the rebalance timeout. */
  settleMs: number;
  deadLetterTopic: string;
}

export const LOOP_DEFAULTS: LoopOptions = {
  subBatch: { count: 2000, bytes: 2_097_152, ms: 5000 },
  ahead: 2,
  heartbeatMs: 1000,
  commitMs: 200,
  backoff: { base: 200, max: 30_000 },
  settleMs: 10_000,
  deadLetterTopic: 'tallystick.dead-letters',
};
