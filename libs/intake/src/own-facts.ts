import { createHash } from 'node:crypto';
import { fullType, OWN_SOURCE, streamOf, type Names, type ObservationType } from '#lifecycle';
import { storedText } from './draft-event.js';
import { eventId, onceKey, recordKey } from './ids.js';
import type { PreparedEvent } from './prepared.js';

export interface OwnFact {
  type: ObservationType;
  tenant: string;
  /** What its stream is about. */
  subject: string;
  /** effectiveAt in ms. */
  time: number;
  names?: Names;
  data: Record<string, unknown>;
}

/**
 * A fact that the product states itself: the operator's word at the CLI or API, or intake's bookkeeping. Its id comes
 * from its content, so that saying the same twice is one fact.
 */
export function ownFact({ type, tenant, subject, time, names = {}, data }: OwnFact): PreparedEvent {
  const content = createHash('sha256')
    .update(JSON.stringify([type, subject, time, names, data]))
    .digest('hex');
  const key = recordKey(tenant, OWN_SOURCE, content);
  return {
    id: eventId(key, key, 0),
    stream: streamOf(type, tenant, subject),
    type: fullType(type),
    data: storedText(
      { type, time, names, data },
      OWN_SOURCE,
      tenant,
      subject,
      { key, digest: key, ordinal: 0 },
      undefined,
    ),
    links: type === 'token.renamed' || type === 'token.aliased',
    once: onceKey({ key, ordinal: 0 }),
  };
}
