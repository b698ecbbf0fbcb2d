import { createHmac, hash } from 'node:crypto';
import { lengthPrefixed, type NamingSecrets } from '#lifecycle';

/** H(tenant, source, source id): the same for every variant of one record (MODEL §2.1). 32 hex digits. */
export function recordKey(tenant: string, source: string, sourceId: string): string {
  return hash('sha256', lengthPrefixed([tenant, source, sourceId])).slice(0, 32);
}

/** HMAC(person secret, length-prefixed declared dedupe fields): equal for duplicates alone. 32 hex digits. */
export function recordDigest(secrets: NamingSecrets, version: number, fields: readonly string[]): string {
  return createHmac('sha256', secrets.person)
    .update(lengthPrefixed(['dedupe', String(version), ...fields]))
    .digest('hex')
    .slice(0, 32);
}

/** The id of a record's n-th event: a UUID (version 8) out of H(key, digest, ordinal). */
export function eventId(key: string, digest: string, ordinal: number): string {
  return uuidOf(hash('sha256', `${key} ${digest} ${ordinal}`));
}

export function uuidOf(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** Under which key an event that is stated only once is remembered; such an event's record has digest = key. */
export function onceKey(record: { key: string; ordinal: number }): string {
  return record.key.slice(0, 31) + record.ordinal;
}

/**
 * Under which key a record's n-th event (n > 0) is remembered; the first stands under the record's own. A record's
 * events can lie in several streams, and a crash between two appends must be told from a whole record.
 */
export function partKey(key: string, ordinal: number): string {
  return key.slice(0, 28) + ordinal.toString(16).padStart(4, '0');
}
