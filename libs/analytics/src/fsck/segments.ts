import { BATCH_EVENTS, CHUNK, type Bounds } from '../writer/batch.js';

/** A row of `batches`. 64-bit numbers are decimal texts. */
export interface BatchRow extends Bounds {
  events: number;
  facts: number;
  digest: string;
  tail: string;
}

/** A stretch of positions: those of a batch, or those between two. */
export interface Segment extends Bounds {
  batch?: BatchRow;
}

/**
 * Batches and what is between them, from one position to another: every position is in one segment. What is between two
 * batches is cut as a batch would be.
 */
export function segmentsOf(batches: readonly BatchRow[], from: number, to: number): Segment[] {
  const out: Segment[] = [];
  let next = from;
  for (const batch of batches) {
    for (; next < batch.start; next = out.at(-1)!.end + 1) {
      const border = (Math.floor(next / CHUNK) + 1) * CHUNK;
      out.push({ start: next, end: Math.min(batch.start, border, next + BATCH_EVENTS) - 1 });
    }
    out.push({ start: batch.start, end: batch.end, batch });
    next = Math.max(next, batch.end + 1);
  }
  if (next <= to) out.push({ start: next, end: to });
  return out;
}
