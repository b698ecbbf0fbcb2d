import type { Json, JsonObject } from '../adapter.js';
import { isObject } from '../fields.js';

/** The keys of an object in the order of the alphabet, with what stands before the value of each. */
interface Order {
  /** As they stood in the object. */
  keys: readonly string[];
  sorted: readonly { key: string; before: string }[];
}

/**
 * The last order for each number of keys: what one source sends has the same few fields in the same order, and
 * sorting them anew for every record would be most of the work.
 */
const orders: Order[] = [];
const MOST_KEYS = 64;

/** The same text for the same data, whatever the order of its keys. */
export function sortedJson(value: Json): string {
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : 'null';
  if (Array.isArray(value)) return `[${value.map(sortedJson).join(',')}]`;
  if (!isObject(value)) return String(value);
  const { sorted } = orderOf(value);
  if (sorted.length === 0) return '{}';
  let out = '';
  for (const { key, before } of sorted) out += before + sortedJson(value[key]!);
  return `${out}}`;
}

function orderOf(value: JsonObject): Order {
  const keys = Object.keys(value);
  const known = orders[keys.length];
  if (known !== undefined && keys.every((key, i) => key === known.keys[i])) return known;
  const sorted = [...keys].sort().map((key, i) => ({ key, before: `${i === 0 ? '{' : ','}${JSON.stringify(key)}:` }));
  const order = { keys, sorted };
  if (keys.length <= MOST_KEYS) orders[keys.length] = order;
  return order;
}

/** As JSON.stringify, which is slow for the many short texts that need no escape. */
function quoted(text: string): string {
  if (text.length > 64) return JSON.stringify(text);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code === 0x22 || code === 0x5c || code > 0x7e) return JSON.stringify(text);
  }
  return `"${text}"`;
}
