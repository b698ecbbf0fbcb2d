import type { StoredEvent } from '../embedded-store.js';
import { wireStream, wireUuid } from '../identifiers.js';
import { originalOf, type ResolvedEvent } from '../links.js';
import { persistent, shared } from '../protocol.js';
import { revisionText } from '../read-responses.js';
import type { Message } from './message.js';

const { ReadResp } = persistent;
const { ReadEvent } = ReadResp;

export function confirmation(key: string): persistent.ReadResp {
  const confirmed = new ReadResp.SubscriptionConfirmation().setSubscriptionId(key);
  return new ReadResp().setSubscriptionConfirmation(confirmed);
}

export function messageResponse(
  { event: { event, link }, retries }: Message<ResolvedEvent>,
  isStructured: boolean,
): persistent.ReadResp {
  const read = new ReadEvent().setRetryCount(retries);
  if (event) read.setEvent(recorded(event, isStructured));
  if (link) read.setLink(recorded(link, isStructured));
  const original = originalOf({ event, ...(link && { link }) });
  if (original) read.setCommitPosition(String(original.position));
  else read.setNoPosition(new shared.Empty());
  return new ReadResp().setEvent(read);
}

function recorded(event: StoredEvent, isStructured: boolean): persistent.ReadResp.ReadEvent.RecordedEvent {
  const position = String(event.position);
  const message = new ReadEvent.RecordedEvent()
    .setId(wireUuid(event.id, isStructured))
    .setStreamIdentifier(wireStream(event.stream))
    .setStreamRevision(revisionText(event.revision))
    .setPreparePosition(position)
    .setCommitPosition(position)
    .setData(event.data)
    .setCustomMetadata(event.metadata);
  const properties = message.getMetadataMap();
  properties.set('type', event.type);
  properties.set('content-type', event.isJson ? 'application/json' : 'application/octet-stream');
  // In units of 100 ns.
  properties.set('created', `${event.recordedAt}0000`);
  return message;
}
