import type { AnalyticsEngine } from '../engine.js';
import { ATTRIBUTE_COLUMNS, FACT_COLUMNS } from '../writer/fact-rows.js';
import { LABEL_COLUMNS } from '../writer/family-labels.js';
import { FINDING_COLUMNS } from '../writer/finding-rows.js';
import type { PreparedBatch } from '../writer/follower.js';
import { BOUNDED } from './bounded.js';
import { TOLD, type Difference } from './difference.js';
import { answered, HashSum, RowTexts } from './row-texts.js';
import type { Segment } from './segments.js';

/** Tables whose rows are those of the batch, position by position. */
const EXACT = {
  facts: { columns: FACT_COLUMNS, rows: ({ factRows }: PreparedBatch) => factRows },
  family_labels: { columns: LABEL_COLUMNS, rows: ({ labelRows }: PreparedBatch) => labelRows },
  findings: { columns: FINDING_COLUMNS, rows: ({ findingRows }: PreparedBatch) => findingRows },
} as const;
export type ExactTable = keyof typeof EXACT;
export const EXACT_TABLES = Object.keys(EXACT) as ExactTable[];

/** Rows of a segment that are read to name the differing ones. */
const READ = 100_000;

/** A table that the writer fills: counts and digests by segment, then the rows of those that differ. */
export class DirectTable {
  private constructor(
    private readonly engine: AnalyticsEngine,
    readonly table: ExactTable | 'attributes',
    readonly texts: RowTexts,
  ) {}

  static async of(engine: AnalyticsEngine, table: ExactTable | 'attributes'): Promise<DirectTable> {
    const columns = table === 'attributes' ? ATTRIBUTE_COLUMNS : EXACT[table].columns;
    return new DirectTable(engine, table, new RowTexts(columns, await typesOf(engine, table)));
  }

  /** Count and digest of the rows of each segment, by its start. */
  async digests(segments: readonly Segment[]): Promise<Map<number, { n: number; hash: string }>> {
    const rows = await this.engine.rows<{ start: number; n: number; hash: string }>(
      `SELECT roundDown(position, {starts:Array(UInt64)}) AS start, count() AS n, toString(sum(halfMD5(${this.texts.sql}))) AS hash
       FROM {db}.${this.table} FINAL WHERE position >= {from:UInt64} AND position <= {to:UInt64} GROUP BY start`,
      { starts: segments.map(({ start }) => start), from: segments[0]!.start, to: segments.at(-1)!.end },
      BOUNDED,
    );
    return new Map(rows.map(({ start, n, hash }) => [start, { n, hash }]));
  }

  /** What the ledger makes of a batch. */
  expected(batch: PreparedBatch | undefined): { sum: HashSum; rows: { position: number; text: string }[] } {
    const sum = new HashSum();
    const { table } = this;
    const text = batch === undefined || table === 'attributes' ? '' : EXACT[table].rows(batch);
    const rows = [...this.texts.of(text)];
    for (const row of rows) sum.add(row.text);
    return { sum, rows };
  }

  /** The differing rows of a segment, by what differs. */
  async differences(segment: Segment, expected: readonly { position: number; text: string }[]): Promise<Difference[]> {
    const { start, end } = segment;
    const answer = await this.engine.text(
      `SELECT position, ${this.texts.sql} FROM {db}.${this.table} FINAL
       WHERE position >= {start:UInt64} AND position <= {end:UInt64} ORDER BY position LIMIT ${READ}`,
      'TabSeparated',
      { start, end },
    );
    const missing = new Map(expected.map((row) => [row.text, row.position]));
    const unknown = new Map<string, number>();
    for (const line of answer.split('\n')) {
      if (line === '') continue;
      const tab = line.indexOf('\t');
      const text = answered(line.slice(tab + 1));
      if (!missing.delete(text)) unknown.set(text, Number(line.slice(0, tab)));
    }
    const byPosition = new Map([...unknown].map(([text, position]) => [position, text]));
    const differs: string[] = [];
    for (const [text, position] of missing) {
      const other = byPosition.get(position);
      if (other === undefined) continue;
      byPosition.delete(position);
      missing.delete(text);
      unknown.delete(other);
      differs.push(`position ${position}: ${this.texts.differing(text, other).join(', ')}`);
    }
    const told = (what: Difference['what'], details: string[]): Difference[] =>
      details.length === 0
        ? []
        : [{ table: this.table, start, end, what, rows: details.length, detail: fewOf(details), repair: 'range' }];
    const positions = (rows: ReadonlyMap<string, number>): string[] => [...rows.values()].map((at) => `position ${at}`);
    return [
      ...told('missing', positions(missing)),
      ...told('unknown', positions(unknown)),
      ...told('differs', differs),
    ];
  }
}

export function fewOf(details: readonly string[]): string {
  const more = details.length - TOLD;
  return `${details.slice(0, TOLD).join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
}

export async function typesOf(engine: AnalyticsEngine, table: string): Promise<Map<string, string>> {
  const rows = await engine.rows<{ name: string; type: string }>(
    `SELECT name, type FROM system.columns WHERE database = {database:String} AND table = {table:String}
     AND default_kind != 'MATERIALIZED' ORDER BY position`,
    { database: engine.database, table },
  );
  return new Map(rows.map(({ name, type }) => [name, type]));
}
