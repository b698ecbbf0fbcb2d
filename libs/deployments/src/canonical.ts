import { createHash } from 'node:crypto';
import { NotCanonicalError } from './errors.js';

/**
 * RFC 8785 (JCS): keys sorted by UTF-16 code units, ECMAScript number form, no white space. Properties that are
 * undefined are absent. Throws {@link NotCanonicalError} for what I-JSON (RFC 7493) cannot carry: NaN, infinities,
 * lone surrogates, and anything that is no JSON value.
 */
export function canonicalJson(value: unknown, path = ''): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new NotCanonicalError(path, 'is not a finite number');
    return JSON.stringify(value);
  }
  if (typeof value === 'string') return canonicalString(value, path);
  if (Array.isArray(value)) return `[${value.map((item, i) => canonicalJson(item, `${path}/${i}`)).join(',')}]`;
  if (typeof value !== 'object') throw new NotCanonicalError(path, `is a ${typeof value}, which JSON does not have`);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  // The default comparison of strings is by UTF-16 code units, which is what RFC 8785 §3.2.3 asks for.
  members.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${members.map(([key, member]) => `${canonicalString(key, path)}:${canonicalJson(member, `${path}/${key}`)}`).join(',')}}`;
}

function canonicalString(text: string, path: string): string {
  if (!text.isWellFormed()) throw new NotCanonicalError(path, 'holds a lone surrogate');
  return JSON.stringify(text);
}

/** SHA-256, in hex, over the UTF-8 bytes of the canonical form. */
export function canonicalDigest(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value), 'utf8').digest('hex');
}
