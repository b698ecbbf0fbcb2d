import { createHmac } from 'node:crypto';
import { fullType, lengthPrefixed, streamOf, type NamingSecrets, type ObservationType } from '#lifecycle';
import type { Draft } from '#sources';
import { joinsNames, storedText } from '../draft-event.js';
import { eventId, recordKey } from '../ids.js';
import type { Prepared } from '../prepared.js';
import type { Summary } from './range-fold.js';

/**
 * A summary as an event: id = H(range, name, minute, dimensions), and its digest is that of its members, so that the
 * same range always gives the same bytes. It has no personal box: the uses that were kept have theirs.
 * @param range tells this range from every other of every input; without line ends.
 */
export function preparedSummary(
  { source, subject, minute, dimensions, draft, count, firstAt, lastAt, members }: Summary,
  range: string,
  { tenant, secrets }: { tenant: string; secrets: NamingSecrets },
): Extract<Prepared, { kind: 'facts' }> {
  const sourceId = lengthPrefixed(['minute', range, subject, String(minute), dimensions]);
  const key = recordKey(tenant, source, sourceId);
  const digest = membersDigest(secrets, members);
  const summed: Draft = { ...draft, data: { ...draft.data, count, firstAt, lastAt, membersDigest: digest } };
  const record = { key, digest, ordinal: 0 };
  return {
    kind: 'facts',
    line: 0,
    source,
    key,
    digest,
    high: lastAt,
    records: count,
    events: [
      {
        id: eventId(key, digest, 0),
        stream: streamOf(draft.type as ObservationType, tenant, subject),
        type: fullType(draft.type),
        data: storedText(summed, source, tenant, subject, record, undefined),
        links: joinsNames(draft),
      },
    ],
  };
}

/** HMAC(person secret, the members): who has the lines can show that they are these, and nobody can guess them. */
export function membersDigest({ person }: NamingSecrets, members: string): string {
  return createHmac('sha256', person).update(`members\n${members}`).digest('hex').slice(0, 32);
}
