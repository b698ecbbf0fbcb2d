import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { MAX_LINE_BYTES } from '../split-lines.js';
import { headerText, type KafkaHeaders, type KafkaRecord } from './record.js';

/**
 * What a record says, as a line of input: JSON text (one record, or an array of them); bytes that cannot be read, with
 * the reason; or nothing. `digestOf` tells such bytes apart: those of a CloudEvent in binary mode with its attributes.
 */
export type RecordContent =
  | { kind: 'text'; text: string }
  | { kind: 'bad'; reason: string; bytes: number; digestOf: string }
  | { kind: 'none'; reason: string };

const PREFIX = 'ce_';
/** With these four a record is a CloudEvent in binary mode (Kafka binding §3). */
const MANDATORY = ['ce_specversion', 'ce_id', 'ce_source', 'ce_type'] as const;
const CLOUDEVENTS = /^application\/cloudevents/i;
const JSON_TYPE = /^[^;]*\/([^;/]+\+)?json\s*(;|$)/i;

/**
 * Reads a record by the Kafka protocol binding of CloudEvents 1.0: structured mode where `content-type` begins with
 * `application/cloudevents`, else binary mode where the mandatory attributes are there as `ce_` headers. Everything else
 * is what a log plugin wrote: one record in JSON or an array of them. The binding has no batch mode; a batch in JSON
 * (`application/cloudevents-batch+json`) is read all the same.
 */
export function contentOf({ headers, value }: KafkaRecord): RecordContent {
  const type = headerText(headers, 'content-type');
  if (type !== undefined && CLOUDEVENTS.test(type)) {
    if (value === null) return { kind: 'none', reason: 'a tombstone' };
    if (!JSON_TYPE.test(type)) return bad(value, 'is a CloudEvent in another format than JSON');
    return textOf(value);
  }
  if (MANDATORY.every((name) => headerText(headers, name) !== undefined)) return binary(headers, value, type);
  if (value === null) return { kind: 'none', reason: 'a tombstone' };
  return textOf(value);
}

function textOf(value: Buffer): RecordContent {
  if (value.length > MAX_LINE_BYTES) return bad(value, `is longer than ${MAX_LINE_BYTES} bytes`);
  if (!isUtf8(value)) return bad(value, 'is not UTF-8');
  const text = value.toString('utf8');
  return text.trim() === '' ? { kind: 'none', reason: 'empty' } : { kind: 'text', text };
}

/**
 * One JSON text of attributes, in the order of their names, and data. `data` keeps the bytes in which it came: it was
 * valid JSON by itself.
 */
function binary(headers: KafkaHeaders, value: Buffer | null, type: string | undefined): RecordContent {
  const attributes: Record<string, string> = {};
  for (const name of Object.keys(headers).sort()) {
    const text = name.startsWith(PREFIX) ? headerText(headers, name) : undefined;
    // Data stands in the value alone.
    if (text !== undefined && !/^ce_data(_base64)?$/.test(name)) attributes[name.slice(PREFIX.length)] = text;
  }
  if (type !== undefined) attributes['datacontenttype'] = type;
  const envelope = JSON.stringify(attributes);
  if (value === null || value.length === 0) return { kind: 'text', text: envelope };
  if (type !== undefined && !JSON_TYPE.test(type)) return bad(value, 'holds data of another type than JSON', envelope);
  const data = textOf(value);
  if (data.kind === 'none') return { kind: 'text', text: envelope };
  if (data.kind === 'bad') return bad(value, data.reason, envelope);
  try {
    JSON.parse(data.text);
  } catch {
    return bad(value, 'holds data that is not JSON', envelope);
  }
  return { kind: 'text', text: `${envelope.slice(0, -1)},"data":${data.text}}` };
}

function bad(value: Buffer, reason: string, envelope?: string): Extract<RecordContent, { kind: 'bad' }> {
  const digest = createHash('sha256');
  // JSON text holds no NUL, so that these bytes can be cut in one place only.
  if (envelope !== undefined) digest.update(`${envelope}\0`);
  return { kind: 'bad', reason, bytes: value.length, digestOf: digest.update(value).digest('hex') };
}
