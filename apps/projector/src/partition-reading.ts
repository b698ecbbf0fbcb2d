import { setImmediate } from 'node:timers/promises';
import type { DeadLetter, OffsetRecord, Prepared } from '#intake';
import type { RangeReader } from './range-reader.js';

/** Records that were read together, and what is to be written for them. */
export interface ReadTogether {
  from: bigint;
  to: bigint;
  prepared: Prepared[];
  /** The offset from which reading must begin after a restart, once all before this is durable, and once this is. */
  before: bigint;
  after: bigint;
  /** Letters of the records that were refused, by offset. */
  letters: Map<bigint, DeadLetter[]>;
  isWritten: boolean;
}

/**
 * The reading of one partition in one assignment. What was read waits here until it is durable, and its letters until
 * they are delivered: after a failure the same records come again, cut otherwise, and a range of minute mode must not
 * be fed with them twice.
 */
export class PartitionReading<A> {
  /** Why nothing more can be read. */
  broken: unknown;
  private waiting: ReadTogether[] = [];
  private next: bigint | undefined;
  /** Once all that was read is durable. */
  private committable: bigint | undefined;

  constructor(private readonly reader: RangeReader<A>) {}

  /**
   * Reads records that were not read yet, and gives all that is to be written for these: it may be more than was asked
   * for, never less. Only a few at a time, so that what is under way to the ledger goes on in between.
   */
  async read(as: A, records: readonly OffsetRecord[], atOnce = this.reader.atOnce): Promise<ReadTogether[]> {
    for (const fresh of this.pieces(records, atOnce)) {
      await setImmediate();
      await this.take(as, fresh);
    }
    return this.asked(records);
  }

  private *pieces(records: readonly OffsetRecord[], size: number): Iterable<readonly OffsetRecord[]> {
    const { next } = this;
    if (records[0] === undefined) return;
    const fresh = next === undefined ? records : records.filter(({ offset }) => offset >= next);
    for (let at = 0; at < fresh.length; at += size) yield fresh.slice(at, at + size);
  }

  /** No more is read. */
  close(): void {
    this.reader.close();
  }

  private async take(as: A, fresh: readonly OffsetRecord[]): Promise<void> {
    const { prepared, committable } = await this.reader.take(as, fresh);
    const from = fresh[0]!.offset;
    const to = fresh.at(-1)!.offset;
    const before = this.committable ?? from;
    const after = committable ?? before;
    this.waiting.push({ from, to, prepared, before, after, letters: lettersOf(prepared), isWritten: false });
    this.next = to + 1n;
    this.committable = after;
  }

  private asked(records: readonly OffsetRecord[]): ReadTogether[] {
    const first = records[0]?.offset;
    const last = records.at(-1)?.offset;
    if (first === undefined || last === undefined) return [];
    return this.waiting.filter(({ from, to }) => to >= first && from <= last);
  }

  /**
   * They are in the ledger. Gives the offset from which reading must begin after a restart: what a later reading
   * folded, of records before it, is not in the ledger yet, and a range is read whole or not at all.
   * @param last offset of the last record that was asked for
   */
  written(together: readonly ReadTogether[], last: bigint): bigint | undefined {
    for (const each of together) {
      each.isWritten = true;
      each.prepared = [];
    }
    return this.waiting.find(({ isWritten, to }) => !isWritten || to > last)?.before ?? this.committable;
  }

  /** Records are given to the ledger in order, and after those before them were delivered. */
  forgetDelivered(before: bigint): void {
    this.waiting = this.waiting.filter(({ to, isWritten }) => !isWritten || to >= before);
  }
}

function lettersOf(prepared: readonly Prepared[]): Map<bigint, DeadLetter[]> {
  const letters = new Map<bigint, DeadLetter[]>();
  for (const each of prepared) {
    if (each.kind !== 'rejected') continue;
    const offset = BigInt(each.letter.line);
    const list = letters.get(offset);
    if (list === undefined) letters.set(offset, [each.letter]);
    else list.push(each.letter);
  }
  return letters;
}
