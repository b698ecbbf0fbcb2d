import { duration, isName, parseIsoTime } from '#lifecycle';
import { nearest } from './catalog.js';
import { BadParameter } from './errors.js';
import type { NamedQuery, QueryParam } from './front-matter.js';

const NO_NAME = '00000000-0000-0000-0000-000000000000';
/** Instants that ClickHouse can count with on both sides of: years 0 to 9999. */
const LATEST = 253_402_300_799_999;

export type BoundValue = string | number;

/**
 * The values of a query's parameters. Relative times count from `now`, which the caller's clock gives unless the
 * parameter `now` does: the same question has the same answer tomorrow.
 * @param given texts by name, as typed
 * @throws BadParameter
 */
export function readParameters(
  query: NamedQuery,
  given: Readonly<Record<string, string>>,
  clock: number,
): Record<string, BoundValue> & { now: number } {
  const names = ['now', ...query.params.map(({ name }) => name)];
  for (const name of Object.keys(given)) {
    if (names.includes(name)) continue;
    const near = nearest(name, names);
    const remedy = `${near.length > 0 ? `Did you mean ${near.join(' or ')}? ` : ''}Its parameters: ${names.join(', ')}.`;
    throw new BadParameter(query.name, name, 'is not a parameter of this query', remedy);
  }
  const now = given['now'] === undefined ? clock : timeOf(query.name, 'now', given['now'], clock);
  const values: Record<string, BoundValue> & { now: number } = { now };
  for (const param of query.params) {
    const text = given[param.name] ?? param.default;
    if (text === undefined) throw new BadParameter(query.name, param.name, `is missing: ${param.description}`);
    values[param.name] = valueOf(query.name, param, text, now);
  }
  checkSpan(query.name, values);
  checkNeeds(query, given);
  return values;
}

/** A span that ends before it begins has no answer: nobody meant it. */
function checkSpan(query: string, { from, to }: Readonly<Record<string, BoundValue>>): void {
  if (typeof from === 'number' && typeof to === 'number' && from > to)
    throw new BadParameter(query, 'from', 'lies after to');
}

/** A query that must be narrowed by one of some parameters says nothing without. */
function checkNeeds({ name, needs, params }: NamedQuery, given: Readonly<Record<string, string>>): void {
  const usual = new Map(params.map((param) => [param.name, param.default]));
  if (needs.length === 0 || needs.some((each) => given[each] !== undefined && given[each] !== usual.get(each))) return;
  throw new BadParameter(name, needs[0]!, `is missing: give at least one of ${needs.join(', ')}`);
}

function valueOf(query: string, { name, type, as, default: usual }: QueryParam, text: string, now: number): BoundValue {
  if (text === 'any' && usual === 'any') return { String: '', UUID: NO_NAME, Int64: 0, UInt32: 0, Float64: 0 }[type];
  if (as === 'time') return timeOf(query, name, text, now);
  if (as === 'duration') return durationOf(query, name, text);
  if (Array.isArray(as)) {
    if (as.includes(text)) return text;
    throw new BadParameter(query, name, `is one of ${as.join(', ')}, not ${JSON.stringify(text)}`);
  }
  if (type === 'String') return text;
  if (type === 'UUID') {
    const digits = text.replaceAll('-', '').toLowerCase();
    if (isName(digits)) return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
    throw new BadParameter(query, name, `is a name (32 hex digits), not ${JSON.stringify(text)}`);
  }
  const number = Number(text);
  const isWhole = type !== 'Float64';
  if (text.trim() !== '' && Number.isFinite(number) && (!isWhole || (Number.isSafeInteger(number) && number >= 0))) {
    if (type !== 'UInt32' || number <= 0xffff_ffff) return number;
  }
  throw new BadParameter(query, name, `is a ${isWhole ? 'whole number' : 'number'}, not ${JSON.stringify(text)}`);
}

/** `2026-03-10T09:00:00Z`, milliseconds since 1970, `now`, `now-24h`, `now+1h`. */
function timeOf(query: string, name: string, text: string, now: number): number {
  const relative = /^now(?:([+-])(.+))?$/.exec(text);
  if (relative !== null) {
    const [, sign, length] = relative;
    if (sign === undefined) return now;
    const by = durationOf(query, name, length!);
    return within(query, name, sign === '-' ? now - by : now + by, text);
  }
  if (/^-?\d{1,15}$/.test(text)) return within(query, name, Number(text), text);
  const reading = parseIsoTime(text);
  if ('at' in reading) return reading.at;
  const forms = 'Write a time such as 2026-03-10T09:00:00Z, or now-24h.';
  throw new BadParameter(query, name, `${JSON.stringify(text)} ${reading.error}`, forms);
}

function within(query: string, name: string, at: number, text: string): number {
  if (Math.abs(at) <= LATEST) return at;
  throw new BadParameter(query, name, `${JSON.stringify(text)} lies beyond the year 9999`);
}

function durationOf(query: string, name: string, text: string): number {
  const read = duration.safeParse(/^\d+$/.test(text) ? Number(text) : text);
  if (read.success && read.data <= LATEST) return read.data;
  throw new BadParameter(query, name, `is a duration such as 60s, 5m, 24h or 30d, not ${JSON.stringify(text)}`);
}
