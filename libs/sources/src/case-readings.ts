import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Format, SourceProfile } from '#lifecycle';
import type { Draft, FoundCredential, JsonObject, Reading } from './adapter.js';
import { recordsOfLine, type LineRecord } from './lines.js';
import { redact } from './redact.js';
import { ADAPTERS } from './registry.js';
import { profileFor, readableContext } from './testing.js';

/** For specs: a record taken all the way that intake takes it, with names that can be read. */

/** As `nameOfRawToken`, but readable: the tok of a token is that of its SHA-256. */
export function rawName(token: string): string {
  return `tok(${createHash('sha256').update(token).digest('hex')})`;
}

export interface Read {
  reading: Reading;
  record: JsonObject;
  credentials: FoundCredential[];
}

export function readRecord(format: Format, record: JsonObject, changes: Partial<SourceProfile> = {}): Read {
  const copy = structuredClone(record);
  const { credentials } = redact(copy, rawName, ADAPTERS[format].redaction);
  const reading = ADAPTERS[format].read(copy, readableContext(profileFor(format, changes), credentials));
  return { reading, record: copy, credentials };
}

/** The one fact of a record. */
export function factOf(format: Format, record: JsonObject, changes: Partial<SourceProfile> = {}): Draft {
  const { reading } = readRecord(format, record, changes);
  if (reading.kind !== 'facts' || reading.drafts.length !== 1) throw new Error(`read as ${JSON.stringify(reading)}`);
  return reading.drafts[0]!;
}

export function caseLines(file: string): LineRecord[] {
  const text = readFileSync(new URL(`../cases/${file}`, import.meta.url), 'utf8');
  return text.split('\n').flatMap((line) => recordsOfLine(line));
}

export function caseReadings(file: string, changes: Partial<SourceProfile> = {}): Read[] {
  const format = file.split('.')[1] as Format;
  return caseLines(file).flatMap((line) => ('json' in line ? [readRecord(format, line.json, changes)] : []));
}

export function caseFacts(file: string, changes: Partial<SourceProfile> = {}): Draft[] {
  return caseReadings(file, changes).map(({ reading }) => {
    if (reading.kind !== 'facts' || reading.drafts.length !== 1) throw new Error(`read as ${JSON.stringify(reading)}`);
    return reading.drafts[0]!;
  });
}

/** The same record with one value changed; the path is dotted, its parts must not hold dots. */
export function withField(record: JsonObject, path: string, value: JsonObject[string] | undefined): JsonObject {
  const copy = structuredClone(record);
  const keys = path.split('.');
  const last = keys.pop()!;
  let target: JsonObject = copy;
  for (const key of keys) target = (target[key] ??= {}) as JsonObject;
  if (value === undefined) Reflect.deleteProperty(target, last);
  else target[last] = value;
  return copy;
}
