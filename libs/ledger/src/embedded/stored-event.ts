import { unpackEventId } from '../event-id.js';
import { TOMBSTONE_REVISION, type RecordedEvent } from '../port.js';

/**
 * What a row's `data` and `metadata` hold. Text is what the product itself wrote: JSON, given back byte for byte.
 * Anything that another program wrote over the wire is a blob, unless it is a fact of the product to the letter:
 * `data` is one byte that says how its writer declared it (JSON or octets) and then its bytes, `metadata` bare bytes.
 */
export type Content = string | Uint8Array;

const JSON_BYTES = 1;
const OCTETS = 2;

/**
 * The revision under which a tombstone is stored: the port's, which is the wire's Int64 max, fits no JS number. It lies behind every other
 * revision, so the last revision of a stream tells whether it is gone for good.
 */
export const TOMBSTONE = Number.MAX_SAFE_INTEGER;

/** An event to be written: the port's, or one of any bytes. */
export interface StorableEvent {
  id: string;
  type: string;
  data: Content;
  metadata?: Content;
}

/** An event as it stands in the store, whoever wrote it. */
export interface StoredEvent {
  stream: string;
  /** `TOMBSTONE` for the last event of a stream that was deleted for good. */
  revision: number;
  position: number;
  id: string;
  type: string;
  recordedAt: number;
  /** Declared as JSON; nobody checked that it is. */
  isJson: boolean;
  data: Uint8Array;
  /** Empty where there is none. */
  metadata: Uint8Array;
}

export type EventRow = [
  position: number,
  stream: string,
  revision: number,
  type: string,
  id: Buffer,
  recorded: number,
  metadata: string | Buffer | null,
  data: string | Buffer,
];

/** Bytes of another program, to be stored as a blob. */
export function foreignContent(bytes: Uint8Array, isJson: boolean): Uint8Array {
  const content = new Uint8Array(bytes.length + 1);
  content[0] = isJson ? JSON_BYTES : OCTETS;
  content.set(bytes, 1);
  return content;
}

export function storedContent(data: string | Buffer): { isJson: boolean; bytes: Uint8Array } {
  if (typeof data === 'string') return { isJson: true, bytes: Buffer.from(data) };
  return { isJson: data[0] === JSON_BYTES, bytes: data.subarray(1) };
}

export function storedEvent(row: EventRow): StoredEvent {
  const [position, stream, revision, type, id, recordedAt, metadata, data] = row;
  const { isJson, bytes } = storedContent(data);
  return {
    stream,
    revision,
    position,
    id: unpackEventId(id),
    type,
    recordedAt,
    isJson,
    data: bytes,
    metadata: typeof metadata === 'string' ? Buffer.from(metadata) : (metadata ?? NOTHING),
  };
}
const NOTHING = new Uint8Array(0);

/** The event for the product; undefined for another program's: what is no fact must not stop a replay. */
export function productEvent(row: EventRow): RecordedEvent | undefined {
  const [position, stream, revision, type, id, recordedAt, metadata, data] = row;
  if (typeof data !== 'string') return undefined;
  const event: RecordedEvent = {
    stream,
    revision: BigInt(revision),
    position: BigInt(position),
    id: unpackEventId(id),
    type,
    recordedAt,
    data,
  };
  if (typeof metadata === 'string') event.metadata = metadata;
  return event;
}

/** A stored revision as the port says it. */
export function portRevision(revision: number): bigint {
  return revision === TOMBSTONE ? TOMBSTONE_REVISION : BigInt(revision);
}
