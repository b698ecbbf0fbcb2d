import {
  Account,
  contentOf,
  OK,
  type Committed,
  type DeadLetter,
  type Intake,
  type KafkaRecord,
  type OffsetRecord,
  type PartitionWork,
  type Prepared,
  type Preparer,
  type Place,
  type PrepareOptions,
  type RecordResult,
  type Vault,
} from '#intake';
import type { Settings } from '#lifecycle';
import { dayOf } from '#security';
import { PartitionReading, type ReadTogether } from './partition-reading.js';
import { mayReadByMinute, preparerOf, RangesHere, type RangeReader, type ReadAs } from './range-reader.js';
import { faultOf, type TopicRule } from './topic-source.js';
import { ReadingBroken, UnreadableTopic } from './errors.js';

/** Secrets that name now, and those that did. */
export type Naming = Pick<PrepareOptions, 'secrets' | 'older'>;

export interface IntakeWorkParts {
  intake: Intake;
  /** By topic. */
  topics: ReadonlyMap<string, TopicRule>;
  settingsOf(tenant: string): Promise<Settings>;
  namingOf(tenant: string): Naming;
  vault: Vault;
  clock: () => number;
  /** Records of a range of minute mode. */
  rangeSize?: number;
  /** Reads partitions whose sources may be in minute mode; default: the thread of everything else does. */
  threads?: { reader(place: Place): RangeReader<ReadAs> };
}

const OUTCOMES = ['accepted', 'duplicates', 'conflicts', 'rejected', 'ignored', 'events'] as const;

/** What `prepare` gives to `commit`. */
export interface PreparedRecords {
  records: readonly KafkaRecord[];
  reading: PartitionReading<ReadAs>;
  together: ReadTogether[];
  /** Why a record states nothing, by its place among the records. */
  dropped: Map<number, string>;
}

/** Records of Kafka into the ledger: the work of the projector's role `intake`. */
export class IntakeWork implements PartitionWork<PreparedRecords> {
  /** Records by what became of them, and events appended, since this process started. */
  readonly counts: Record<(typeof OUTCOMES)[number], number> = {
    accepted: 0,
    duplicates: 0,
    conflicts: 0,
    rejected: 0,
    ignored: 0,
    events: 0,
  };
  private readonly readings = new Map<
    string,
    { assignment: number; begun: number | undefined; reading: PartitionReading<ReadAs> }
  >();
  private readonly ways = new Map<string, ReadAs>();
  private readonly preparers = new WeakMap<ReadAs, Preparer>();

  constructor(private readonly parts: IntakeWorkParts) {}

  /** @throws UnreadableTopic where the settings do not know the source that a raw topic is said to be of */
  async prepare(records: readonly KafkaRecord[], place: Place): Promise<PreparedRecords> {
    const rule = this.parts.topics.get(place.topic);
    if (rule === undefined) throw new UnreadableTopic(place.topic, 'no rule says what it holds');
    const as = await this.wayOf(place.topic, rule);
    const texts: OffsetRecord[] = [];
    const dropped = new Map<number, string>();
    records.forEach((record, i) => {
      const { offset } = record;
      const content = contentOf(record);
      if (content.kind === 'none') dropped.set(i, content.reason);
      else if (content.kind === 'text') texts.push({ offset, text: content.text });
      else texts.push({ offset, bad: { reason: content.reason, bytes: content.bytes, digestOf: content.digestOf } });
    });
    const reading = this.readingOf(place, as);
    if (reading.broken !== undefined) throw new ReadingBroken(place.topic, place.partition, reading.broken);
    try {
      return { records, reading, together: await reading.read(as, texts), dropped };
    } catch (error) {
      // A range that took some of them and failed cannot be fed again, nor begun in its middle: this assignment is over.
      reading.broken ??= error;
      throw new ReadingBroken(place.topic, place.partition, error);
    }
  }

