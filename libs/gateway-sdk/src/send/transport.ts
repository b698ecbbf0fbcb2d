import type { Written } from '../events/cloud-event.js';

/** Some events as they go out together. */
export interface Batch {
  events: readonly Written[];
}

/** Why a batch did not arrive; for logs and metrics, without a byte of what was sent. */
export interface Problem {
  code: 'unreachable' | 'timeout' | 'unauthorised' | 'busy' | 'refused' | 'failed' | 'too-large';
  status?: number;
  /** The other side's own code, such as TALLY_DISK_FULL, or the system's, such as ECONNREFUSED. */
  detail?: string;
}

/** An event that the intake does not take: it lies among the dead letters there, and is not sent again. */
export interface Rejection {
  id: string;
  type: string;
  field: string;
  reason: string;
  deadLetter?: string;
}

export type Outcome =
  | { kind: 'taken'; accepted: number; duplicates: number; conflicts: number; rejections: Rejection[] }
  /** Send the same again; not before `afterMs`. */
  | { kind: 'again'; problem: Problem; afterMs?: number }
  /** Send it in smaller pieces. */
  | { kind: 'too-large' };

export interface Transport {
  /** Never rejects: what goes wrong is an outcome. */
  send(batch: Batch, signal: AbortSignal): Promise<Outcome>;
  close(): Promise<void>;
}
