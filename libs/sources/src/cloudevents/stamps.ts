import type { JsonObject } from '../adapter.js';
import { textOf } from '../fields.js';

const STAMPS = ['version', 'gateway', 'region', 'api'] as const;
export type Stamps = { [field in (typeof STAMPS)[number]]?: string };

/** Fields of `data` that a token's fact carries beside its data, not in it. */
export const STAMPED: readonly string[] = STAMPS;

/** Where a token was seen. */
export function stampsOf(data: JsonObject): Stamps {
  const stamps: Stamps = {};
  for (const field of STAMPS) {
    const value = textOf(data[field]);
    if (value !== undefined) stamps[field] = value;
  }
  return stamps;
}
