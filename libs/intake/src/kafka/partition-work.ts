import type { KafkaRecord, OutgoingMessage, RecordResult } from './record.js';

/** A partition, as it was assigned to this member once: work that keeps an open range starts anew with each assignment. */
export interface Place {
  topic: string;
  partition: number;
  /** Counts the assignments of this member. */
  assignment: number;
  /** Counts how often the partition began again within it (it was deleted and made anew). */
  begun?: number;
}

export interface Committed {
  /** One for each record, in their order. */
  results: readonly RecordResult[];
  /**
   * The offset from which records must come again after a restart, where that lies before the end of what was taken
   * (a range of MODEL §2.5 that is still open). Without it, everything taken may be committed.
   */
  committable?: bigint;
}

/**
 * What is done with the records of a partition, in two steps, so that the next records are prepared while the last
 * ones are on their way to disk. Records may come again, after any failure and from any point: taking them twice must
 * be the same as once.
 */
export interface PartitionWork<P> {
  /** Reads and writes nothing that others see. */
  prepare(records: readonly KafkaRecord[], place: Place): Promise<P> | P;
  /** Resolves only when everything is durable in the ledger. One at a time for a partition, in order. */
  commit(prepared: P, place: Place): Promise<Committed>;
}

/** What the loop asks of the broker for one partition. Errors of `commit` and `heartbeat` are the consumer's to see. */
export interface BrokerCalls {
  /** Where the next fetch goes on, in memory alone. `offset` is the last that is done with. */
  resolve(offset: bigint): void;
  /** `offset` is the first that whoever takes over will read. */
  commit(offset: bigint): Promise<void>;
  heartbeat(): Promise<void>;
  /** No more of this partition is fetched until `resume`. */
  pause(): void;
  resume(): void;
  /** Resolves when all in-sync replicas have the messages (acks=all). */
  produce(topic: string, messages: readonly OutgoingMessage[]): Promise<void>;
  /** Whether the partition is no longer this member's, or is read from elsewhere by now. */
  isStale(): boolean;
}

/** Time and chance, given from outside so that a test rules them. */
export interface Timing {
  /** Ms; only differences count, except for lag, which is against the records' own times. */
  now(): number;
  /** Resolves after `ms`, or at once when the signal is aborted; never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** In [0, 1). */
  random(): number;
}
