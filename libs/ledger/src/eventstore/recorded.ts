import { isUtf8 } from 'node:buffer';
import type { ReadResp } from '@eventstore/db-client/generated/streams_pb.js';
import type { Position, RecordedEvent } from '../port.js';
import { uuidText } from './messages.js';

export interface Place {
  revision: bigint;
  position: Position;
}

/** An event as the wire gave it: its place always, the event itself if it is one for the ledger's readers. */
export interface Received extends Place {
  /** The server's own: a stream or type that begins with `$`. */
  isSystem: boolean;
  /** Undefined for events of the system, and for those that are not JSON text. */
  event: RecordedEvent | undefined;
}

/** Facts of ours were JSON when they were appended; what others wrote is looked at before a replay trips over it. */
const OWN_TYPES = 'tallystick.';
const TICKS_A_MS = 10_000n;

/** @returns undefined where the record of a link is gone */
export function receivedFrom({
  event: record,
}: {
  event: ReadResp.ReadEvent.RecordedEvent | undefined;
}): Received | undefined {
  if (record === undefined) return undefined;
  const stream = textOf(record.getStreamIdentifier()?.getStreamName_asU8() ?? new Uint8Array(0));
  const properties = record.getMetadataMap();
  const type = properties.get('type') ?? '';
  const place = { revision: BigInt(record.getStreamRevision()), position: BigInt(record.getCommitPosition()) };
  const isSystem = stream.startsWith('$') || type.startsWith('$');
  const data = record.getData_asU8();
  if (isSystem || properties.get('content-type') !== 'application/json' || !isUtf8(data))
    return { ...place, isSystem, event: undefined };
  const text = textOf(data);
  if (!type.startsWith(OWN_TYPES) && !isJson(text)) return { ...place, isSystem, event: undefined };
  const event: RecordedEvent = {
    stream,
    ...place,
    id: uuidText(record.getId()),
    type,
    recordedAt: Number(BigInt(properties.get('created') ?? '0') / TICKS_A_MS),
    data: text,
  };
  const metadata = record.getCustomMetadata_asU8();
  if (metadata.length > 0 && isUtf8(metadata)) event.metadata = textOf(metadata);
  return { ...place, isSystem, event };
}

/** A view, not a copy; a byte order mark stays. */
function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
