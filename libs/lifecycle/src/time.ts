/** Instants are integers in milliseconds since 1970, UTC. Parsing follows MODEL §4.5: no zone, no time. */

export type Millis = number;
export type TimeUnit = 's' | 'ms' | 'us' | 'ns';
export type TimeReading = { at: Millis; flags: TimeFlag[] } | { error: string };
export type TimeFlag = 'unit-by-digits';

const PER_MILLI: Record<TimeUnit, number> = { s: 1e-3, ms: 1, us: 1e3, ns: 1e6 };
const RANGE: Record<TimeUnit, [number, number]> = {
  s: [1e9, 4.2e9],
  ms: [1e12, 4.2e12],
  us: [1e15, 4.2e15],
  ns: [1e18, 4.2e18],
};
/** The last instant of the year 9999. */
export const END_OF_9999: Millis = 253402300799999;

const ISO =
  /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,12}))?)?\s*(Z|z|[+-]\d{2}:?\d{2}|[+-]\d{2})?$/;

/** Reads an ISO 8601 / RFC 3339 time. `zone` is the profile's offset for times without one, such as `+02:00`. */
export function parseIsoTime(text: string, zone?: string): TimeReading {
  const usual = usualTime(text);
  if (usual !== undefined) return { at: usual, flags: [] };
  const match = ISO.exec(text.trim());
  if (!match) return { error: 'is not an ISO 8601 time' };
  const [, year, month, day, hour, minute, second = '00', fraction = '', offset = zone] = match;
  if (offset === undefined) return { error: 'has no zone (write Z or ±hh:mm)' };
  const fields = [year, month, day, hour, minute, second].map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const millis = Math.floor(Number(`0.${fraction || '0'}`) * 1000);
  const utc = Date.UTC(fields[0], fields[1] - 1, fields[2], fields[3], fields[4], fields[5], millis);
  const date = new Date(utc);
  const exists =
    date.getUTCFullYear() === fields[0] &&
    date.getUTCMonth() === fields[1] - 1 &&
    date.getUTCDate() === fields[2] &&
    date.getUTCHours() === fields[3] &&
    date.getUTCMinutes() === fields[4] &&
    date.getUTCSeconds() === fields[5];
  if (!exists) return { error: 'does not exist in the calendar' };
  const minutes = offsetMinutes(offset);
  if (minutes === undefined) return { error: 'has an impossible zone' };
  return { at: utc - minutes * 60_000, flags: [] };
}

/**
 * `2026-03-10T09:00:00Z` or `…00.000Z`, as nearly every log has it; undefined for any other spelling, and for what may
 * not exist, which `parseIsoTime` reads with all care.
 */
function usualTime(text: string): Millis | undefined {
  const { length } = text;
  if ((length !== 24 && length !== 20) || text[length - 1] !== 'Z' || (length === 24 && text[19] !== '.'))
    return undefined;
  if (text[4] !== '-' || text[7] !== '-' || text[10] !== 'T' || text[13] !== ':' || text[16] !== ':') return undefined;
  const [year, month, day] = [digitsAt(text, 0, 4), digitsAt(text, 5, 2), digitsAt(text, 8, 2)];
  const [hour, minute, second] = [digitsAt(text, 11, 2), digitsAt(text, 14, 2), digitsAt(text, 17, 2)];
  const millis = length === 24 ? digitsAt(text, 20, 3) : 0;
  const inRange = year >= 1000 && month >= 1 && month <= 12 && day >= 1 && hour < 24 && minute < 60 && second < 60;
  if (!inRange || !(day <= 31 && millis >= 0)) return undefined;
  const at = Date.UTC(year, month - 1, day, hour, minute, second, millis);
  return day <= 28 || new Date(at).getUTCDate() === day ? at : undefined;
}

/** The number that so many digits write; NaN if one of them is none. */
function digitsAt(text: string, from: number, count: number): number {
  let number = 0;
  for (let i = from; i < from + count; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return NaN;
    number = number * 10 + digit;
  }
  return number;
}

function offsetMinutes(offset: string): number | undefined {
  if (/^z$/i.test(offset)) return 0;
  const match = /^([+-])(\d{2}):?(\d{2})?$/.exec(offset);
  if (!match) return undefined;
  const hours = Number(match[2]);
  const minutes = Number(match[3] ?? 0);
  if (hours > 23 || minutes > 59) return undefined;
  return (match[1] === '-' ? -1 : 1) * (hours * 60 + minutes);
}

/**
 * Reads an absolute time given as a number (or its digits): the declared unit first; outside that unit's range the
 * digits decide, flagged; outside all ranges it is implausible.
 */
export function readEpoch(
  value: number | string,
  declared: TimeUnit,
): { at: Millis; unit: TimeUnit; suspect: boolean } | undefined {
  const number = typeof value === 'number' ? value : parseNumber(value);
  if (number === undefined || !Number.isFinite(number)) return undefined;
  if (inRange(number, declared)) return { at: toMillis(number, declared), unit: declared, suspect: false };
  for (const unit of Object.keys(RANGE) as TimeUnit[]) {
    if (inRange(number, unit)) return { at: toMillis(number, unit), unit, suspect: true };
  }
  return undefined;
}

function inRange(number: number, unit: TimeUnit): boolean {
  const [low, high] = RANGE[unit];
  return number >= low && number < high;
}

function toMillis(number: number, unit: TimeUnit): Millis {
  return Math.floor(number / PER_MILLI[unit] + 1e-6);
}

/** A decimal number with optional sign, fraction and exponent; no blanks inside, no hex, no Infinity. */
export function parseNumber(text: string): number | undefined {
  const trimmed = text.trim();
  return /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/.test(trimmed) ? Number(trimmed) : undefined;
}

/** `2026-03-10T09:00:00.000Z`; instants outside the calendar are shown as their digits. */
export function formatTime(at: Millis): string {
  return Math.abs(at) <= 8.64e15 ? new Date(at).toISOString() : `${at}ms`;
}
