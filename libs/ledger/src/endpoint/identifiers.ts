import { randomUUID } from 'node:crypto';
import { isUtf8 } from 'node:buffer';
import { packEventId, unpackEventId } from '../event-id.js';
import { shared } from './protocol.js';
import { invalidArgument } from './refusals.js';

const NIL = '00000000-0000-0000-0000-000000000000';

/** A UUID as text, from whichever of the two forms a client sends; undefined if it is absent, nil or none. */
export function uuidOf(uuid: shared.UUID | undefined): string | undefined {
  if (uuid === undefined) return undefined;
  const structured = uuid.getStructured();
  const text = structured === undefined ? uuid.getString().toLowerCase() : fromBits(structured);
  return text !== NIL && packEventId(text, scratch) ? text : undefined;
}
const scratch = new Uint8Array(16);

export function wireUuid(id: string, isStructured: boolean): shared.UUID {
  const uuid = new shared.UUID();
  if (!isStructured) return uuid.setString(id);
  const bytes = Buffer.alloc(16);
  packEventId(id, bytes);
  const structured = new shared.UUID.Structured();
  structured.setMostSignificantBits(String(bytes.readBigInt64BE(0)));
  structured.setLeastSignificantBits(String(bytes.readBigInt64BE(8)));
  return uuid.setStructured(structured);
}

export function newUuid(): string {
  return randomUUID();
}

function fromBits(structured: shared.UUID.Structured): string {
  const bytes = Buffer.alloc(16);
  bytes.writeBigInt64BE(BigInt.asIntN(64, BigInt(structured.getMostSignificantBits())), 0);
  bytes.writeBigInt64BE(BigInt.asIntN(64, BigInt(structured.getLeastSignificantBits())), 8);
  return unpackEventId(bytes);
}

/** The name of a stream. @throws CallRefused for one that no stream can have */
export function streamNameOf(identifier: shared.StreamIdentifier | undefined): string {
  const bytes = identifier?.getStreamName_asU8() ?? new Uint8Array(0);
  if (bytes.length === 0) throw invalidArgument('A stream needs a name.');
  if (!isUtf8(bytes)) throw invalidArgument('The name of a stream is UTF-8.');
  const name = Buffer.from(bytes).toString();
  if (name === '$$') throw invalidArgument("'$$' names no stream.");
  return name;
}

export function wireStream(name: string): shared.StreamIdentifier {
  return new shared.StreamIdentifier().setStreamName(new Uint8Array(Buffer.from(name)));
}
