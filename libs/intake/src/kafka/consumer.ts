import kafkajs, { type Consumer, type ConsumerConfig, type EachBatchPayload, type Kafka } from 'kafkajs';
import type { Log } from '#platform';
import { FOR_EVER } from './connection.js';
import { KafkaConsumerEnded, PartitionWorkFailed } from './errors.js';
import type { LoopOptions } from './loop-options.js';
import { PartitionLoop, type LoopVitals } from './partition-loop.js';
import type { BrokerCalls, PartitionWork, Timing } from './partition-work.js';
import { AcknowledgedProducer } from './producer.js';
import type { FetchedBatch, KafkaRecord } from './record.js';
import { systemTiming } from './system-timing.js';

export interface ConsumerSettings {
  /** After this long without a heartbeat others take the partitions over; in ms. */
  sessionTimeout: number;
  /** How long members may take to end what they do when the group changes; in ms. */
  rebalanceTimeout: number;
  /** Of one partition in one fetch; with `maxBytes`, of a broker in one fetch, the bound on memory. */
  maxBytesPerPartition: number;
  maxBytes: number;
  /** A fetch waits this long for new records, and so does a stop; in ms. */
  maxWait: number;
  partitionsAtOnce: number;
  /** How long a stop lets work end; in ms. */
  stopDeadline: number;
}

export const CONSUMER_DEFAULTS: ConsumerSettings = {
  sessionTimeout: 6000,
  rebalanceTimeout: 60_000,
  maxBytesPerPartition: 4_194_304,
  maxBytes: 16_777_216,
  maxWait: 200,
  partitionsAtOnce: 4,
  stopDeadline: 10_000,
};

/** How long leaving the group may take once all work has ended, in ms. */
const LEAVE_MS = 5000;

export interface AssignedPartitions {
  topic: string;
  partitions: readonly number[];
}

export interface KafkaIntakeParts<P> {
  /** Of `kafkaClient`. */
  kafka: Kafka;
  group: string;
  topics: readonly string[];
  work: PartitionWork<P>;
  log: Log;
  /** Ends before anything of a new assignment is taken: the index of the ledger catches up here. */
  onAssigned?: (partitions: readonly AssignedPartitions[]) => Promise<unknown>;
  timing?: Timing;
  loop?: Partial<LoopOptions>;
  settings?: Partial<ConsumerSettings>;
}

/**
 * kafkajs joins again in the middle of one broker's fetch when a leader moved, while fetches of other brokers go on
 * (`recoverFromFetch` of 2.2.4). A batch of those begins behind what was resolved before, not at the committed offset:
 * a range of minute mode that is open between them would never be read. Taken for a rebalance, the error makes kafkajs
 * end all fetches, and join once more.
 */
class FetchedBefore extends kafkajs.KafkaJSProtocolError {
  constructor() {
    super(Object.assign(new Error('fetched before the last assignment'), { type: 'REBALANCE_IN_PROGRESS' }));
  }
}

/**
 * The consumer group's side of intake: it gives fetched batches to a PartitionLoop. Somebody else may own the consumer
 * (Nest's strategy): `bind` runs on it; else `start` makes one.
 */
export class KafkaIntake<P> {
  /** Rejects with KafkaConsumerEnded when the consumer ends by itself for good; resolves after `stop`. */
  readonly ended: Promise<void>;
  private readonly settings: ConsumerSettings;
  private readonly loop: PartitionLoop<P>;
  private readonly producer: AcknowledgedProducer;
  private consumer: Consumer | undefined;
  /** Counts assignments; a batch of an earlier one is stale. */
  private generation = 0;
  /** Nothing that was fetched before the next join can still come. */
  private isDrained = true;
  /** Something that was fetched before the last join may still come, and looks as if it was fetched after it. */
  private isMixed = false;
  private isOurs = (_topic: string, _partition: number): boolean => false;
  private fatal: PartitionWorkFailed | undefined;
  private settle: { done: () => void; fail: (error: unknown) => void };

  constructor(private readonly parts: KafkaIntakeParts<P>) {
    this.settings = { ...CONSUMER_DEFAULTS, ...parts.settings };
    const { work, log, timing = systemTiming, loop = {} } = parts;
    this.loop = new PartitionLoop({ work, timing, log, options: { heartbeatMs: this.heartbeatMs, ...loop } });
    this.producer = new AcknowledgedProducer(parts.kafka);
    let settle: typeof this.settle | undefined;
    this.ended = new Promise((done, fail) => (settle = { done, fail }));
    this.settle = settle!;
    // Whoever cares waits for it; until then its failure is no crash of the process.
    this.ended.catch(() => undefined);
  }

  consumerConfig(): Omit<ConsumerConfig, 'partitionAssigners'> {
    const { sessionTimeout, rebalanceTimeout, maxBytesPerPartition, maxBytes, maxWait } = this.settings;
    return {
      groupId: this.parts.group,
      sessionTimeout,
      rebalanceTimeout,
      // kafkajs leaves out a heartbeat that comes before its interval is over.
      heartbeatInterval: Math.floor(this.heartbeatMs / 2),
      maxBytesPerPartition,
      maxBytes,
      maxWaitTimeInMs: maxWait,
      allowAutoTopicCreation: false,
      retry: { ...FOR_EVER, restartOnFailure: async () => this.fatal === undefined },
    };
  }

