/**
 * What could move a terminal's cursor, change its state or turn its text around: control characters (C0, DEL, C1), line
 * and paragraph separators, bidirectional marks, overrides and isolates; and lone surrogates, which are no characters.
 */
const UNSAFE =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** Text as it may be shown: what is unsafe stands there as `\u{…}`, in hex. */
export function shownText(text: string): string {
  return text.replace(UNSAFE, (unsafe) => `\\u{${unsafe.charCodeAt(0).toString(16)}}`);
}

/** JSON of the same value, in which what is unsafe to show is escaped as JSON does it. */
export function shownJson(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, undefined, indent) ?? 'null';
  // JSON.stringify escapes C0 and lone surrogates itself; line ends that are left are its own indentation.
  return text.replace(UNSAFE, (unsafe) =>
    unsafe === '\n' ? unsafe : `\\u${unsafe.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
