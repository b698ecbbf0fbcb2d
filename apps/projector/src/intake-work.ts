import {
  Account,
  OK,
  Preparer,
  type Committed,
  type Intake,
  type KafkaRecord,
  type OffsetRecord,
  type PartitionWork,
  type Place,
  type RecordResult,
  type Vault,
} from '#intake';
import type { NamingSecrets, Settings } from '#lifecycle';
import { dayOf } from '#security';
import { PartitionReading, type ReadTogether } from './partition-reading.js';
import { faultOf, routeOf, type TopicRule } from './topic-source.js';
import { UnreadableTopic } from './errors.js';
import { textOfRecord } from './record-text.js';

export interface IntakeWorkParts {
  intake: Intake;
  /** By topic. */
  topics: ReadonlyMap<string, TopicRule>;
  settingsOf(tenant: string): Promise<Settings>;
  /** All versions held, newest first. */
  secretsOf(tenant: string): readonly NamingSecrets[];
  vault: Vault;
  clock: () => number;
  /** Records of a range of minute mode. */
  rangeSize?: number;
}

/** What `prepare` gives to `commit`. */
export interface PreparedRecords {
  records: readonly KafkaRecord[];
  together: ReadTogether[];
  /** Why a record states nothing, by its place among the records. */
  dropped: Map<number, string>;
}

/** Records of Kafka into the ledger: the work of the projector's role `intake`. */
export class IntakeWork implements PartitionWork<PreparedRecords> {
  /** Of this process, since it started. */
  readonly account = new Account();
  private readonly readings = new Map<string, { assignment: number; reading: PartitionReading }>();
  private readonly preparers = new Map<
    string,
    { settings: Settings; version: number; day: number; preparer: Preparer }
  >();

  constructor(private readonly parts: IntakeWorkParts) {}

  /** @throws UnreadableTopic where the settings do not know the source that a raw topic is said to be of */
  async prepare(records: readonly KafkaRecord[], place: Place): Promise<PreparedRecords> {
    const rule = this.parts.topics.get(place.topic);
    if (rule === undefined) throw new UnreadableTopic(place.topic, 'no rule says what it holds');
    const preparer = await this.preparerOf(place.topic, rule);
    const texts: OffsetRecord[] = [];
    const dropped = new Map<number, string>();
    records.forEach((record, i) => {
      const text = textOfRecord(record, rule);
      if ('drop' in text) dropped.set(i, text.drop);
      else texts.push({ offset: record.offset, ...text });
    });
    return { records, together: this.readingOf(place, preparer).read(preparer, texts), dropped };
  }

  async commit({ records, together, dropped }: PreparedRecords, place: Place): Promise<Committed> {
    for (const { prepared, isWritten } of together)
      if (!isWritten) await this.parts.intake.takeBatch(prepared, this.account);
    const committable = this.readings.get(keyOf(place))?.reading.written(together, records.at(-1)?.offset ?? 0n);
    const results = records.map((record, i): RecordResult => {
      const reason = dropped.get(i);
      if (reason !== undefined) return { kind: 'drop', reason };
      const letters = together.flatMap((each) => each.letters.get(record.offset) ?? []);
      return letters.length === 0 ? OK : { kind: 'dead-letter', letters: letters.map((letter) => ({ ...letter })) };
    });
    return committable === undefined ? { results } : { results, committable };
  }

  private readingOf(place: Place, preparer: Preparer): PartitionReading {
    const key = keyOf(place);
    const known = this.readings.get(key);
    if (known?.assignment === place.assignment) return known.reading;
    const reading = new PartitionReading(preparer, place, this.parts.rangeSize);
    this.readings.set(key, { assignment: place.assignment, reading });
    return reading;
  }

  /** Made anew when settings, secrets or the day have changed. */
  private async preparerOf(topic: string, rule: TopicRule): Promise<Preparer> {
    const { settingsOf, secretsOf, vault, clock } = this.parts;
    const { tenant } = rule;
    const settings = await settingsOf(tenant);
    const secrets = secretsOf(tenant)[0]!;
    const day = dayOf(clock());
    const known = this.preparers.get(topic);
    if (known?.settings === settings && known.version === secrets.version && known.day === day) return known.preparer;
    const fault = faultOf(rule, settings);
    if (fault !== undefined) throw new UnreadableTopic(topic, fault);
    const preparer = new Preparer({
      tenant,
      settings,
      secrets,
      today: day,
      vault,
      source: rule.source ?? 'auto',
      route: routeOf(rule, settings),
    });
    this.preparers.set(topic, { settings, version: secrets.version, day, preparer });
    return preparer;
  }
}

function keyOf({ topic, partition }: Place): string {
  return `${topic}/${partition}`;
}
