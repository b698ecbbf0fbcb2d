import { isUtf8 } from 'node:buffer';
import { foreignContent, type StorableEvent } from '../embedded/stored-event.js';
import { isProductFact } from '../product-fact.js';
import { uuidOf } from './identifiers.js';
import type { streams } from './protocol.js';
import { invalidArgument, propertyMissing } from './refusals.js';

type Proposed = streams.AppendReq.ProposedMessage | streams.BatchAppendReq.ProposedMessage;

const JSON_TYPE = 'application/json';

/** An event as a client sent it. @throws CallRefused without an id, a type, or how its data is to be read */
export function proposedEvent(message: Proposed): StorableEvent {
  const id = uuidOf(message.getId());
  if (id === undefined) throw invalidArgument('An event needs an id that is a UUID and not empty.');
  const properties = message.getMetadataMap();
  const type = required(properties.get('type'), 'type');
  const contentType = required(properties.get('content-type'), 'content-type');
  if (!type.isWellFormed()) throw invalidArgument('The type of an event is Unicode.');
  return storable(id, type, contentType === JSON_TYPE, message.getData_asU8(), message.getCustomMetadata_asU8());
}

/** The bytes that count against the limit of an append: the data's alone. */
export function countedSize(message: Proposed): number {
  return message.getData_asU8().length;
}

/** What the product can read as its own fact is stored as its own; anything else as another program's bytes. */
export function storable(
  id: string,
  type: string,
  isJson: boolean,
  data: Uint8Array,
  metadata: Uint8Array,
): StorableEvent {
  const facts = isJson ? factTexts(type, data, metadata) : undefined;
  if (facts !== undefined) return { id, type, ...facts };
  return { id, type, data: foreignContent(data, isJson), ...(metadata.length > 0 && { metadata }) };
}

/** The texts of a fact that is to the letter what the product writes, so that no replay stumbles over it. */
function factTexts(
  type: string,
  data: Uint8Array,
  metadata: Uint8Array,
): Pick<StorableEvent, 'data' | 'metadata'> | undefined {
  if (!isUtf8(data) || !isUtf8(metadata)) return undefined;
  const text = Buffer.from(data).toString();
  const about = Buffer.from(metadata).toString();
  if (!isProductFact(type, text, about)) return undefined;
  return about === '' ? { data: text } : { data: text, metadata: about };
}

function required(value: string | undefined, property: string): string {
  if (value === undefined || value === '') throw propertyMissing(property);
  return value;
}
