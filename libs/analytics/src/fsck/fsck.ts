import type { LedgerScan } from '#ledger';
import type { AnalyticsEngine } from '../engine.js';
import { CHUNK } from '../writer/batch.js';
import type { AnalyticsWriter, PreparedBatch } from '../writer/follower.js';
import type { BatchJournal } from '../writer/journal.js';
import { AttributesCheck } from './attributes.js';
import {
  compareDerived,
  compareRolled,
  derivedTables,
  isAggregated,
  whatOf,
  type DerivedTable,
} from './derived-tables.js';
import type { Difference } from './difference.js';
import { DirectTable, EXACT_TABLES } from './direct-tables.js';
import { segmentsOf, type BatchRow, type Segment } from './segments.js';
import { SpeakersCheck } from './speakers.js';

export interface FsckParts {
  engine: AnalyticsEngine;
  scan: LedgerScan;
  journal: BatchJournal;
  /** Over this engine and scan; it writes nothing here. */
  writer: AnalyticsWriter;
}

export type FsckRow =
  /** First: up to where is compared, and the ledger's last position. */
  | { kind: 'begin'; reached: number; head: number }
  | { kind: 'difference'; difference: Difference }
  /** One step has come to `reached`; everything before `compared` was compared in every step. */
  | { kind: 'progress'; step: string; reached: number; compared: number; head: number };

/** Positions that are compared together: the tables are read once for each. */
const WINDOW = 4 * CHUNK;
/** The largest position that fits a number. */
const LAST = Number.MAX_SAFE_INTEGER;

/**
 * Compares ledger and ClickHouse, up to what ClickHouse has reached. First what the writer makes of each batch, which is
 * made again from the ledger: counts and digests, then the rows where those differ. Then every table that a view fills
 * from `facts`, with what the view makes of them now. Memory is bounded by a batch and by one digest a batch.
 * @param from position to begin at; what is compared as a whole is compared in any case.
 */
export async function* fsck(parts: FsckParts, from = 0): AsyncGenerator<FsckRow> {
  const { engine, scan, writer } = parts;
  const reached = Number(await writer.reached());
  const head = Math.min(reached, Number(scan.head()));
  yield { kind: 'begin', reached, head: Number(scan.head()) };
  const checks = await Checks.of(parts, reached);
  const start = Math.floor(from / CHUNK) * CHUNK;
  for (let at = start; at === start || at <= reached; at += WINDOW) {
    const isLast = at + WINDOW > reached;
    const to = isLast ? LAST : at + WINDOW - 1;
    for await (const row of checks.window(at, to)) yield row;
    for (const derived of checks.derived) {
      if (isAggregated(derived)) continue;
      yield { kind: 'progress', step: derived.table, reached: Math.min(to, head), compared: at, head };
      for (const each of await checks.ofDerived(derived, at, to)) yield { kind: 'difference', difference: each };
    }
    for (const each of await compareRolled(engine, at, Math.min(to, reached)))
      yield { kind: 'difference', difference: each };
  }
  for (const derived of checks.derived) {
    if (!isAggregated(derived)) continue;
    yield { kind: 'progress', step: derived.table, reached: head, compared: head, head };
    for (const each of await checks.ofDerived(derived, 0, LAST)) yield { kind: 'difference', difference: each };
  }
  // What nobody said can only be seen by who has heard everything.
  if (start === 0) for (const each of await checks.rest()) yield { kind: 'difference', difference: each };
}

class Checks {
  /** Starts of batches, to tell in which one a position is. */
  private segments: Segment[] = [];

  private constructor(
    private readonly parts: FsckParts,
    private readonly reached: number,
    private readonly exact: readonly DirectTable[],
    private readonly attributes: AttributesCheck,
    private readonly speakers: SpeakersCheck,
    readonly derived: readonly DerivedTable[],
  ) {}

  static async of(parts: FsckParts, reached: number): Promise<Checks> {
    const { engine } = parts;
    const exact: DirectTable[] = [];
    for (const table of EXACT_TABLES) exact.push(await DirectTable.of(engine, table));
    const attributes = await AttributesCheck.of(engine);
    return new Checks(parts, reached, exact, attributes, new SpeakersCheck(engine), await derivedTables(engine));
  }

