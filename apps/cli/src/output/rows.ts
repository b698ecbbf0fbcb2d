import type { Answer } from '../../../api/src/tally/questions.js';
import { cell, csvLine, padded, width } from './cells.js';
import { shownJson } from './escape.js';
import type { Output } from './output.js';

export type Format = 'table' | 'json' | 'ndjson' | 'tsv' | 'csv';
export type RowsAnswer = Extract<Answer, { kind: 'rows' }>;
type Row = Record<string, unknown>;

export interface Columns {
  /** Fields that a table shows, in this order; TSV shows every field of the first row. */
  table?: readonly string[];
  /** Fields of TSV lines, without a header: what another program reads byte for byte. */
  bareTsv?: readonly string[];
  /** How a table shows a field. */
  show?: Readonly<Record<string, (value: unknown, row: Row) => string>>;
  /** What JSON is: an array of rows, or an object that holds them beside what is known at their end. */
  json?: 'array' | 'object';
  /** Said on standard output in place of an empty table. */
  none?: string;
}

/** Rows before widths are settled; later ones may stick out. */
const MEASURED = 200;

/** Prints rows as they come; gives what is known at their end. */
export async function printRows(
  answer: RowsAnswer,
  format: Format,
  out: Output,
  columns: Columns = {},
): Promise<Record<string, unknown>> {
  let end: Record<string, unknown> | undefined;
  /** Asked once: an end may finish a digest. */
  const ended = (): Record<string, unknown> => (end ??= answer.end?.() ?? {});
  if (format === 'json') await printJson(answer, out, columns, ended);
  else if (format === 'ndjson') for await (const row of answer.rows) await out.write(`${shownJson(row)}\n`);
  else if (format === 'tsv') await printTsv(answer, out, columns);
  else if (format === 'csv') await printCsv(answer, out);
  else await printTable(answer, out, columns);
  await out.flush();
  return ended();
}

async function printJson(
  answer: RowsAnswer,
  out: Output,
  { json = 'array' }: Columns,
  ended: () => Record<string, unknown>,
): Promise<void> {
  let separator = json === 'object' ? '{"items":[\n' : '[\n';
  let any = false;
  for await (const row of answer.rows) {
    await out.write(separator + shownJson(row));
    separator = ',\n';
    any = true;
  }
  if (!any) await out.write(separator.trimEnd());
  if (json === 'array') await out.write(any ? '\n]\n' : ']\n');
  else {
    const rest = shownJson(ended()).slice(1);
    await out.write(`${any ? '\n]' : ']'}${rest === '}' ? '' : ','}${rest}\n`);
  }
}

async function printTsv(answer: RowsAnswer, out: Output, { bareTsv }: Columns): Promise<void> {
  let fields = bareTsv;
  for await (const row of answer.rows) {
    if (fields === undefined) {
      fields = Object.keys(row);
      await out.write(`${fields.join('\t')}\n`);
    }
    await out.write(`${fields.map((field) => cell(row[field])).join('\t')}\n`);
  }
}

/** RFC 4180, with every field of the first row. */
async function printCsv(answer: RowsAnswer, out: Output): Promise<void> {
  let fields: string[] | undefined;
  for await (const row of answer.rows) {
    if (fields === undefined) {
      fields = Object.keys(row);
      await out.write(csvLine(fields));
    }
    await out.write(csvLine(fields.map((field) => row[field])));
  }
}

async function printTable(answer: RowsAnswer, out: Output, { table, show = {}, none }: Columns): Promise<void> {
  let fields: readonly string[] = table ?? [];
  let widths: number[] = [];
  let first: string[][] = [];
  const line = (cells: readonly string[]): string =>
    `${cells
      .map((text, i) => (i === cells.length - 1 ? text : padded(text, widths[i] ?? 0)))
      .join('  ')
      .trimEnd()}\n`;
  const settle = async (): Promise<void> => {
    const header = fields.map((field) => heading(field));
    widths = header.map((text, i) => Math.max(width(text), ...first.map((cells) => width(cells[i] ?? ''))));
    await out.write(line(header));
    for (const cells of first) await out.write(line(cells));
    first = [];
  };
  let count = 0;
  for await (const row of answer.rows) {
    if (fields.length === 0) fields = Object.keys(row);
    const cells = fields.map((field) => show[field]?.(row[field], row) ?? cell(row[field]));
    count++;
    if (count <= MEASURED) first.push(cells);
    if (count === MEASURED) await settle();
    else if (count > MEASURED) await out.write(line(cells));
  }
  if (count === 0) await out.write(`${none ?? 'nothing'}\n`);
  else if (count < MEASURED) await settle();
}

/** `effectiveAt` → `EFFECTIVE AT`. */
function heading(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => ` ${letter}`).toUpperCase();
}
