import { Partitioners, type Admin, type Kafka } from 'kafkajs';
import { createLog } from '#platform';
import { kafkaClient, type KafkaConnection } from '../connection.js';
import type { Committed, PartitionWork } from '../partition-work.js';
import { OK, type KafkaRecord, type RecordResult } from '../record.js';

export const silent = createLog({ write: () => undefined });

/** A client with the product's settings. */
export function clientOf(connection: KafkaConnection): Kafka {
  return kafkaClient(connection, { log: silent });
}

export async function withAdmin<T>(kafka: Kafka, use: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    return await use(admin);
  } finally {
    await admin.disconnect();
  }
}

export async function makeTopics(kafka: Kafka, topics: Readonly<Record<string, number>>): Promise<void> {
  await withAdmin(kafka, (admin) =>
    admin.createTopics({
      waitForLeaders: true,
      topics: Object.entries(topics).map(([topic, numPartitions]) => ({ topic, numPartitions })),
    }),
  );
}

/** Writes messages in sends of 1000, four at a time. */
export async function fill(kafka: Kafka, topic: string, count: number, valueOf: (i: number) => string): Promise<void> {
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  let next = 0;
  const write = async (): Promise<void> => {
    for (let from = next; from < count; from = next) {
      next = Math.min(count, from + 1000);
      const messages = Array.from({ length: next - from }, (_, i) => ({
        key: `k${from + i}`,
        value: valueOf(from + i),
      }));
      await producer.send({ topic, acks: -1, messages });
    }
  };
  await Promise.all([write(), write(), write(), write()]);
  await producer.disconnect();
}

/** Records of a topic that no group has committed. */
export async function lagOf(admin: Admin, group: string, topic: string): Promise<number> {
  const [ends, [committed]] = await Promise.all([
    admin.fetchTopicOffsets(topic),
    admin.fetchOffsets({ groupId: group, topics: [topic] }),
  ]);
  return ends.reduce((lag, { partition, high, low }) => {
    const offset = Number(committed?.partitions.find((each) => each.partition === partition)?.offset ?? -1);
    return lag + Number(high) - (offset < 0 ? Number(low) : offset);
  }, 0);
}

/** Asks until it holds; a broker has no event for what others see of it. */
export async function until(what: string, holds: () => Promise<boolean> | boolean, ms = 60_000): Promise<void> {
  for (const deadline = Date.now() + ms; !(await holds());) {
    if (Date.now() > deadline) throw new Error(`in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** Counts what it is given; shared by the members of a group as a ledger is. */
export class CountingWork implements PartitionWork<readonly KafkaRecord[]> {
  /** How often each value came. */
  readonly times = new Map<string, number>();
  readonly members = new Map<string, number>();
  private readonly waiting: { count: number; resolve: () => void }[] = [];

  constructor(private readonly resultOf: (record: KafkaRecord) => RecordResult = () => OK) {}

  /** The same work as one member does it. */
  as(member: string): PartitionWork<readonly KafkaRecord[]> {
    return {
      prepare: (records) => records,
      commit: (records) => {
        this.members.set(member, (this.members.get(member) ?? 0) + records.length);
        return this.commit(records);
      },
    };
  }

  prepare(records: readonly KafkaRecord[]): readonly KafkaRecord[] {
    return records;
  }

  async commit(records: readonly KafkaRecord[]): Promise<Committed> {
    for (const { value } of records) {
      const text = String(value);
      this.times.set(text, (this.times.get(text) ?? 0) + 1);
    }
    for (const each of this.waiting.filter(({ count }) => count <= this.times.size)) each.resolve();
    return { results: records.map(this.resultOf) };
  }

  /** Resolves once so many different values came. */
  async reached(count: number): Promise<void> {
    if (this.times.size >= count) return;
    await new Promise<void>((resolve) => this.waiting.push({ count, resolve }));
  }
}
