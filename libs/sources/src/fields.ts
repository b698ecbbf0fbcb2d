import { parseIsoTime, readEpoch, type SourceProfile, type TimeUnit } from '#lifecycle';
import type { Json, JsonObject } from './adapter.js';

/** Where a format keeps something: paths in order of preference. A profile's `fields` entry replaces them. */
export type FieldPaths = Readonly<Record<string, readonly { path: string; keys: readonly string[] }[]>>;

/** Splits the paths once for each format, not once for each record. */
export function fieldPaths(paths: Record<string, readonly string[]>): FieldPaths {
  return Object.fromEntries(
    Object.entries(paths).map(([field, list]) => [field, list.map((path) => ({ path, keys: path.split('.') }))]),
  );
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value at a path; a property whose own name is the whole path (`system.timestamp`) comes before nesting. */
export function at(record: JsonObject, path: string, keys: readonly string[] = path.split('.')): Json | undefined {
  if (Object.hasOwn(record, path)) return record[path];
  if (keys.length === 1) return undefined;
  let value: Json | undefined = record;
  for (const key of keys) {
    if (Array.isArray(value)) value = value[Number(key)];
    else if (isObject(value) && Object.hasOwn(value, key)) value = value[key];
    else return undefined;
  }
  return value;
}

/** As `at`, for the paths of a format: none of them is a name that every object has by nature, such as `constructor`. */
function placed(record: JsonObject, path: string, keys: readonly string[]): Json | undefined {
  const flat = record[path];
  if (flat !== undefined || keys.length === 1) return flat;
  let value: Json | undefined = record;
  for (const key of keys) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Array.isArray(value) ? value[Number(key)] : value[key];
  }
  return value;
}

/** Reads the fields of one record by their Tallystick names, through the profile's overrides. */
export class FieldReader {
  constructor(
    readonly record: JsonObject,
    private readonly paths: FieldPaths,
    private readonly overrides: SourceProfile['fields'],
  ) {}

  /** The first present value, and the path where it stands; null and absent fall through to the next path. */
  get(field: string): Json | undefined {
    const override = this.overrides[field];
    if (override !== undefined) return at(this.record, override);
    let last: Json | undefined;
    const places = this.paths[field];
    if (places === undefined) return undefined;
    for (let i = 0; i < places.length; i++) {
      const { path, keys } = places[i]!;
      const value = placed(this.record, path, keys);
      if (value !== undefined && value !== null && value !== '') return value;
      if (last === undefined) last = value;
    }
    return last;
  }

  /** The path that `get` would name in an error: where the value stands, else the first place looked at. */
  pathOf(field: string): string {
    const override = this.overrides[field];
    if (override !== undefined) return override;
    const paths = this.paths[field] ?? [];
    const shown = paths.find(({ path, keys }) => at(this.record, path, keys) !== undefined);
    return (shown ?? paths[0])?.path ?? field;
  }

  /** Text that says something: numbers as digits; "", "-" and other types are absent. */
  text(field: string): string | undefined {
    return textOf(this.get(field));
  }
}

/** "" and "-" (nothing, in access logs) are absent. */
export function textOf(value: Json | undefined): string | undefined {
  if (typeof value === 'string') return value === '' || value === '-' ? undefined : value;
  return typeof value === 'number' ? String(value) : undefined;
}

/** The text under a key, as `textOf` reads it. */
export function textAt(record: JsonObject, key: string): string | undefined {
  return textOf(record[key]);
}

/** An integer from a number or its digits (`"200"`, `200.0`); undefined for anything else. */
export function integerOf(value: Json | undefined): number | undefined {
  const number = typeof value === 'string' && /^\s*\d{1,15}(\.0*)?\s*$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isInteger(number) ? number : undefined;
}

/** An HTTP status, 100 to 599; 0, "-" and "" mean that there was no answer. */
export function statusOf(value: Json | undefined): number | undefined {
  const status = integerOf(value);
  return status !== undefined && status >= 100 && status <= 599 ? status : undefined;
}

export type RecordTime = { at: number; notes: string[] } | { reason: string; redrivable: boolean };

/**
 * When a record's request happened (MODEL §4.5): ISO text with a zone, or digits in the declared unit.
 * @param unit `any` where the unit is the operator's choice of format (Envoy's `%START_TIME(…)%`): the digits decide.
 */
export function readRecordTime(value: Json | undefined, unit: TimeUnit | 'any', zone?: string): RecordTime {
  if (value === undefined || value === null || value === '') return { reason: 'is missing', redrivable: true };
  if (typeof value !== 'number' && typeof value !== 'string') return { reason: 'is not a time', redrivable: false };
  const reading = readEpoch(value, unit === 'any' ? 's' : unit);
  if (reading) return { at: reading.at, notes: reading.suspect && unit !== 'any' ? ['time:unit-suspect'] : [] };
  if (typeof value === 'number' || /^[+-]?[\d.]+([eE][+-]?\d+)?$/.test(value.trim())) {
    return { reason: 'is outside the range of every unit', redrivable: false };
  }
  const iso = parseIsoTime(value, zone);
  if ('error' in iso) return { reason: iso.error, redrivable: iso.error.startsWith('has no zone') };
  // Go's zero time (year 1) and the like: an unset field, not an instant.
  if (iso.at < 0) return { reason: 'is before 1970', redrivable: false };
  return { at: iso.at, notes: [] };
}
