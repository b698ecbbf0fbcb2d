import { bytesOf, type KafkaRecord } from './record.js';

export interface SubBatchLimits {
  /** Records at most. */
  count: number;
  /** Bytes at most; one record may be larger by itself. */
  bytes: number;
  /** Ms that one should take: slower ones make the next smaller. */
  ms: number;
}

const LEAST = 16;

/** How much of a partition is taken in one go: between two of these go a commit and a heartbeat. */
export class SubBatchSize {
  private count: number;

  constructor(private readonly limits: SubBatchLimits) {
    this.count = limits.count;
  }

  /** The next records from `from` on, that many at most; at least one if there is one. */
  cut(records: readonly KafkaRecord[], from: number, most = Infinity): readonly KafkaRecord[] {
    let bytes = 0;
    let end = from;
    for (const limit = Math.min(records.length, from + Math.min(this.count, most)); end < limit; end++) {
      bytes += bytesOf(records[end]!);
      if (bytes > this.limits.bytes && end > from) break;
    }
    return records.slice(from, end);
  }

  /** Tells how long the last one took: half as many when it was too long, twice as many when there is room. */
  took(ms: number): void {
    if (ms > this.limits.ms) this.count = Math.max(Math.min(LEAST, this.limits.count), Math.floor(this.count / 2));
    else if (ms < this.limits.ms / 4) this.count = Math.min(this.limits.count, this.count * 2);
  }
}
