import type { Rejection } from './prepared.js';

/** What became of an input: records = accepted + duplicates + conflicts + rejected + ignored (MODEL §2.3). */
export interface IntakeReport {
  records: number;
  accepted: number;
  duplicates: number;
  conflicts: number;
  rejected: number;
  ignored: number;
  /** Events appended to the ledger for these records. */
  events: number;
  seconds: number;
}

/** What can become of a record. */
export type Outcome = 'accepted' | 'duplicates' | 'conflicts' | 'rejected' | 'ignored';

/** Rejections told one by one in a report; the rest are counted and lie in the dead letters. */
export const TOLD = 1000;

export class Account {
  readonly report: IntakeReport = {
    records: 0,
    accepted: 0,
    duplicates: 0,
    conflicts: 0,
    rejected: 0,
    ignored: 0,
    events: 0,
    seconds: 0,
  };
  readonly rejections: Rejection[] = [];
  /** Records by source, for the talk on stderr. */
  readonly sources = new Map<string, number>();

  /** The last time that each source showed in this input, future lines aside; in ms. */
  readonly highs = new Map<string, number>();

  advance(source: string, at: number): void {
    if (at > (this.highs.get(source) ?? -Infinity)) this.highs.set(source, at);
  }

  count(outcome: Outcome, by = 1): void {
    this.report.records += by;
    this.report[outcome] += by;
  }

  reject(rejection: Rejection): void {
    this.count('rejected');
    this.tell(rejection);
  }

  /** Records that had been counted as something else turned out to be refused. */
  turnDown(counted: Outcome, rejection: Rejection, records = 1): void {
    this.report[counted] -= records;
    this.report.rejected += records;
    this.tell(rejection);
  }

  private tell(rejection: Rejection): void {
    if (this.rejections.length < TOLD) this.rejections.push(rejection);
  }

  from(source: string, records = 1): void {
    this.sources.set(source, (this.sources.get(source) ?? 0) + records);
  }

  add(other: Account): void {
    for (const key of ['records', 'accepted', 'duplicates', 'conflicts', 'rejected', 'ignored', 'events'] as const) {
      this.report[key] += other.report[key];
    }
    for (const rejection of other.rejections) this.tell(rejection);
    for (const [source, at] of other.highs) this.advance(source, at);
    for (const [source, n] of other.sources) this.from(source, n);
  }
}
