import { createHash } from 'node:crypto';
import { partKey } from './ids.js';
import type { DeadLetter, Facts, PreparedEvent } from './prepared.js';
import type { Account, Outcome } from './report.js';
import type { SeenIndex } from './seen-index.js';

/** Events whose stream was deleted for good. */
export type Aside = ReadonlySet<PreparedEvent>;
export type KeepLetters = (letters: readonly DeadLetter[]) => void;

/** Records of a batch of which something is to be appended, and as what each of them was counted. */
export interface Taken {
  facts: Facts[];
  outcomes: Outcome[];
}

/**
 * Sets aside what can never be appended, because its stream was deleted for good in the store: the record counts as
 * rejected, and the index forgets the event, so that it is what the ledger holds. A record that comes again is then
 * set aside again, whoever lost its letter the first time.
 */
export function setAsideRecords(
  { facts, outcomes }: Taken,
  aside: Aside,
  account: Account,
  seen: SeenIndex,
): DeadLetter[] {
  const all: DeadLetter[] = [];
  for (const [i, { key, digest, source, line, records, events }] of facts.entries()) {
    const letters: DeadLetter[] = [];
    for (const [ordinal, event] of events.entries()) {
      if (!aside.has(event)) continue;
      if (event.once !== undefined) seen.forget(event.once, event.once);
      else seen.forget(ordinal === 0 ? key : partKey(key, ordinal), digest);
      letters.push(letterOf(event, source, line));
    }
    const [first] = letters;
    if (first === undefined) continue;
    const { field, reason, id } = first;
    account.turnDown(outcomes[i]!, { line, field, reason, deadLetter: id }, records);
    all.push(...letters);
  }
  return all;
}

/** The same for facts that the product states itself. */
export function setAsideFacts(aside: Aside, source: string, seen: SeenIndex): DeadLetter[] {
  return [...aside].map((event) => {
    if (event.once !== undefined) seen.forget(event.once, event.once);
    return letterOf(event, source, 0);
  });
}

function letterOf({ id, stream, type, data }: PreparedEvent, source: string, line: number): DeadLetter {
  const { tenant } = JSON.parse(data) as { tenant: string };
  return {
    // Of the event's own id, which is the same however often its record comes.
    id: createHash('sha256').update(`tombstoned\n${id}`).digest('hex').slice(0, 32),
    tenant,
    source,
    line,
    field: '(stream)',
    reason: `the stream ${stream} was deleted for good in the store`,
    length: Buffer.byteLength(data),
    redrivable: false,
    keys: [],
    event: { id, stream, type, data },
  };
}
