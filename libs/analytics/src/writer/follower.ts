import { LedgerHistory, type LedgerScan } from '#ledger';
import type { Clock } from '#platform';
import type { AnalyticsEngine } from '../engine.js';
import { Authorities } from './authorities.js';
import {
  BatchRowsMaker,
  BATCH_EVENTS,
  CHUNK,
  readBatch,
  SPEAKER_COLUMNS,
  type BatchRows,
  type Bounds,
  type FamilyEdges,
} from './batch.js';
import { rollChunksBefore } from './chunks.js';
import { ATTRIBUTE_COLUMNS, FACT_COLUMNS, familyEdgesOf } from './fact-rows.js';
import { FINDING_COLUMNS } from './finding-rows.js';
import { FamilyLabels, LABEL_COLUMNS } from './family-labels.js';
import { Intervals } from './intervals.js';
import type { BatchJournal } from './journal.js';

export interface Progress {
  /** Position that every table has reached, and the ledger's last. */
  reached: bigint;
  head: bigint;
  /** Facts written by this call so far. */
  facts: number;
}

export interface CatchUp {
  /** Ends after the batch that is under way. */
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
}

export type PreparedBatch = BatchRows & { labelRows: string };

const BATCH_COLUMNS = ['start', 'end', 'events', 'facts', 'digest', 'recorded_at', 'written_at', 'tail'] as const;

/**
 * Fills ClickHouse from `$all`, each batch once (MODEL §9.2): its bounds are on disk before its first row, every insert
 * has the bounds as its token, and the row of `batches` comes last. One writer a database.
 */
export class AnalyticsWriter {
  private readonly maker = new BatchRowsMaker();
  private readonly labels: FamilyLabels;
  private readonly intervals: Intervals;
  private authorities: Authorities;
  /** The chunk that the last batch began in: those before it are rolled up. */
  private chunk = -1;
  private isRelabelled = false;

  constructor(
    private readonly engine: AnalyticsEngine,
    private readonly scan: LedgerScan,
    private readonly journal: BatchJournal,
    private readonly clock: Clock,
    private readonly batchEvents = BATCH_EVENTS,
  ) {
    this.labels = new FamilyLabels(engine);
    this.intervals = new Intervals(engine);
    this.authorities = new Authorities(scan, 0);
  }

  /** The last position that every table has. */
  async reached(): Promise<bigint> {
    const [row] = await this.engine.rows<{ end: number }>('SELECT max(end) AS end FROM {db}.batches');
    return BigInt(row?.end ?? 0);
  }

  /** Writes everything up to the head. After an error the same call goes on where this one stopped. */
  async catchUp({ signal, onProgress }: CatchUp = {}): Promise<Progress> {
    let at = Number(await this.reached());
    let facts = 0;
    this.labels.forget();
    this.authorities = new Authorities(this.scan, at);
    const progress = (): Progress => ({ reached: BigInt(at), head: this.scan.head(), facts });
    let batch = await this.next(at, this.unfinished(at));
    while (batch !== undefined && signal?.aborted !== true) {
      this.journal.begin(batch);
      const writing = this.write(batch);
      // The next batch is made ready while this one is inserted; whichever fails, the other one is waited for.
      const [written, prepared] = await Promise.allSettled([writing, this.next(batch.end, undefined, writing)]);
      if (written.status === 'rejected') throw written.reason;
      this.journal.done();
      at = batch.end;
      facts += batch.facts;
      onProgress?.(progress());
      if (prepared.status === 'rejected') throw prepared.reason;
      batch = prepared.value;
    }
    await this.intervals.refresh(at);
    return progress();
  }

  /** The bounds of a batch that was begun and not finished. */
  private unfinished(at: number): Bounds | undefined {
    const pending = this.journal.pending();
    if (pending === undefined || pending.end > at) return pending;
    this.journal.done();
    return undefined;
  }

