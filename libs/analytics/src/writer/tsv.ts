/** A name that is none, as ClickHouse's UUID columns hold it. */
export const NO_NAME = '00000000000000000000000000000000';

const SPECIAL = /[\\\t\n\0]/g;
const ESCAPES: Record<string, string> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\0': '\\0' };

/** Begins the four digits of a code unit that UTF-8 cannot hold. No character of any text: U+FDD0 is none. */
const MARK = '\ufdd0';
const UNHELD = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]|\ufdd0/g;
const MARKED = /\ufdd0([0-9a-f]{4})/g;

/**
 * A text as ClickHouse holds it. Half a surrogate pair would become one character whichever it is: its digits stand for
 * it, so that different texts stay different and `unmarked` gives the text back.
 */
export function heldText(text: string): string {
  return text.isWellFormed() && !text.includes(MARK) ? text : text.replace(UNHELD, marked);
}

/** A text as a field of tab-separated rows. */
export function tsvText(text: string): string {
  return heldText(text).replace(SPECIAL, (character) => ESCAPES[character]!);
}

function marked(unit: string): string {
  return MARK + unit.charCodeAt(0).toString(16).padStart(4, '0');
}

/** A text out of ClickHouse as it was before `heldText`. */
export function unmarked(text: string): string {
  return text.includes(MARK)
    ? text.replace(MARKED, (_all, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))
    : text;
}

/** As `unmarked` within the text of JSON. */
export function unmarkedJson(json: string): string {
  return json.includes(MARK) ? json.replace(MARKED, '\\u$1') : json;
}
