import { Preparer, type KafkaRecord, type Prepared, type PreparedEvent } from '#intake';
import { namingSecrets, settingsSchema, type Settings } from '#lifecycle';
import { ADAPTERS, type JsonObject } from '#sources';
import { PartitionReading } from '../partition-reading.js';
import { RangesHere } from '../range-reader.js';

export const RANGE = 16;
/** The name that the model of the broker gives its one topic. */
export const TOPIC = 't';
export const secrets = namingSecrets(0, Buffer.alloc(32, 1), Buffer.alloc(32, 2));
export const vault = { ensure: (): void => undefined, seal: (): undefined => undefined };

export function settingsFor(uses: 'each' | 'minute'): Settings {
  return settingsSchema.parse({ sources: { kong: { format: 'kong', uses } } });
}

const sample = ADAPTERS.kong.sample as JsonObject & { request: JsonObject };

/**
 * What gateways published: uses of a few tokens, mostly each token in its own partition; records that come twice or
 * with other content, in any partition; aliases, which stand in two streams; and poison.
 */
export function partitionsOf(count: number, random: () => number): KafkaRecord[][] {
  const partitions: KafkaRecord[][] = Array.from({ length: count }, () => []);
  const published: string[] = [];
  const length = 40 + Math.floor(random() * 120);
  for (let i = 0; i < length; i++) {
    const token = Math.floor(random() * 6);
    const again = published.length > 0 && random() < 0.15;
    const text = again ? published[Math.floor(random() * published.length)]! : lineOf(i, token, random);
    if (!again) published.push(text);
    const partition = random() < 0.85 ? token % count : Math.floor(random() * count);
    const list = partitions[partition]!;
    const offset = (list.at(-1)?.offset ?? -1n) + (random() < 0.1 ? 3n : 1n);
    const value = Buffer.from(text);
    list.push({ topic: TOPIC, partition, offset, timestamp: 1_773_133_790_000 + i, key: null, value, headers: {} });
  }
  return partitions;
}

function lineOf(i: number, token: number, random: () => number): string {
  if (random() < 0.04) return `poison ${i}`;
  const other = i > 0 && random() < 0.1;
  const id = `request-${other ? i - 1 : i}`;
  const line: JsonObject = { ...sample, token_jti: `jti-${token}`, request: { ...sample.request, id } };
  if (other) line['client_ip'] = `192.0.2.${i % 200}`;
  line['started_at'] = 1_773_133_790_000 + Math.floor(i / 20) * 60_000;
  if (random() < 0.3) line['token_sha256'] = token.toString(16).padStart(64, 'a');
  if (random() < 0.1) line['deployment_version'] = `v${40 + Math.floor(random() * 3)}`;
  return JSON.stringify(line);
}

/** An event that must be in the ledger, and from which offset of its partition on it must be. */
export interface Due {
  event: PreparedEvent;
  key: string;
  digest: string;
  partition: number;
  /** Once this offset is committed, the event is durable. */
  committed: bigint;
}

/** What the ledger must hold in the end, and up to where each partition is then committed at least. */
export interface Whole {
  dues: Due[];
  ends: bigint[];
}

/** Each partition read once, from its start, without any failure. */
export async function wholeOf(partitions: readonly (readonly KafkaRecord[])[], settings: Settings): Promise<Whole> {
  const dues: Due[] = [];
  const preparer = new Preparer({ tenant: 'default', settings, secrets, source: 'auto', today: 1, vault });
  const ends: bigint[] = [];
  for (const [partition, records] of partitions.entries()) {
    const reading = new PartitionReading(new RangesHere({ topic: TOPIC, partition }, RANGE, () => preparer));
    let end = 0n;
    for (const { offset, value } of records) {
      const together = await reading.read(preparer, [{ offset, text: String(value) }]);
      // A summary is due when the range that it closes is passed: when the next record was read.
      for (const { prepared } of together)
        for (const each of prepared) dues.push(...duesOfRecord(each, partition, offset + 1n));
      end = reading.written(together, offset) ?? offset + 1n;
    }
    // Where no records lie between two offsets, either says the same, and nobody commits the later one for its own sake.
    const before = records.findLast(({ offset }) => offset < end);
    ends.push(before === undefined ? 0n : before.offset + 1n);
  }
  return { dues, ends };
}

function duesOfRecord(prepared: Prepared, partition: number, committed: bigint): Due[] {
  if (prepared.kind !== 'facts') return [];
  const { key, digest, events } = prepared;
  return events.map((event) => ({ event, key, digest, partition, committed }));
}
