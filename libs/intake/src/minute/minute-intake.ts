import { lengthPrefixed } from '#lifecycle';
import type { Preparer } from '../prepare.js';
import type { Prepared } from '../prepared.js';
import type { InputLine } from '../split-lines.js';
import { InputOutOfOrder } from './errors.js';
import { RangeFold } from './range-fold.js';

/**
 * Records of a range of input: the unit in which uses in minute mode are folded, and how many records a restart may
 * read again. See docs/uses.md for how to choose it.
 */
export const RANGE_RECORDS = 8192;

/** One record of a partition: its text, or why it has none (`bytes` long, `digestOf` its SHA-256). */
export type OffsetRecord =
  { offset: bigint; text: string } | { offset: bigint; bad: { reason: string; bytes: number; digestOf: string } };

export interface MinuteOutput {
  /** In the order of the input, `line` being the offset; summaries (line 0) stand behind the last record of their range. */
  prepared: Prepared[];
  /**
   * The offset up to which nothing waits: once `prepared` is durable, it may be committed, and reading begins there
   * after a crash. Undefined before the first record.
   */
  committable: bigint | undefined;
}

/**
 * Intake of one partition whose sources may be in minute mode: cuts it into fixed ranges ⌊offset / size⌋ and folds
 * inside them. First uses, new networks and agents, refusals up to their cap, and all that is no plain use come out at
 * once; summaries when their range is complete. Make a new one whenever reading begins again (assignment, seek), always
 * at the committed offset; another size is another set of ranges.
 */
export class MinuteIntake {
  private readonly fold = new RangeFold();
  private readonly size: bigint;
  /** The range under way, and the offset of its first record in minute mode: reading must begin there again. */
  private open: { index: bigint; from: bigint } | undefined;
  private next: bigint | undefined;

  constructor(
    private preparer: Preparer,
    private readonly input: { topic: string; partition: number },
    size: number = RANGE_RECORDS,
  ) {
    if (!Number.isInteger(size) || size < 1) throw new RangeError(`a range of ${size} records`);
    this.size = BigInt(size);
  }

  /** From now on records are read so: settings or secrets changed. What is folded stays folded. */
  readWith(preparer: Preparer): void {
    this.preparer = preparer;
  }

  /**
   * Takes the next records, in order of their offsets; gaps (transaction markers, retention) are fine.
   * @throws InputOutOfOrder for an offset that was passed: reading began again, and this object must not go on.
   */
  take(records: readonly OffsetRecord[]): MinuteOutput {
    const prepared: Prepared[] = [];
    for (let at = 0; at < records.length;) {
      const first = records[at]!.offset;
      if (this.next !== undefined && first < this.next) throw new InputOutOfOrder(this.input, first, this.next);
      const index = first / this.size;
      append(prepared, this.closeBefore(index));
      const until = this.endOfRange(records, at, (index + 1n) * this.size);
      append(prepared, this.preparer.range(records.slice(at, until).map(inputOf), this.fold));
      if (this.open === undefined && this.fold.first !== undefined) {
        this.open = { index, from: BigInt(this.fold.first) };
      }
      at = until;
      this.next = records[at - 1]!.offset + 1n;
      append(prepared, this.closeBefore(this.next / this.size));
    }
    return { prepared, committable: this.committable };
  }

  /** Tells that nothing more comes before an offset, where the partition itself has no records there. */
  reach(offset: bigint): MinuteOutput {
    const prepared = this.closeBefore(offset / this.size);
    if (this.next === undefined || offset > this.next) this.next = offset;
    return { prepared, committable: this.committable };
  }

  private get committable(): bigint | undefined {
    return this.open?.from ?? this.next;
  }

  private endOfRange(records: readonly OffsetRecord[], from: number, border: bigint): number {
    let [at, last] = [from + 1, records[from]!.offset];
    for (; at < records.length && records[at]!.offset < border; at++) {
      const { offset } = records[at]!;
      if (offset <= last) throw new InputOutOfOrder(this.input, offset, last + 1n);
      last = offset;
    }
    return at;
  }

  /** The summaries of the range under way, if it ends before range `index`. */
  private closeBefore(index: bigint): Prepared[] {
    const { open } = this;
    if (open === undefined || open.index >= index) return [];
    this.open = undefined;
    const { topic, partition } = this.input;
    const range = ['kafka', topic, partition, this.size, open.index, open.from].map(String);
    return this.preparer.summaries(this.fold, lengthPrefixed(range));
  }
}

function inputOf(record: OffsetRecord): InputLine {
  const line = Number(record.offset);
  return 'text' in record ? { kind: 'text', line, text: record.text } : { kind: 'bad', line, ...record.bad };
}

function append(into: Prepared[], more: readonly Prepared[]): void {
  for (const each of more) into.push(each);
}
