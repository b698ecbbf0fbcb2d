import type { Draft, FoundCredential, Json, JsonObject } from './adapter.js';
import { isObject } from './fields.js';
import { rawPaths } from './use.js';

/** The object under a key, or an empty one: optional parts of a record read alike, there or not. */
export function partAt(record: JsonObject, key: string): JsonObject {
  const value = record[key];
  return isObject(value) ? value : {};
}

/** Text with every character kept, lone surrogates and NULs too (MODEL §1.8); "" and other types are absent. */
export function displayed(value: Json | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The distinct words of a space- or comma-separated list, sorted; undefined for none. */
export function wordsOf(value: Json | undefined): string[] | undefined {
  if (typeof value !== 'string') return undefined;
  const words = [...new Set(value.split(/[\s,]+/).filter((word) => word !== ''))].sort();
  return words.length > 0 ? words : undefined;
}

/** The fields that are there: the same object without its undefined ones, as stored facts want it. */
export function present<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return fieldsWhere(fields as Record<string, unknown>, isThere) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

const isThere = (_key: string, value: unknown): boolean => value !== undefined;

/** A copy with the fields that are to be kept; deleting others from an object makes every later look at it slow. */
export function fieldsWhere(
  fields: Readonly<Record<string, unknown>>,
  keeps: (key: string, value: unknown) => boolean,
): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const key of Object.keys(fields)) {
    const value = fields[key];
    if (keeps(key, value)) setField(out, key, value);
  }
  return out;
}

/** Also for a property called `__proto__`, which an assignment would not make. */
export function setField(of: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(of, key, { value, enumerable: true, configurable: true, writable: true });
  else of[key] = value;
}

/** The first fact of a record tells where it held credentials in clear. */
export function noteRaw(drafts: Draft[], credentials: readonly FoundCredential[]): void {
  if (credentials.length > 0 && drafts[0] !== undefined) drafts[0].data['raw'] = rawPaths(credentials);
}
