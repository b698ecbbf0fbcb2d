import type { FetchedBatch } from './record.js';
import { SubBatchSize, type SubBatchLimits } from './sub-batches.js';

export interface PartitionVitals {
  topic: string;
  partition: number;
  /** The first offset that is not done with; undefined before the first fetch of an assignment. */
  next: string;
  committed: string;
  /** Records after `committed`, as of the last fetch. */
  lag: number;
  /** Age of what is waited for, in seconds, rounded up to the last record that is done with; 0 without lag. */
  lagSeconds: number;
  /** Paused because the ledger failed. */
  paused: boolean;
}

/** How far one partition has come in its present assignment. */
export class PartitionProgress {
  readonly size: SubBatchSize;
  /** Failures in a row. */
  failures = 0;
  paused = false;
  /** How often the partition began again in this assignment. */
  begun = 0;
  private next: bigint;
  /** Never goes back: what lies before was committed by us, or by whoever had the partition before. */
  committed: bigint;
  /** Up to where may be committed; ms of the last commit. */
  due: bigint;
  committedAt: number;
  private highWatermark = 0n;
  private timestamp: number;

  constructor(
    readonly topic: string,
    readonly partition: number,
    limits: SubBatchLimits,
    /** It holds at least one record. */
    first: FetchedBatch,
    now: number,
  ) {
    this.size = new SubBatchSize(limits);
    this.next = this.committed = this.due = first.records[0]!.offset;
    this.committedAt = now;
    this.timestamp = first.records[0]!.timestamp;
  }

  fetched({ highWatermark }: FetchedBatch): void {
    this.highWatermark = highWatermark;
  }

  done(next: bigint, timestamp: number): void {
    this.next = next;
    this.timestamp = timestamp;
    this.failures = 0;
  }

  vitals(now: number): PartitionVitals {
    const behind = this.highWatermark - this.committed;
    const lag = behind > 0n ? Number(behind) : 0;
    return {
      topic: this.topic,
      partition: this.partition,
      next: String(this.next),
      committed: String(this.committed),
      lag,
      lagSeconds: lag === 0 ? 0 : Math.max(0, (now - this.timestamp) / 1000),
      paused: this.paused,
    };
  }
}
