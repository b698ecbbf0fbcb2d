import kafkajs, { type Kafka } from 'kafkajs';
import { kafkaClient, kafkaConnectionOf, KafkaIntake, OK, type KafkaRecord } from '#intake';
import { createLog } from '#platform';
import { collectGarbage, median, rig, secondsOf, table } from './rig.js';

/**
 * Benchmark (k): what the partition loop costs over bare kafkajs. Records of 400 B in six partitions, read to the end
 * and committed, with work that takes no time.
 * `node infra/kafka/broker.mjs start`, then `node dist/bench/partition-loop.bench.js BROKERS [records] [rounds]`
 */
const [brokers, records = '300000', rounds = '5'] = process.argv.slice(2);
const COUNT = Number(records);
const ROUNDS = Number(rounds);
const TARGET = 0.7;
const PARTITIONS = 6;
const log = createLog({ level: 'error' });

if (brokers === undefined) {
  console.error('usage: node dist/bench/partition-loop.bench.js BROKERS [records] [rounds]');
  process.exit(2);
}
const kafka = kafkaClient(kafkaConnectionOf({ brokers, env: process.env }), { log });
const topic = `bench-${process.pid}-${Date.now()}`;
const admin = kafka.admin();
await admin.connect();
await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: PARTITIONS }] });
try {
  const written = await secondsOf(() => fill(kafka));
  const times = { bare: [] as number[], loop: [] as number[] };
  for (let round = 0; round <= ROUNDS; round++) {
    const measures: [keyof typeof times, () => Promise<number>][] = [
      ['bare', () => readBare(`bare-${round}`)],
      ['loop', () => readByLoop(`loop-${round}`)],
    ];
    // Taking turns at going first; round 0 warms up.
    if (round % 2 === 1) measures.reverse();
    for (const [name, read] of measures) {
      collectGarbage();
      const seconds = await read();
      if (round > 0) times[name].push(seconds);
    }
  }
  const [bare, loop] = [median(times.bare), median(times.loop)];
  const rate = (seconds: number): string => Math.round(COUNT / seconds).toLocaleString('en');
  console.log(rig());
  console.log(
    table([
      ['', 'records/s'],
      ['written, four sends of 1,000 at a time, acks of all', rate(written)],
      ['bare kafkajs, eachBatch, committed by hand', rate(bare)],
      ['partition loop', rate(loop)],
    ]),
  );
  const ratio = bare / loop;
  console.log(`loop / bare: ${ratio.toFixed(2)} (target ${TARGET})`);
  process.exitCode = ratio >= TARGET ? 0 : 1;
} finally {
  await admin.deleteTopics({ topics: [topic] });
  await admin.disconnect();
}

async function fill(client: Kafka): Promise<void> {
  const producer = client.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  await producer.connect();
  const value = 'x'.repeat(400);
  let next = 0;
  const write = async (): Promise<void> => {
    while (next < COUNT) {
      const from = next;
      next += 1000;
      const messages = Array.from({ length: 1000 }, (_, i) => ({ key: `token ${from + i}`, value }));
      await producer.send({ topic, acks: -1, messages });
    }
  };
  await Promise.all([write(), write(), write(), write()]);
  await producer.disconnect();
}

/** Seconds from the first record to the last commit. */
async function readBare(group: string): Promise<number> {
  const consumer = kafka.consumer({
    groupId: group,
    maxBytesPerPartition: 4_194_304,
    maxBytes: 16_777_216,
    maxWaitTimeInMs: 200,
  });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  let [began, read] = [0, 0];
  const seconds = await new Promise<number>((resolve) => {
    void consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: 4,
      eachBatch: async ({ batch, resolveOffset, commitOffsetsIfNecessary, heartbeat }) => {
        began ||= performance.now();
        const last = batch.lastOffset();
        await commitOffsetsIfNecessary({
          topics: [{ topic, partitions: [{ partition: batch.partition, offset: String(BigInt(last) + 1n) }] }],
        });
        resolveOffset(last);
        await heartbeat();
        read += batch.messages.length;
        if (read >= COUNT) resolve((performance.now() - began) / 1000);
      },
    });
  });
  await consumer.disconnect();
  return seconds;
}

async function readByLoop(group: string): Promise<number> {
  let [began, read] = [0, 0];
  let done: (seconds: number) => void = () => undefined;
  const ended = new Promise<number>((resolve) => (done = resolve));
  const intake = new KafkaIntake<readonly KafkaRecord[]>({
    kafka,
    group,
    topics: [topic],
    log,
    work: {
      prepare: (batch) => {
        began ||= performance.now();
        return batch;
      },
      commit: async (batch) => {
        read += batch.length;
        if (read >= COUNT) done((performance.now() - began) / 1000);
        return { results: batch.map(() => OK) };
      },
    },
  });
  await intake.start();
  const seconds = await ended;
  await intake.stop();
  return seconds;
}
