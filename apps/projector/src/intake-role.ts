import { Module, type INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Kafka } from 'kafkajs';
import {
  kafkaClient,
  type ConsumerSettings,
  type DeadLetters,
  type Intake,
  type KeysAt,
  type KafkaConnection,
  type LoopVitals,
  type PartitionWork,
  type Vault,
} from '#intake';
import type { Settings } from '#lifecycle';
import type { Hop, Log } from '#platform';
import { MissingTopics } from './errors.js';
import { IntakeWork, type Naming } from './intake-work.js';
import { LetterWork } from './letter-work.js';
import { ReadingThreads } from './reading-threads.js';
import type { TopicRule } from './topic-source.js';
import { BatchServerKafka } from './transport/batch-server-kafka.js';

export const DEAD_LETTER_TOPIC = 'tallystick.dead-letters';

export interface KafkaOptions {
  connection: KafkaConnection;
  /** Consumer group; replicas of one projector share it. */
  group: string;
  topics: ReadonlyMap<string, TopicRule>;
  plaintext?: ReadonlySet<Hop>;
  /** Records of a range of minute mode. */
  rangeSize?: number;
  settings?: Partial<ConsumerSettings>;
  /** Whether a thread of its own may read: the built program can, sources under a test transform cannot. */
  threads?: boolean;
}

export interface IntakeRoleParts {
  kafka: KafkaOptions;
  intake: Intake;
  settingsOf(tenant: string): Promise<Settings>;
  namingOf(tenant: string): Naming;
  vault: Vault;
  /** Of the vault. */
  keys: KeysAt;
  clock: () => number;
  log: Log;
}

/** One consumer of Kafka that Nest runs. */
export interface RunningRole {
  /** Rejects when it ended by itself for good. */
  ended: Promise<void>;
  vitals(): LoopVitals;
  counts?: IntakeWork['counts'];
  close(): Promise<void>;
}

@Module({})
class ConsumerModule {}

/** Starts the role `intake`: from Kafka into the ledger. */
export async function startIntake(parts: IntakeRoleParts): Promise<RunningRole> {
  const { kafka, intake, keys } = parts;
  const { rangeSize } = kafka;
  const threads = kafka.threads === true ? new ReadingThreads({ keys, rangeSize }, parts.log) : undefined;
  const work = new IntakeWork({
    ...parts,
    topics: kafka.topics,
    ...(rangeSize !== undefined && { rangeSize }),
    ...(threads !== undefined && { threads }),
  });
  const role = await run(kafka, kafka.group, [...kafka.topics.keys()], work, parts.log, {
    counts: work.counts,
    // What others took from these partitions must be known before they are read.
    onAssigned: () => intake.catchUp(),
  });
  return {
    ...role,
    close: async () => {
      try {
        await role.close();
      } finally {
        await threads?.close();
      }
    },
  };
}

/**
 * Starts reading dead letters into the store of this process.
 * @param directoryId of the data directory that keeps them: each gets all of them, in a group of its own
 */
export function startLetters(
  kafka: KafkaOptions,
  letters: DeadLetters,
  directoryId: string,
  log: Log,
): Promise<RunningRole> {
  return run(
    kafka,
    `${kafka.group}-letters-${directoryId}`,
    [DEAD_LETTER_TOPIC],
    new LetterWork(letters, log),
    log,
    {},
  );
}

async function run<P>(
  { connection, plaintext, settings }: KafkaOptions,
  group: string,
  topics: readonly string[],
  work: PartitionWork<P>,
  log: Log,
  { counts, onAssigned }: { counts?: IntakeWork['counts']; onAssigned?: () => Promise<void> },
): Promise<RunningRole> {
  await assertTopics(
    kafkaClient(connection, { log, ...(plaintext !== undefined && { allowPlaintext: plaintext }) }),
    topics,
  );
  const strategy = new BatchServerKafka({
    connection,
    group,
    topics,
    work,
    log,
    ...(plaintext !== undefined && { allowPlaintext: plaintext }),
    ...(onAssigned !== undefined && { onAssigned }),
    ...(settings !== undefined && { settings }),
  });
  const app: INestMicroservice = await NestFactory.createMicroservice(ConsumerModule, { strategy, logger: false });
  await app.listen();
  return {
    ended: strategy.ended,
    vitals: () => strategy.vitals(),
    ...(counts !== undefined && { counts }),
    close: () => app.close(),
  };
}

/** A consumer that lacks one topic reads none, and is told so without its name. @throws MissingTopics */
async function assertTopics(kafka: Kafka, topics: readonly string[]): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const there = new Set(await admin.listTopics());
    const missing = topics.filter((topic) => !there.has(topic));
    if (missing.length > 0) throw new MissingTopics(missing);
  } finally {
    await admin.disconnect();
  }
}
