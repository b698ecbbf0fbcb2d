import { TallyError } from '#platform';
import type { RecordedEvent } from '../port.js';

/** The field in which two ledgers differ at one place. */
export type DifferingField = 'stream' | 'revision' | 'id' | 'type' | 'data' | 'metadata' | 'missing' | 'more';

/** The two ledgers do not hold the same events in the same order. */
export class LedgersDiffer extends TallyError {
  readonly code = 'TALLY_LEDGERS_DIFFER';
  /** @param ordinal of the first event that differs, from 1 */
  constructor(ordinal: number, field: DifferingField, from: RecordedEvent | undefined, to: RecordedEvent | undefined) {
    const what = `event ${ordinal} ${DIFFERENCE[field]}`;
    super(`The ledgers differ: ${what} (${placeOf('FROM', from)}, ${placeOf('TO', to)}).`, {
      facts: {
        ordinal,
        field,
        from: from && `${from.revision}@${from.stream}`,
        to: to && `${to.revision}@${to.stream}`,
      },
      remedy:
        'Copy into a ledger that holds nothing else: a new data directory, or an EventStoreDB without events of its own.',
    });
  }
}

const DIFFERENCE: Readonly<Record<DifferingField, string>> = {
  stream: 'is in another stream',
  revision: 'has another revision',
  id: 'is another event',
  type: 'has another type',
  data: 'has other data',
  metadata: 'has other metadata',
  missing: 'is not in TO',
  more: 'is in TO alone',
};

/** Streams are keyed names and no personal data; of the event nothing is said. */
function placeOf(side: string, event: RecordedEvent | undefined): string {
  return event === undefined ? `${side}: none` : `${side}: ${event.revision}@${event.stream}`;
}

/** While it was copied, somebody else wrote into the target, or the target wrote events in another order. */
export class CopyDisturbed extends TallyError {
  readonly code = 'TALLY_COPY_DISTURBED';
  constructor(stream: string, why: string) {
    super(`The copy cannot go on at stream ${stream}: ${why}.`, {
      facts: { stream, reason: why },
      remedy: 'Let nothing else write into the target, empty it, and copy again.',
    });
  }
}
