import { createHash } from 'node:crypto';
import { lengthPrefixed } from '#lifecycle';
import type { JsonObject } from '../adapter.js';

/** Newer Keycloaks give each event an id; older ones get a digest of their declared fields. */
export function sourceIdOf(record: JsonObject, dedupe: string[]): string {
  const id = record['id'];
  return typeof id === 'string' && id !== '' ? id : createHash('sha256').update(lengthPrefixed(dedupe)).digest('hex');
}
