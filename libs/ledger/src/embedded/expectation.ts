import type { ExpectedRevision } from '../port.js';
import { TOMBSTONE } from './stored-event.js';

export type Verdict =
  | { kind: 'write' }
  /** Already there: `revision` is that of the last listed event. */
  | { kind: 'repeated'; revision: number }
  | { kind: 'conflict' }
  /** The stream is gone for good, or deleted where it was expected to exist. */
  | { kind: 'deleted' };

export const WRITE: Verdict = { kind: 'write' };
const CONFLICT: Verdict = { kind: 'conflict' };
const DELETED: Verdict = { kind: 'deleted' };

/** What the store knows of the stream that is appended to. */
export interface StreamKnowledge {
  /** Last revision, -1 if there is no such stream, `TOMBSTONE` if it was deleted for good. */
  current: number;
  /** Whether the event at this revision has the id; false past the end. */
  isAt(revision: number, id: string): boolean;
  /** The revision at which a recent event with the id stands in this stream, if the store remembers it. */
  recent(id: string): number | undefined;
  isSoftDeleted(): boolean;
  hasMetadata(): boolean;
}

/**
 * What an append may do, as EventStoreDB decides it. An exact revision (`no_stream` is -1) below the current one
 * is a repetition if the listed ids are those that follow it, one by one; at the current one it is always written.
 * `any` and `stream_exists` know repetitions only among recent events: all listed ids found, in whatever order.
 */
export function judgeAppend(expected: ExpectedRevision, ids: readonly string[], stream: StreamKnowledge): Verdict {
  if (stream.current === TOMBSTONE) return DELETED;
  if (expected === 'any' || expected === 'stream_exists') {
    if (expected === 'stream_exists') {
      if (stream.isSoftDeleted()) return DELETED;
      if (stream.current < 0 && !stream.hasMetadata()) return CONFLICT;
    }
    return judgeByRecent(ids, stream);
  }
  const wanted = expected === 'no_stream' ? -1 : Number(expected);
  if (wanted > stream.current) return CONFLICT;
  if (wanted === stream.current) return ids.length > 0 ? WRITE : { kind: 'repeated', revision: wanted };
  if (ids.length === 0) return CONFLICT;
  const differing = ids.findIndex((id, index) => !stream.isAt(wanted + 1 + index, id));
  if (differing < 0) return { kind: 'repeated', revision: wanted + ids.length };
  // A deleted stream may be begun anew as if it were none; its numbers go on.
  return differing === 0 && expected === 'no_stream' && stream.isSoftDeleted() ? WRITE : CONFLICT;
}

function judgeByRecent(ids: readonly string[], stream: StreamKnowledge): Verdict {
  const [first] = ids;
  if (first === undefined) return { kind: 'repeated', revision: stream.current };
  if (stream.recent(first) === undefined) return WRITE;
  let revision = -1;
  for (const id of ids) {
    const found = stream.recent(id);
    if (found === undefined) return CONFLICT;
    revision = found;
  }
  return { kind: 'repeated', revision };
}
