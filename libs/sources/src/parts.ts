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
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

/** The first fact of a record tells where it held credentials in clear. */
export function noteRaw(drafts: Draft[], credentials: readonly FoundCredential[]): void {
  if (credentials.length > 0 && drafts[0] !== undefined) drafts[0].data['raw'] = rawPaths(credentials);
}
