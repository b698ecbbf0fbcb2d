import { MinuteIntake, Preparer, type MinuteOutput, type OffsetRecord, type PrepareOptions, type Vault } from '#intake';
import { profileOf } from '#lifecycle';
import { routeOf, type TopicRule } from './topic-source.js';

/** What the records of a topic are read by, at the moment: all that a thread of its own must be told. */
export interface ReadAs extends Pick<PrepareOptions, 'tenant' | 'settings' | 'secrets' | 'older' | 'today'> {
  rule: TopicRule;
}

/** Reads one partition in one assignment, in order of its offsets. After a failure it must not go on. */
export interface RangeReader<A> {
  /** How many records to give at once. */
  readonly atOnce: number;
  take(as: A, records: readonly OffsetRecord[]): MinuteOutput | Promise<MinuteOutput>;
  /** Nothing more is read. */
  close(): void;
}

/** Records read between two turns of the event loop: some milliseconds, less than the ledger has to do meanwhile. */
const READ_AT_ONCE = 50;

/** Reads in this thread. */
export class RangesHere<A> implements RangeReader<A> {
  readonly atOnce = READ_AT_ONCE;
  private minute: MinuteIntake | undefined;

  constructor(
    private readonly place: { topic: string; partition: number },
    private readonly rangeSize: number | undefined,
    private readonly preparerOf: (as: A) => Preparer,
  ) {}

  take(as: A, records: readonly OffsetRecord[]): MinuteOutput {
    const preparer = this.preparerOf(as);
    this.minute ??= new MinuteIntake(preparer, this.place, this.rangeSize);
    this.minute.readWith(preparer);
    return this.minute.take(records);
  }

  close(): void {
    // Nothing is held beyond this object.
  }
}

export function preparerOf({ rule, ...about }: ReadAs, vault: Vault): Preparer {
  return new Preparer({ ...about, vault, source: rule.source ?? 'auto', route: routeOf(rule, about.settings) });
}

/** Whether a source may be in minute mode: then reading is nearly all the work there is, else the ledger is. */
export function mayReadByMinute({ settings }: ReadAs): boolean {
  return Object.keys(settings.sources).some((name) => profileOf(settings, name)?.uses === 'minute');
}
