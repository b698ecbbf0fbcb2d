import { END_OF_9999, parseNumber, readEpoch, type Millis, type TimeUnit } from './time.js';

/** When a token ends by itself (MODEL §4.5). `raw` is the value as the line showed it, at most 64 characters. */
export interface Expiry {
  kind: 'at' | 'never' | 'unknown' | 'implausible';
  at?: Millis;
  raw: string | number | null;
  unit: TimeUnit | 'duration-s' | 'iso' | 'none';
  flags: ExpiryFlag[];
}
/** `unit-suspect`: read in another unit than declared. `at-issue`: expired when issued. */
export type ExpiryFlag = 'unit-suspect' | 'at-issue' | 'odd';

/**
 * Reads an absolute expiry (`exp`).
 * @param shown whether the same payload shows other claims; only then does absence mean *never*.
 * @param iat in ms, if known: exp ≤ iat, and 0, mean expired at issue.
 */
export function readExpiryTime(value: unknown, declared: TimeUnit, shown: boolean, iat?: Millis): Expiry {
  if (value === undefined || value === null || value === '') {
    return { kind: shown ? 'never' : 'unknown', raw: value === '' ? '' : null, unit: 'none', flags: [] };
  }
  const raw = rawOf(value);
  const number = typeof value === 'number' ? value : typeof value === 'string' ? parseNumber(value) : undefined;
  if (number === undefined) return { kind: 'unknown', raw, unit: 'none', flags: [] };
  if (number === 0) {
    return { kind: 'at', at: iat ?? 0, raw, unit: declared, flags: ['at-issue'] };
  }
  const reading = readEpoch(number, declared);
  if (!reading) {
    // Before every plausible instant is before the issue: no validator accepts it, and 3600 is not *never* (ADR 0008).
    if (iat !== undefined && number < 1e9) return { kind: 'at', at: iat, raw, unit: declared, flags: ['at-issue'] };
    return { kind: 'implausible', raw, unit: declared, flags: [] };
  }
  const flags: ExpiryFlag[] = reading.suspect ? ['unit-suspect'] : [];
  if (iat !== undefined && reading.at <= iat) flags.push('at-issue');
  return { kind: 'at', at: reading.at, raw, unit: reading.unit, flags };
}

/** What a profile says of a lifetime of 0, below 0, or empty: the operator's word, else unknown. */
export type OddExpiry = 'never' | 'expired' | 'unknown';

/** Reads a lifetime in seconds from issue (`expires_in`). */
export function readExpiryDuration(
  value: unknown,
  issuedAt: Millis,
  odd: { zero?: OddExpiry | undefined; negative?: OddExpiry | undefined; empty?: OddExpiry | undefined } = {},
): Expiry {
  const raw = value === undefined || value === null ? null : rawOf(value);
  const oddly = (word: OddExpiry | undefined): Expiry => {
    if (word === 'never') return { kind: 'never', raw, unit: 'duration-s', flags: ['odd'] };
    if (word === 'expired') return { kind: 'at', at: issuedAt, raw, unit: 'duration-s', flags: ['at-issue', 'odd'] };
    return { kind: 'unknown', raw, unit: 'duration-s', flags: [] };
  };
  if (value === undefined || value === null || value === '') return oddly(odd.empty);
  const seconds = typeof value === 'number' ? value : typeof value === 'string' ? parseNumber(value) : undefined;
  if (seconds === undefined || Number.isNaN(seconds)) return { kind: 'unknown', raw, unit: 'duration-s', flags: [] };
  if (seconds === 0) return oddly(odd.zero);
  if (seconds < 0) return oddly(odd.negative);
  const at = issuedAt + Math.floor(seconds * 1000);
  if (!Number.isFinite(at) || at > END_OF_9999) return { kind: 'implausible', raw, unit: 'duration-s', flags: [] };
  return { kind: 'at', at, raw, unit: 'duration-s', flags: [] };
}

/** An expiry that the source gives as an instant it already typed (Okta's `expires`). */
export function expiryAt(at: Millis, raw: string): Expiry {
  return { kind: 'at', at, raw: rawOf(raw), unit: 'iso', flags: [] };
}

function rawOf(value: unknown): string | number {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return (text ?? '').slice(0, 64);
}
