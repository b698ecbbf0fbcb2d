import { type StoredEvent, TOMBSTONE } from '../embedded/stored-event.js';
import { wireStream, wireUuid } from './identifiers.js';
import { originalOf, type ResolvedEvent } from './links.js';
import type { LiveMessage } from './live-reads.js';
import { shared, streams } from './protocol.js';

const { ReadResp } = streams;
const { ReadEvent } = ReadResp;
const TOMBSTONE_TEXT = '9223372036854775807';

/** A stored revision as the wire says it. */
export function revisionText(revision: number): string {
  return revision === TOMBSTONE ? TOMBSTONE_TEXT : String(revision);
}

export function eventResponse(resolved: ResolvedEvent, isStructured: boolean): streams.ReadResp {
  const read = new ReadEvent();
  if (resolved.event !== undefined) read.setEvent(wireEvent(resolved.event, isStructured));
  if (resolved.link !== undefined) read.setLink(wireEvent(resolved.link, isStructured));
  const original = originalOf(resolved);
  if (original === undefined) read.setNoPosition(new shared.Empty());
  else read.setCommitPosition(String(original.position));
  return new ReadResp().setEvent(read);
}

export function wireEvent(event: StoredEvent, isStructured: boolean): streams.ReadResp.ReadEvent.RecordedEvent {
  const recorded = new ReadEvent.RecordedEvent();
  const position = String(event.position);
  recorded.setId(wireUuid(event.id, isStructured));
  recorded.setStreamIdentifier(wireStream(event.stream));
  recorded.setStreamRevision(revisionText(event.revision));
  recorded.setPreparePosition(position);
  recorded.setCommitPosition(position);
  recorded.setData(event.data);
  recorded.setCustomMetadata(event.metadata);
  const properties = recorded.getMetadataMap();
  properties.set('type', event.type);
  properties.set('content-type', event.isJson ? 'application/json' : 'application/octet-stream');
  // In units of 100 ns.
  properties.set('created', `${event.recordedAt}0000`);
  return recorded;
}

export function streamNotFound(stream: string): streams.ReadResp {
  return new ReadResp().setStreamNotFound(new ReadResp.StreamNotFound().setStreamIdentifier(wireStream(stream)));
}

export function confirmation(subscriptionId: string): streams.ReadResp {
  return new ReadResp().setConfirmation(new ReadResp.SubscriptionConfirmation().setSubscriptionId(subscriptionId));
}

export function firstStreamPosition(revision: number): streams.ReadResp {
  return new ReadResp().setFirstStreamPosition(revisionText(revision));
}

export function lastStreamPosition(revision: number): streams.ReadResp {
  return new ReadResp().setLastStreamPosition(revisionText(revision));
}

export function liveResponse(message: LiveMessage, isStructured: boolean): streams.ReadResp {
  if (message.kind === 'event') return eventResponse(message.event, isStructured);
  if (message.kind === 'caughtUp') return new ReadResp().setCaughtUp(new ReadResp.CaughtUp());
  const checkpoint = new ReadResp.Checkpoint();
  checkpoint.setCommitPosition(String(message.position));
  checkpoint.setPreparePosition(String(message.position));
  return new ReadResp().setCheckpoint(checkpoint);
}
