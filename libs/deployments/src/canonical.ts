import { createHash } from 'node:crypto';
import { NotCanonicalError } from './errors.js';

/**
 * RFC 8785 (JCS): keys sorted by UTF-16 code units, ECMAScript number form, no white space. Properties that are
 * undefined are absent. Throws {@link NotCanonicalError} for what I-JSON (RFC 7493) cannot carry: NaN, infinities,
 * lone surrogates, and anything that is no JSON value.
 */
export function canonicalJson(value: unknown): string {
  return [...pieces(value, '')].join('');
}

/** SHA-256, in hex, over the UTF-8 bytes of the canonical form; the form of a large plan is never held as a whole. */
export function canonicalDigest(value: unknown): string {
  const hash = createHash('sha256');
  let text = '';
  for (const piece of pieces(value, '')) {
    text += piece;
    // Pieces are well-formed, so a cut between two of them never splits a character.
    if (text.length > 65_536) {
      hash.update(text, 'utf8');
      text = '';
    }
  }
  return hash.update(text, 'utf8').digest('hex');
}

function* pieces(value: unknown, path: string): Generator<string> {
  if (value === null || typeof value === 'boolean') yield String(value);
  else if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new NotCanonicalError(path, 'is not a finite number');
    yield JSON.stringify(value);
  } else if (typeof value === 'string') yield canonicalString(value, path);
  else if (Array.isArray(value)) {
    yield '[';
    for (const [i, item] of value.entries()) {
      if (i > 0) yield ',';
      yield* pieces(item, `${path}/${i}`);
    }
    yield ']';
  } else if (typeof value === 'object') yield* members(value, path);
  else throw new NotCanonicalError(path, `is a ${typeof value}, which JSON does not have`);
}

function* members(value: object, path: string): Generator<string> {
  const list = Object.entries(value).filter(([, member]) => member !== undefined);
  // The comparison of strings is by UTF-16 code units, which is what RFC 8785 §3.2.3 asks for.
  list.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  let separator = '{';
  for (const [key, member] of list) {
    yield `${separator}${canonicalString(key, path)}:`;
    yield* pieces(member, `${path}/${key}`);
    separator = ',';
  }
  yield list.length === 0 ? '{}' : '}';
}

function canonicalString(text: string, path: string): string {
  if (!text.isWellFormed()) throw new NotCanonicalError(path, 'holds a lone surrogate');
  return JSON.stringify(text);
}
