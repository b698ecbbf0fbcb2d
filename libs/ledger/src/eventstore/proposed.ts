import type { StreamAppend } from '../port.js';
import { AppendTooLarge } from './errors.js';
import { wireEvent } from './wire-event.js';

/** An append whose events are bytes already, made once for all its tries. */
export interface ProposedAppend extends Pick<StreamAppend, 'stream' | 'expected'> {
  /** As `wireEvent` gives them. */
  events: Buffer[];
  /** Of data and metadata. */
  bytes: number;
}

/**
 * Servers up to 24.6 count the data alone, later ones metadata too: whichever it is, what is counted here is not less.
 * @throws AppendTooLarge
 */
export function proposedAppend({ stream, events, expected }: StreamAppend, limit: number): ProposedAppend {
  let bytes = 0;
  const encoded = events.map((event) => {
    const made = wireEvent(event);
    bytes += made.size;
    return made.bytes;
  });
  if (bytes > limit) throw new AppendTooLarge(stream, bytes, limit);
  return { stream, expected, events: encoded, bytes };
}