  async commit({ records, reading, together, dropped }: PreparedRecords): Promise<Committed> {
    const unwritten = together.filter(({ isWritten, prepared }) => !isWritten && prepared.length > 0);
    if (unwritten.length > 0) await this.take(unwritten);
    reading.forgetDelivered(records[0]?.offset ?? 0n);
    const committable = reading.written(together, records.at(-1)?.offset ?? 0n);
    // A record lies in one reading alone.
    const letters = new Map(together.flatMap((each) => [...each.letters]));
    const results = records.map(({ offset }, i): RecordResult => {
      const reason = dropped.get(i);
      if (reason !== undefined) return { kind: 'drop', reason };
      const own = letters.get(offset);
      return own === undefined ? OK : { kind: 'dead-letter', letters: own.map((letter) => ({ ...letter })) };
    });
    return committable === undefined ? { results } : { results, committable };
  }

  /** Letters go to their topic, and not where intake keeps those of its own inputs. */
  private async take(together: readonly ReadTogether[]): Promise<void> {
    const account = new Account();
    const readable: Prepared[] = [];
    for (const each of together.flatMap(({ prepared }) => prepared)) {
      if (each.kind === 'rejected') account.reject(each.rejection);
      else readable.push(each);
    }
    await this.parts.intake.takeBatch(readable, account, (letters) => {
      for (const letter of letters) addLetter(together, letter);
    });
    for (const outcome of OUTCOMES) this.counts[outcome] += account.report[outcome];
  }

  private readingOf(place: Place, as: ReadAs): PartitionReading<ReadAs> {
    const key = keyOf(place);
    const known = this.readings.get(key);
    if (known?.assignment === place.assignment && known.begun === place.begun) return known.reading;
    // Those of partitions that went to others, too: each may hold a range.
    for (const [old, { assignment, reading }] of this.readings) {
      if (old !== key && assignment >= place.assignment) continue;
      reading.close();
      this.readings.delete(old);
    }
    const { threads, rangeSize } = this.parts;
    const reader =
      threads !== undefined && mayReadByMinute(as)
        ? threads.reader(place)
        : new RangesHere(place, rangeSize, (way: ReadAs) => this.preparerOf(way));
    const reading = new PartitionReading(reader);
    this.readings.set(key, { assignment: place.assignment, begun: place.begun, reading });
    return reading;
  }

  /** Told anew when settings, secrets or the day have changed. */
  private async wayOf(topic: string, rule: TopicRule): Promise<ReadAs> {
    const { settingsOf, namingOf, clock } = this.parts;
    const { tenant } = rule;
    const settings = await settingsOf(tenant);
    const naming = namingOf(tenant);
    const today = dayOf(clock());
    const known = this.ways.get(topic);
    if (known?.settings === settings && known.secrets.version === naming.secrets.version && known.today === today)
      return known;
    const fault = faultOf(rule, settings);
    if (fault !== undefined) throw new UnreadableTopic(topic, fault);
    const way: ReadAs = { tenant, settings, ...naming, today, rule };
    this.ways.set(topic, way);
    return way;
  }

  private preparerOf(way: ReadAs): Preparer {
    let preparer = this.preparers.get(way);
    if (preparer === undefined) this.preparers.set(way, (preparer = preparerOf(way, this.parts.vault)));
    return preparer;
  }
}

/** Adds the letter of what was set aside to those of its record; a summary is of many, and its letter goes with the last. */
function addLetter(together: readonly ReadTogether[], letter: DeadLetter): void {
  const line = BigInt(letter.line);
  const own = together.find(({ from, to }) => line >= from && line <= to);
  const { letters, to } = own ?? together.at(-1)!;
  const offset = own === undefined ? to : line;
  const known = letters.get(offset) ?? [];
  // A batch that failed is taken again.
  if (!known.some(({ id }) => id === letter.id)) letters.set(offset, [...known, letter]);
}

function keyOf({ topic, partition }: Place): string {
  return `${topic}/${partition}`;
}
