import { OWN_SOURCE, storedJson } from '#lifecycle';
import type { Ledger, RecordedEvent, StreamAppend } from '#ledger';
import { eventId } from './ids.js';

/** An event whose record another one contradicts, and nothing in the ledger says so. */
export interface Unmarked {
  key: string;
  digest: string;
  tenant: string;
  time: number;
}

/** Whether an event says by itself that its record contradicts an earlier one. */
export function isMarked({ metadata }: Pick<RecordedEvent, 'metadata'>): boolean {
  return metadata?.includes('"conflict"') === true;
}

/** Who and when an event's text says that it is of; undefined for what intake did not write. */
export function unmarkedOf(event: RecordedEvent, key: string, digest: string): Unmarked | undefined {
  const { tenant, time } = JSON.parse(event.data) as { tenant?: unknown; time?: unknown };
  return typeof tenant === 'string' && typeof time === 'number' ? { key, digest, tenant, time } : undefined;
}

/**
 * Two processes can each take a variant of a record for the first one. Whoever sees both states the conflict in a
 * stream of its own, once: replays collect the keys of marked events, wherever these stand.
 */
export async function stateConflicts(ledger: Ledger, unmarked: readonly Unmarked[]): Promise<void> {
  if (unmarked.length === 0) return;
  const byKey = new Map(unmarked.map((each) => [each.key, each]));
  const appends = [...byKey.values()].map(({ key, digest, tenant, time }): StreamAppend => {
    const data = storedJson({
      id: '',
      type: 'record.conflicted',
      source: OWN_SOURCE,
      tenant,
      subject: key,
      time,
      names: {},
      data: {},
      record: { key, digest, ordinal: 0 },
    });
    const id = eventId(key, 'conflict', 0);
    const type = 'tallystick.record.conflicted.v1';
    return {
      stream: `conflict-${key}`,
      events: [{ id, type, data, metadata: '{"conflict":true}' }],
      expected: 'no_stream',
    };
  });
  // Somebody may have stated it before: then the stream is there, and that is as good.
  await ledger.appendMany(appends);
}
