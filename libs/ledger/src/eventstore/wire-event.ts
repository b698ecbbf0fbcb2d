import type { NewEvent } from '../port.js';

/** Tags of the fields of `BatchAppendReq` (streams.proto) and below: number · 8 + 2, all of them with a length. */
const CORRELATION = 0x0a;
const OPTIONS = 0x12;
const PROPOSED = 0x1a;
const ID = 0x0a;
const METADATA = 0x12;
const CUSTOM_METADATA = 0x1a;
const DATA = 0x22;
const UUID_STRING = 0x12;
const KEY = 0x0a;
const VALUE = 0x12;
const IS_FINAL = Buffer.from([0x20, 1]);

const TYPE_KEY = field(KEY, Buffer.from('type'));
const CONTENT_TYPE = field(
  METADATA,
  Buffer.concat([field(KEY, Buffer.from('content-type')), field(VALUE, Buffer.from('application/json'))]),
);

/**
 * An event as a whole field of a batch append: what the published messages make of it, in a fifth of their time, which
 * with small appends is the most of a client's own.
 * @returns its bytes, and those of data and metadata among them
 */
export function wireEvent({ id, type, data, metadata = '' }: NewEvent): { bytes: Buffer; size: number } {
  const [idSize, typeSize] = [Buffer.byteLength(id), Buffer.byteLength(type)];
  const [dataSize, metadataSize] = [Buffer.byteLength(data), Buffer.byteLength(metadata)];
  const uuid = fieldSize(idSize);
  const entry = TYPE_KEY.length + fieldSize(typeSize);
  const custom = metadataSize === 0 ? 0 : fieldSize(metadataSize);
  const body = dataSize === 0 ? 0 : fieldSize(dataSize);
  const message = fieldSize(uuid) + fieldSize(entry) + CONTENT_TYPE.length + custom + body;
  const bytes = Buffer.allocUnsafe(fieldSize(message));
  let at = begin(bytes, 0, PROPOSED, message);
  at = begin(bytes, at, ID, uuid);
  at = begin(bytes, at, UUID_STRING, idSize);
  at += bytes.write(id, at);
  at += CONTENT_TYPE.copy(bytes, at);
  at = begin(bytes, at, METADATA, entry);
  at += TYPE_KEY.copy(bytes, at);
  at = begin(bytes, at, VALUE, typeSize);
  at += bytes.write(type, at);
  if (metadataSize > 0) {
    at = begin(bytes, at, CUSTOM_METADATA, metadataSize);
    at += bytes.write(metadata, at);
  }
  if (dataSize > 0) {
    at = begin(bytes, at, DATA, dataSize);
    bytes.write(data, at);
  }
  return { bytes, size: dataSize + metadataSize };
}

/**
 * One request of a batch append.
 * @param options as the published message gives them; of the first request alone
 * @param events as `wireEvent` gives them
 */
export function wireRequest(
  correlation: string,
  options: Uint8Array | undefined,
  events: readonly Buffer[],
  isFinal: boolean,
): Buffer {
  const parts = [field(CORRELATION, field(UUID_STRING, Buffer.from(correlation)))];
  if (options !== undefined) parts.push(field(OPTIONS, options));
  parts.push(...events);
  if (isFinal) parts.push(IS_FINAL);
  return Buffer.concat(parts);
}

function field(tag: number, content: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(fieldSize(content.length));
  bytes.set(content, begin(bytes, 0, tag, content.length));
  return bytes;
}

/** Bytes of a field with its tag and length. */
function fieldSize(content: number): number {
  let size = 2 + content;
  for (let left = content; left > 0x7f; left = Math.floor(left / 128)) size++;
  return size;
}

/** Writes tag and length; gives the place behind them. */
function begin(bytes: Buffer, at: number, tag: number, size: number): number {
  bytes[at++] = tag;
  let left = size;
  for (; left > 0x7f; left = Math.floor(left / 128)) bytes[at++] = (left & 0x7f) | 0x80;
  bytes[at++] = left;
  return at;
}
