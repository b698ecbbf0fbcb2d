import type { StreamAppend } from '#ledger';
import type { PreparedEvent } from './prepared.js';

const LINKS = '{"links":true}';
const CONFLICT = '{"conflict":true}';
const LINKS_AND_CONFLICT = '{"links":true,"conflict":true}';

export function byStream(events: readonly PreparedEvent[]): Map<string, PreparedEvent[]> {
  const streams = new Map<string, PreparedEvent[]>();
  for (const event of events) {
    const list = streams.get(event.stream);
    if (list === undefined) streams.set(event.stream, [event]);
    else list.push(event);
  }
  return streams;
}

/** The append of one stream's events, marked where they join names or conflict with another variant. */
export function appendOf(
  stream: string,
  events: readonly PreparedEvent[],
  expected: StreamAppend['expected'],
  conflicting: ReadonlyMap<string, boolean>,
): StreamAppend {
  return {
    stream,
    expected,
    events: events.map(({ id, type, data, links }) => {
      const metadata = conflicting.has(id) ? (links ? LINKS_AND_CONFLICT : CONFLICT) : links ? LINKS : undefined;
      return metadata === undefined ? { id, type, data } : { id, type, data, metadata };
    }),
  };
}

/** Less than any server takes in one append by default (1 MiB), with room for metadata. */
const MOST_BYTES = 768 * 1024;

/** As many of a stream's events, from the first on, as fit into one append; at least one. */
export function portionOf(events: readonly PreparedEvent[]): readonly PreparedEvent[] {
  let units = 0;
  for (const { data } of events) units += data.length;
  // No UTF-16 unit takes more than three bytes.
  if (3 * units <= MOST_BYTES) return events;
  let bytes = 0;
  for (let count = 0; count < events.length; count++) {
    bytes += Buffer.byteLength(events[count]!.data);
    if (bytes > MOST_BYTES && count > 0) return events.slice(0, count);
  }
  return events;
}
