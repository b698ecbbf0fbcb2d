/** Header values are bytes; a key may come more than once. */
export type KafkaHeaders = Readonly<Record<string, Buffer | string | (Buffer | string)[] | undefined>>;

/** One record as it lies in a partition. */
export interface KafkaRecord {
  topic: string;
  partition: number;
  offset: bigint;
  /** When it was produced or appended, as the topic is configured; ms. */
  timestamp: number;
  key: Buffer | null;
  /** Null in a tombstone, and in a CloudEvent in binary mode that has no data. */
  value: Buffer | null;
  headers: KafkaHeaders;
}

/** What was fetched of one partition in one go. */
export interface FetchedBatch {
  topic: string;
  partition: number;
  /** In ascending order of offsets, which may have gaps. */
  records: readonly KafkaRecord[];
  /** The last offset that this batch covers, records of the broker itself included. */
  lastOffset: bigint;
  /** One past the last offset of the partition. */
  highWatermark: bigint;
}

/** A refused record without anything secret or personal in clear (MODEL §9.3). */
export interface Letter {
  /** The same refused bytes have the same id. */
  readonly id: string;
  readonly reason: string;
  readonly [field: string]: unknown;
}

/**
 * What became of one record; its offset is committed once this is durable.
 * - `ok`: what it states is in the ledger, or was there
 * - `drop`: it states nothing, for a reason that is counted
 * - `dead-letter`: refused, wholly or in part; a letter for each refused part
 * - `redirect`: it belongs to another topic, and goes there unchanged
 */
export type RecordResult =
  | { kind: 'ok' }
  | { kind: 'drop'; reason: string }
  | { kind: 'dead-letter'; letters: readonly Letter[] }
  | { kind: 'redirect'; topic: string; reason: string };

export const OK: RecordResult = { kind: 'ok' };

export interface OutgoingMessage {
  key: Buffer | string | null;
  value: Buffer | string | null;
  headers?: KafkaHeaders;
}

/** The UTF-8 text of a header; the last one counts where it came more than once. */
export function headerText(headers: KafkaHeaders, name: string): string | undefined {
  if (!Object.hasOwn(headers, name)) return undefined;
  const given = headers[name];
  const value = Array.isArray(given) ? given.at(-1) : given;
  return typeof value === 'string' ? value : value?.toString('utf8');
}

/** Bytes that a record takes, near enough to bound memory by. */
export function bytesOf({ key, value }: KafkaRecord): number {
  return (key?.length ?? 0) + (value?.length ?? 0);
}
