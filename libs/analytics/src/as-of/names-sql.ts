import type { Name } from '#lifecycle';

/** Names as ClickHouse counts with them: 128 bits, in the order of their digits (UUIDs would not be). */
export function numberOf(name: Name): bigint {
  return BigInt(`0x${name}`);
}

export function numbersOf(names: Iterable<Name>): bigint[] {
  return Array.from(names, numberOf);
}

/** A name's 32 digits out of a column that holds it, of either type. */
export function digitsOf(column: string): string {
  return `lower(leftPad(hex(${column}), 32, '0'))`;
}

export const NO_UUID = "toUUID('00000000-0000-0000-0000-000000000000')";
/** The largest and smallest Int64: never, and no time. */
export const NEVER = 'toInt64(9223372036854775807)';
export const NO_TIME = "toInt64('-9223372036854775808')";

/** Long lists of names stand in the statement; `min(at) AS at` hides no column. */
export const READING = { max_query_size: '268435456', prefer_column_name_to_alias: 1 } as const;

/** The lines of a tab-separated answer, each split into its fields. */
export function* rowsOf(text: string): Iterable<string[]> {
  for (let from = 0; from < text.length;) {
    let to = text.indexOf('\n', from);
    if (to === -1) to = text.length;
    if (to > from) yield text.slice(from, to).split('\t');
    from = to + 1;
  }
}
