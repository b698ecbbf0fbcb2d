import { isOwnConclusion } from '#lifecycle';
import { START, type Ledger, type Position, type RecordedEvent } from '#ledger';
import { isMarked, stateConflicts, unmarkedOf, type Unmarked } from './conflict-marks.js';
import { onceKey, partKey } from './ids.js';
import type { SeenIndex } from './seen-index.js';

/** Events remembered together while catching up: bounds what a crash makes it read again. */
const TOGETHER = 10_000;

interface RecordOfEvent {
  key: string;
  digest: string;
  ordinal: number;
}

const HEX_KEY = /^[0-9a-f]{32}$/;

/** The record that an event of the ledger came from; undefined for what was concluded, and for others' events. */
export function recordOf(event: Pick<RecordedEvent, 'type' | 'data'>): RecordOfEvent | undefined {
  let data: { source?: unknown; record?: Partial<RecordOfEvent> | null } | null;
  try {
    data = JSON.parse(event.data) as typeof data;
  } catch {
    return undefined;
  }
  if (typeof data?.source !== 'string' || typeof data.record !== 'object' || data.record === null) return undefined;
  const { key, digest, ordinal } = data.record;
  if (typeof key !== 'string' || typeof digest !== 'string' || typeof ordinal !== 'number') return undefined;
  // What was concluded was never taken in; and a client of the ledger may have written anything.
  if (isOwnConclusion({ type: event.type, source: data.source })) return undefined;
  return HEX_KEY.test(key) && HEX_KEY.test(digest) ? { key, digest, ordinal } : undefined;
}

/** Under which key an event is remembered, and with which digest. */
export function memoryOf(record: RecordOfEvent): { key: string; digest: string } {
  const { key, digest, ordinal } = record;
  if (key === digest) return { key: onceKey(record), digest: onceKey(record) };
  return { key: ordinal === 0 ? key : partKey(key, ordinal), digest };
}

/**
 * Feeds the index what the ledger holds after its cursor, and states the conflicts that nobody has seen so far. What
 * others append meanwhile is left: under load its end moves as fast as it is read.
 * @param feed where to read: the ledger, or a copy of it with the same positions
 */
export async function catchUp(ledger: Ledger, feed: Ledger, seen: SeenIndex): Promise<void> {
  // An index of another ledger, or of this one before it was set back, knows of events that are not there.
  const head = await feed.head();
  if (seen.cursor > head || !(await restsOn(feed, seen.landmark))) seen.reset();
  let unsaved = 0;
  let position: Position = seen.cursor;
  let unmarked: Unmarked[] = [];
  const keep = async (): Promise<void> => {
    // Before the cursor moves on: whoever comes after a crash looks at them again.
    await stateConflicts(ledger, unmarked);
    unmarked = [];
    seen.commit(position);
    unsaved = 0;
  };
  for await (const event of feed.readAll({ from: seen.cursor === START ? 'start' : seen.cursor, to: head })) {
    position = event.position;
    seen.note(position, event.id);
    unsaved++;
    const record = recordOf(event);
    if (record !== undefined) {
      const { key, digest } = memoryOf(record);
      if (seen.see(key, digest) === 'conflict' && !isMarked(event)) {
        const conflict = unmarkedOf(event, record.key, record.digest);
        if (conflict !== undefined) unmarked.push(conflict);
      }
    }
    if (unsaved >= TOGETHER) await keep();
  }
  if (unsaved > 0) await keep();
}

async function restsOn(feed: Ledger, landmark: SeenIndex['landmark']): Promise<boolean> {
  if (landmark === undefined) return true;
  for await (const { position, id } of feed.readAll({ from: landmark.position, maxCount: 1 }))
    return position === landmark.position && id === landmark.event;
  return false;
}
