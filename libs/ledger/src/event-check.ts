import { InvalidEvent } from './errors.js';
import { packEventId } from './event-id.js';
import type { StreamAppend } from './port.js';

const NO_ID = '00000000-0000-0000-0000-000000000000';
const packed = new Uint8Array(16);

/**
 * Refuses what a store over the wire could not give back as it came, before anything of a batch is sent.
 * @throws InvalidEvent
 */
export function checkAppend({ stream, events }: StreamAppend): void {
  if (stream === '' || !stream.isWellFormed()) throw new InvalidEvent(stream, 'stream', 'it is empty or not Unicode');
  if (stream.startsWith('$')) throw new InvalidEvent(stream, 'stream', 'names that begin with $ are of the server');
  for (const { id, type, data, metadata } of events) {
    if (!packEventId(id, packed) || id === NO_ID) throw new InvalidEvent(stream, 'id', 'it is not a UUID');
    if (type === '' || !type.isWellFormed()) throw new InvalidEvent(stream, 'type', 'it is empty or not Unicode');
    if (type.startsWith('$')) throw new InvalidEvent(stream, 'type', 'types that begin with $ are of the server');
    if (!data.isWellFormed()) throw new InvalidEvent(stream, 'data', 'a lone surrogate is not Unicode');
    if (metadata?.isWellFormed() === false)
      throw new InvalidEvent(stream, 'metadata', 'a lone surrogate is not Unicode');
  }
}
