import { InvalidEvent } from '../errors.js';
import { packEventId } from '../event-id.js';
import type { StreamAppend } from '../port.js';

const scratch = new Uint8Array(16);
const NO_ID = '00000000-0000-0000-0000-000000000000';

/** Refuses what the store could not give back as it came: ids that are no UUID, text that is not Unicode. */
export function checkAppend({ stream, events }: StreamAppend): void {
  if (stream === '' || !stream.isWellFormed()) throw new InvalidEvent(stream, 'stream', 'it is empty or not Unicode');
  for (const { id, type, data, metadata } of events) {
    if (!packEventId(id, scratch) || id === NO_ID) throw new InvalidEvent(stream, 'id', 'it is not a UUID');
    if (type === '' || !type.isWellFormed()) throw new InvalidEvent(stream, 'type', 'it is empty or not Unicode');
    if (!data.isWellFormed()) throw new InvalidEvent(stream, 'data', 'a lone surrogate is not Unicode');
    if (metadata !== undefined && !metadata.isWellFormed()) {
      throw new InvalidEvent(stream, 'metadata', 'a lone surrogate is not Unicode');
    }
  }
}