  /** Makes a consumer, connects it and reads from then on. */
  async start(): Promise<void> {
    const consumer = this.parts.kafka.consumer(this.consumerConfig());
    this.consumer = consumer;
    await consumer.connect();
    await this.bind(consumer);
  }

  /** Reads by a connected consumer that was made with `consumerConfig`. */
  async bind(consumer: Consumer): Promise<void> {
    this.listen(consumer);
    await consumer.subscribe({ topics: [...this.parts.topics], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: this.settings.partitionsAtOnce,
      eachBatch: (payload) => this.take(payload),
    });
  }

  /** No more is begun, and what is under way may end until the deadline. The consumer of `start` is left, too. */
  async stop(): Promise<void> {
    this.quiesce();
    await this.finish(this.consumer?.disconnect());
  }

  /** First step of a stop where somebody else owns the consumer; it is to be disconnected next, and `finish` told of it. */
  quiesce(): void {
    this.loop.stop(this.settings.stopDeadline);
  }

  /** @param left resolves when the group is left; brokers that are away are not waited for beyond the deadline */
  async finish(left: Promise<unknown> = Promise.resolve()): Promise<void> {
    const { group, log, timing = systemTiming } = this.parts;
    const over = left.then(() => this.producer.close()).then(() => true);
    const turn = new AbortController();
    const late = timing.sleep(this.settings.stopDeadline + LEAVE_MS, turn.signal).then(() => false);
    const isLeft = await Promise.race([over, late]).finally(() => turn.abort());
    // The broker gives the partitions to others after the session.
    if (!isLeft) log.warn('the group was not left in time: no broker answered', { group });
    this.settle.done();
  }

  vitals(): LoopVitals {
    return this.loop.vitals();
  }

  /** So often that several may be late within one session; they also tell that the group changes. */
  private get heartbeatMs(): number {
    return Math.min(1000, Math.floor(this.settings.sessionTimeout / 6));
  }

  private async take(payload: EachBatchPayload): Promise<void> {
    if (this.isMixed) throw new FetchedBefore();
    try {
      await this.loop.run(fetchedOf(payload), this.callsOf(payload));
    } catch (error) {
      // kafkajs passes on the cause of an error in place of the error.
      if (error instanceof PartitionWorkFailed) this.fatal ??= error;
      throw error;
    }
  }

  private listen(consumer: Consumer): void {
    const { log, group, onAssigned } = this.parts;
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      const partitions = Object.entries(payload.memberAssignment).map(([topic, each]) => ({ topic, partitions: each }));
      const ours = new Set(partitions.flatMap(({ topic, partitions: each }) => each.map((p) => `${topic}/${p}`)));
      this.generation++;
      this.isMixed = !this.isDrained;
      this.isDrained = false;
      this.isOurs = (topic, partition) => ours.has(`${topic}/${partition}`);
      log.info('partitions assigned', { group, partitions: [...ours].sort() });
      this.loop.assigned(onAssigned === undefined ? undefined : () => onAssigned(partitions));
    });
    consumer.on(consumer.events.REBALANCING, () => (this.isDrained = true));
    consumer.on(consumer.events.FETCH, () => this.loop.fetched());
    consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => {
      this.isDrained = true;
      if (restart) log.warn('the consumer starts again', { group, error: error.message });
      else this.settle.fail(new KafkaConsumerEnded(group, this.fatal ?? error.cause ?? error));
    });
  }

  private callsOf(payload: EachBatchPayload): BrokerCalls {
    const { topic, partition } = payload.batch;
    const { generation } = this;
    let resume: () => void = () => undefined;
    return {
      resolve: (offset) => payload.resolveOffset(String(offset)),
      commit: (offset) =>
        payload.commitOffsetsIfNecessary({ topics: [{ topic, partitions: [{ partition, offset: String(offset) }] }] }),
      heartbeat: () => payload.heartbeat(),
      pause: () => void (resume = payload.pause()),
      resume: () => resume(),
      produce: (to, messages) => this.producer.send(to, messages),
      isStale: () => generation !== this.generation || !this.isOurs(topic, partition) || payload.isStale(),
    };
  }
}

function fetchedOf({ batch }: EachBatchPayload): FetchedBatch {
  const { topic, partition } = batch;
  const records = batch.messages.map(({ offset, timestamp, key, value, headers }): KafkaRecord => ({
    topic,
    partition,
    offset: BigInt(offset),
    timestamp: Number(timestamp),
    key,
    value,
    headers: headers ?? {},
  }));
  return {
    topic,
    partition,
    records,
    lastOffset: BigInt(batch.lastOffset()),
    highWatermark: BigInt(batch.highWatermark),
  };
}
