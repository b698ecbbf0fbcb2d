/** A name that is none, as ClickHouse's UUID columns hold it. */
export const NO_NAME = '00000000000000000000000000000000';

const SPECIAL = /[\\\t\n\0]/g;
const ESCAPES: Record<string, string> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\0': '\\0' };

/** A text as a field of tab-separated rows. */
export function tsvText(text: string): string {
  return text.replace(SPECIAL, (character) => ESCAPES[character]!);
}
