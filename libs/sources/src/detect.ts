import type { Format } from '#lifecycle';
import type { JsonObject } from './adapter.js';
import { ADAPTERS } from './registry.js';

/**
 * The format of a record by its detection signature, for `--source auto`; undefined if no shipped format knows it.
 * @param likely the format of the line before: logs rarely mix, so it is asked first.
 */
export function detectFormat(record: JsonObject, likely?: Format): Format | undefined {
  if (likely !== undefined && ADAPTERS[likely].detects(record)) return likely;
  for (const adapter of Object.values(ADAPTERS)) if (adapter.detects(record)) return adapter.format;
  return undefined;
}
