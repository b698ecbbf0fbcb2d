import type { Command } from 'commander';
import { checkTopics, createTopics, kafkaClient, kafkaConnectionOf, type TopicSizes, type TopicState } from '#intake';
import { createLog, type Hop } from '#platform';
import { WrongUse } from '../../../api/src/tally/errors.js';
import { EXIT } from '../exit-codes.js';
import { printRows } from '../output/rows.js';
import { plaintextOf, withPlaintext } from '../plaintext.js';
import { commonOf, verb, type Shell } from '../shell.js';
import { wholeNumber } from '../whole-number.js';

interface TopicFlags {
  kafka?: string;
  partitions?: string;
  replication?: string;
  allowPlaintext?: Hop[];
}

export function addTopics(program: Command, shell: Shell): void {
  const topics = program.command('topics').description('the Kafka topics of the product (docs/kafka.md)');
  topicFlags(verb(topics, 'create', 'create the topics that are missing; what is there is not changed')).action(
    async (flags: TopicFlags, command: Command) => {
      const states = await withTopics(flags, shell, createTopics);
      await printStates(states, command, shell);
      const different = states.filter(({ state }) => state === 'differs');
      if (different.length > 0)
        shell.talk.say(`note: ${different.length} were there with other settings; nothing was changed`);
    },
  );
  topicFlags(verb(topics, 'check', 'tell each difference between the topics and what they should be')).action(
    async (flags: TopicFlags, command: Command) => {
      const states = await withTopics(flags, shell, checkTopics);
      await printStates(states, command, shell);
      if (states.some(({ differences }) => differences.length > 0)) shell.exitCode = EXIT.failed;
    },
  );
}

function topicFlags(command: Command): Command {
  command
    .option('--kafka <brokers>', 'host:port, with commas between (default: TALLY_KAFKA); how to log in: docs/kafka.md')
    .option('--partitions <count>', 'of the topics that projectors share out (default: 6)')
    .option('--replication <count>', "replicas of each partition (default: the cluster's)");
  return withPlaintext(command);
}

async function withTopics(
  flags: TopicFlags,
  { env }: Shell,
  use: (...args: Parameters<typeof checkTopics>) => Promise<TopicState[]>,
): Promise<TopicState[]> {
  const brokers = flags.kafka ?? env['TALLY_KAFKA'];
  if (brokers === undefined || brokers === '') throw new WrongUse('--kafka', 'is missing, and so is TALLY_KAFKA');
  const connection = kafkaConnectionOf({ brokers, env });
  const sizes: TopicSizes = {};
  if (flags.partitions !== undefined) sizes.partitions = wholeNumber('--partitions', flags.partitions);
  if (flags.replication !== undefined) sizes.replication = wholeNumber('--replication', flags.replication);
  const kafka = kafkaClient(connection, {
    // What fails is told as this command's error.
    log: createLog({ level: 'error' }),
    allowPlaintext: plaintextOf(flags, env),
    retry: { initialRetryTime: 100, maxRetryTime: 1000, retries: 3 },
  });
  return use(kafka, connection.brokers, sizes);
}

async function printStates(states: readonly TopicState[], command: Command, shell: Shell): Promise<void> {
  const { format } = commonOf(command, shell);
  const rows = states.map((state) => ({ ...state }));
  const keyOf = (_row: unknown, index: number): string => states[index]!.topic;
  await printRows({ kind: 'rows', rows, keyOf, pinned: {} }, format, shell.out, {
    table: ['topic', 'state', 'partitions', 'replication', 'differences'],
    show: { differences: (value) => (Array.isArray(value) ? value.join('; ') : '') || '-' },
  });
}