  /** What the writer put into its tables between two positions. */
  async *window(from: number, to: number): AsyncGenerator<FsckRow> {
    const { engine, writer } = this.parts;
    const batches = await engine.rows<BatchRow>(
      `SELECT start, end, events, facts, toString(digest) AS digest, toString(tail) AS tail FROM {db}.batches FINAL
       WHERE start >= {from:UInt64} AND start <= {to:UInt64} ORDER BY start`,
      { from, to },
    );
    this.segments = segmentsOf(batches, from, to);
    const found = new Map<DirectTable, Map<number, { n: number; hash: string }>>();
    for (const table of this.exact) found.set(table, await table.digests(this.segments));
    writer.rewind(Math.max(0, from - 1));
    let n = 0;
    for (const segment of this.segments) {
      if (segment.batch === undefined && this.isUnfinished(segment)) continue;
      const made = this.isOfLedger(segment) ? await writer.prepare(segment) : undefined;
      const difference = segment.batch === undefined ? this.gap(segment, made) : this.batch(segment.batch, made);
      if (difference !== undefined) yield { kind: 'difference', difference };
      if (difference?.what === 'ahead') continue;
      if (made !== undefined) {
        for (const each of await this.attributes.check(segment, made)) yield { kind: 'difference', difference: each };
        this.speakers.hear(made.speakerRows);
      }
      for (const table of this.exact) {
        const { sum, rows } = table.expected(made);
        const there = found.get(table)!.get(segment.start) ?? { n: 0, hash: '0' };
        if (there.n === sum.count && there.hash === sum.toString()) continue;
        for (const each of await table.differences(segment, rows)) yield { kind: 'difference', difference: each };
      }
      if (++n % 20 === 0) yield this.progress(segment.end, from);
    }
  }

  private progress(end: number, compared: number): FsckRow {
    const head = this.reached;
    return { kind: 'progress', step: 'facts', reached: Math.min(end, head), compared, head };
  }

  /** Of a table that a view fills: the batches, or names, that differ. */
  async ofDerived(derived: DerivedTable, from: number, to: number): Promise<Difference[]> {
    const { table, key } = derived;
    const differing = await compareDerived(this.parts.engine, derived, from, to);
    if (isAggregated(derived)) {
      if (differing.length === 0) return [];
      const whole = { table, start: 1, end: this.reached };
      if (key === 'whole')
        return [{ ...whole, ...whatOf(differing[0]!.more), detail: 'of all facts', repair: 'table' }];
      const names = differing.map((each) => each.key);
      const rows = differing.reduce((sum, { more }) => sum + Math.max(1, Math.abs(more)), 0);
      const detail = `of ${names.length} tokens, such as ${names[0]!.replaceAll('-', '')}`;
      return [{ ...whole, what: 'differs', rows, detail, repair: 'names', names }];
    }
    const out = new Map<string, Difference>();
    for (const { key: at, more } of differing) {
      const position = Number(at);
      const segment = this.segments.find(({ start, end }) => start <= position && position <= end);
      const [start, end] = segment === undefined ? [position, position] : [segment.start, segment.end];
      const { what, rows } = whatOf(more);
      const known = out.get(`${start} ${what}`);
      if (known !== undefined) known.rows += rows;
      else {
        const detail = key === 'batch' ? `of batch ${at}` : `from position ${at} on`;
        out.set(`${start} ${what}`, { table, start, end, what, rows, detail, repair: 'range' });
      }
    }
    return [...out.values()];
  }

  async rest(): Promise<Difference[]> {
    return [...(await this.attributes.rest(this.reached)), ...(await this.speakers.rest())];
  }

  /** The batch that was being written when a process ended is written again by the next one. */
  private isUnfinished({ start, end }: Segment): boolean {
    const pending = this.parts.journal.pending();
    return pending !== undefined && pending.start >= start && pending.end <= end;
  }

  /** Behind what ClickHouse has reached, and behind the ledger's end, nothing is expected. */
  private isOfLedger({ end }: Segment): boolean {
    return end <= this.reached && end <= Number(this.parts.scan.head());
  }

  /** Positions of no batch must have no event, up to where ClickHouse has come. */
  private gap({ start, end }: Segment, made: PreparedBatch | undefined): Difference | undefined {
    if (made === undefined) return undefined;
    const detail = `${made.events} events of the ledger are in no batch`;
    return { table: 'batches', start, end, what: 'missing', rows: 1, detail, repair: 'range' };
  }

  private batch(said: BatchRow, made: PreparedBatch | undefined): Difference | undefined {
    const { start, end } = said;
    const head = Number(this.parts.scan.head());
    const difference = (what: Difference['what'], detail: string, repair: Difference['repair']): Difference => ({
      ...{ table: 'batches', start, end, what, rows: 1, detail, repair },
    });
    if (end > head) return difference('ahead', `the ledger ends at ${head}: it is older than ClickHouse`, 'rebuild');
    const ours = { ...made, digest: String(made?.digest ?? 0) };
    const differing = (['events', 'facts', 'digest', 'tail'] as const).filter((field) => ours[field] !== said[field]);
    return differing.length === 0 ? undefined : difference('differs', differing.join(', '), 'range');
  }
}
