import { shownText } from './escape.js';

/** A value in a table cell or a TSV field: texts as they are, nothing as `-`, what has parts as JSON. */
export function cell(value: unknown): string {
  if (value === null || value === undefined || value === '') return '-';
  if (typeof value === 'string') return shownText(value);
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (Array.isArray(value)) {
    if (value.length === 0) return '-';
    if (value.every((each) => typeof each === 'string')) return shownText(value.join(', '));
  }
  if (typeof value === 'object' && Object.keys(value).length === 0) return '-';
  return shownText(JSON.stringify(value));
}

/** A line of CSV (RFC 4180); nothing is an empty field. What a spreadsheet would take for a formula stays a text. */
export function csvLine(values: readonly unknown[]): string {
  const fields = values.map((value) => {
    const text = value === null || value === undefined || value === '' ? '' : cell(value);
    const plain = typeof value === 'string' && /^[=+@-]/.test(text) ? `'${text}` : text;
    return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
  });
  return `${fields.join(',')}\r\n`;
}

/** Columns that a terminal gives a text: wide East Asian characters and emoji take two, combining marks none. */
export function width(text: string): number {
  if (/^[\u0020-\u007e]*$/.test(text)) return text.length;
  let columns = 0;
  for (const character of text) {
    if (/\p{Mark}/u.test(character)) continue;
    columns +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u.test(
        character,
      )
        ? 2
        : 1;
  }
  return columns;
}

export function padded(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - width(text)));
}
