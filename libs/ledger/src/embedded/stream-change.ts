import type { AppendOutcome, ExpectedRevision, StreamAppend } from '../port.js';
import type { StorableEvent } from './stored-event.js';

/** An append whose events may hold any bytes. */
export interface StoreAppend extends Omit<StreamAppend, 'events'> {
  events: readonly StorableEvent[];
}

/**
 * Deleting a stream as EventStoreDB does it: `soft` hides its events from reads until somebody appends again, `tombstone`
 * ends it for good. Neither takes anything out of `$all`, nor out of a replay of the product.
 */
export interface StreamRemoval {
  stream: string;
  expected: ExpectedRevision;
  remove: 'soft' | 'tombstone';
}

export type StreamChange = StoreAppend | StreamRemoval;

/** For a removal the position is that of the event which records it. */
export type ChangeOutcome = AppendOutcome;

export function isRemoval(change: StreamChange): change is StreamRemoval {
  return 'remove' in change;
}
