import { createHash } from 'node:crypto';

/** Stands between the fields of a row's text; no field of ours has it. */
const SEPARATOR = '\u001f';

/** A row as one text, which ClickHouse and we make alike: of its columns as they are inserted. */
export class RowTexts {
  /** The SQL expression of it. */
  readonly sql: string;
  private readonly names: readonly boolean[];
  private readonly positionAt: number;

  /** @param types column → ClickHouse's type. */
  constructor(
    readonly columns: readonly string[],
    types: ReadonlyMap<string, string>,
  ) {
    this.names = columns.map((column) => types.get(column)?.includes('UUID') === true);
    this.positionAt = columns.indexOf('position');
    this.sql = `concat(${columns.map((column) => `toString(${column})`).join(`, '\\x1f', `)})`;
  }

  /** The texts of rows as the writer inserts them: tab-separated, newline-ended. */
  *of(rows: string): Iterable<{ position: number; text: string }> {
    for (const line of rows.split('\n')) {
      if (line === '') continue;
      const fields = line.split('\t');
      const text = fields.map((field, i) => (this.names[i] === true ? dashed(field) : unescaped(field)));
      yield { position: Number(fields[this.positionAt]), text: text.join(SEPARATOR) };
    }
  }

  /** Which columns two texts differ in. */
  differing(a: string, b: string): string[] {
    const [x, y] = [a.split(SEPARATOR), b.split(SEPARATOR)];
    return this.columns.filter((_column, i) => x[i] !== y[i]);
  }
}

/** Sums 64-bit hashes modulo 2^64: the same in any order. */
export class HashSum {
  count = 0;
  private high = 0;
  private low = 0;

  /** ClickHouse's `halfMD5`: the first half of the MD5, as a number. */
  add(text: string): void {
    const hex = createHash('md5').update(text).digest('hex');
    this.high += Number.parseInt(hex.slice(0, 8), 16);
    this.low += Number.parseInt(hex.slice(8, 16), 16);
    this.count++;
  }

  /** Decimal. */
  toString(): string {
    return BigInt.asUintN(64, (BigInt(this.high) << 32n) + BigInt(this.low)).toString();
  }
}

/** UUIDs as ClickHouse writes them, in a column of one or of an array of them. */
function dashed(field: string): string {
  return field.replace(/([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})/g, '$1-$2-$3-$4-$5');
}

const ESCAPED: Readonly<Record<string, string>> = { '\\\\': '\\', '\\t': '\t', '\\n': '\n', '\\0': '\0' };

/** What `tsvText` was given. */
export function unescaped(field: string): string {
  return field.includes('\\') ? field.replace(/\\[\\tn0]/g, (pair) => ESCAPED[pair]!) : field;
}

/** What a query answers in `TabSeparated`, which escapes more than we do. */
export function answered(field: string): string {
  if (!field.includes('\\')) return field;
  const more: Readonly<Record<string, string>> = { ...ESCAPED, '\\b': '\b', '\\f': '\f', '\\r': '\r', "\\'": "'" };
  return field.replace(/\\[\\tn0bfr']/g, (pair) => more[pair]!);
}
