import { cell, csvLine, padded } from './cells.js';
import { shownJson } from './escape.js';
import type { Output } from './output.js';
import type { Format } from './rows.js';

/** Prints one value; `table` makes the lines that people read of it. */
export async function printValue(
  value: unknown,
  format: Format,
  out: Output,
  table: (value: Record<string, unknown>) => string[] = fieldLines,
): Promise<void> {
  const parts = Array.isArray(value) ? (value as unknown[]) : [value];
  if (format === 'json') await out.write(`${shownJson(value, 2)}\n`);
  else if (format === 'ndjson') for (const part of parts) await out.write(`${shownJson(part)}\n`);
  else if (format === 'tsv') {
    for (const [i, part] of parts.entries()) {
      const row = objectOf(part);
      if (i === 0) await out.write(`${Object.keys(row).join('\t')}\n`);
      await out.write(`${Object.values(row).map(cell).join('\t')}\n`);
    }
  } else if (format === 'csv') {
    for (const [i, part] of parts.entries()) {
      const row = objectOf(part);
      if (i === 0) await out.write(csvLine(Object.keys(row)));
      await out.write(csvLine(Object.values(row)));
    }
  } else {
    const blocks = parts.map((part) => table(objectOf(part)).join('\n'));
    await out.write(`${blocks.join('\n\n')}\n`);
  }
  await out.flush();
}

export function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : { value };
}

/** One line a field, names padded to one width; what is absent is left out. */
export function fieldLines(value: Record<string, unknown>): string[] {
  const shown = Object.entries(value).filter(([, each]) => cell(each) !== '-');
  const columns = Math.max(0, ...shown.map(([name]) => name.length));
  return shown.map(([name, each]) => `${padded(name, columns)}  ${cell(each)}`);
}