  private async next(
    after: number,
    pending: Bounds | undefined,
    written: Promise<void> = Promise.resolve(),
  ): Promise<PreparedBatch | undefined> {
    const read = readBatch(this.scan, after, { end: pending?.end, events: this.batchEvents });
    if (read === undefined) return undefined;
    const { rows, bounds } = read;
    // The labels of a batch under way are remembered, unless they were made anew: then they must be read.
    if (this.isRelabelled) await written;
    this.isRelabelled = false;
    const made = this.maker.make(rows, bounds, this.authorities.counts);
    let labelRows = await this.labels.rowsOf(made.edges, bounds.start, written);
    this.authorities.advance(bounds.end, made.resettles);
    if (made.resettles !== undefined) {
      this.isRelabelled = true;
      await written;
      const edges = this.edgesUpTo(made.resettles, bounds.end);
      labelRows += await this.labels.relabel(made.resettles, edges, bounds.start, labelRows, bounds.end);
    }
    return { ...made, labelRows };
  }

  /** Every edge of a tenant's families that counts under the settings as they are now. */
  private *edgesUpTo(tenant: string, to: number): Iterable<FamilyEdges> {
    const history = new LedgerHistory(this.scan, tenant, BigInt(to));
    for (const fact of history.linkFacts()) {
      const edges = familyEdgesOf(fact);
      if (edges !== undefined && this.authorities.counts(fact))
        yield { tenant, position: Number(fact.position), ...edges };
    }
  }

  /**
   * Writes a batch that was written before once more, under the same bounds and with tokens of its own: what is there
   * of it is replaced, what is missing is added. Bounds are those of its row in `batches`.
   */
  async rewrite(bounds: Bounds): Promise<void> {
    this.rewind(bounds.start - 1);
    const batch = await this.prepare(bounds);
    this.rewind(0);
    this.journal.nextAttempt();
    if (batch !== undefined) await this.write(batch);
  }

  /** Before `prepare` goes through batches in their order: from behind this position on. */
  rewind(position: number): void {
    this.labels.forget();
    this.isRelabelled = false;
    this.authorities = new Authorities(this.scan, position);
  }

  /** What a batch is made of, by the ledger and by the family labels of what comes before it; nothing is written. */
  prepare(bounds: Bounds): Promise<PreparedBatch | undefined> {
    return this.next(bounds.start - 1, bounds);
  }

  /** Makes hours and days of complete chunks anew where they are not marked as made. */
  async rollUp(): Promise<void> {
    await rollChunksBefore(this.engine, Number(await this.reached()) + 1, this.journal.attempt());
  }

  private async write(batch: PreparedBatch): Promise<void> {
    const { start, end } = batch;
    this.engine.refuseFullDisk();
    if (Math.floor(start / CHUNK) !== this.chunk) {
      await rollChunksBefore(this.engine, start, this.journal.attempt());
      this.chunk = Math.floor(start / CHUNK);
    }
    const attempt = this.journal.attempt();
    const token = attempt === 0 ? `${start}-${end}` : `${start}-${end}/${attempt}`;
    const insert = (table: string, columns: readonly string[], rows: string): Promise<void> =>
      rows === '' ? Promise.resolve() : this.engine.insert(table, columns, rows, `${table}:${token}`);
    const inserts = await Promise.allSettled([
      insert('facts', FACT_COLUMNS, batch.factRows),
      insert('attributes', ATTRIBUTE_COLUMNS, batch.attributeRows),
      insert('family_labels', LABEL_COLUMNS, batch.labelRows),
      insert('speakers', SPEAKER_COLUMNS, batch.speakerRows),
      insert('findings', FINDING_COLUMNS, batch.findingRows),
    ]);
    for (const each of inserts) if (each.status === 'rejected') throw each.reason;
    await this.checkFiles();
    const { events, facts, digest, recordedAt, tail } = batch;
    const row = [start, end, events, facts, digest, recordedAt, this.clock(), tail].join('\t');
    await insert('batches', BATCH_COLUMNS, `${row}\n`);
    await this.checkFiles();
  }

  /** Rows that were cut short on the disk are dropped, and their tokens with them: the same batch is written again. */
  private async checkFiles(): Promise<void> {
    try {
      await this.engine.checkFiles();
    } catch (error) {
      this.journal.nextAttempt();
      throw error;
    }
  }
}
