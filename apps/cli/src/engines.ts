import type { Command } from 'commander';
import { clickhouseAddress } from '#platform';
import { WrongUse } from '../../api/src/tally/errors.js';
import type { KafkaOptions } from '../../projector/src/intake-role.js';
import { rolesOf, type Role } from '../../projector/src/roles.js';
import { plaintextOf } from './plaintext.js';
import type { Shell } from './shell.js';
import { wholeNumber } from './whole-number.js';

/** Below it a busy process loses its partitions between two heartbeats; beyond it brokers refuse by default. In ms. */
const SHORTEST_SESSION = 1000;
const LONGEST_SESSION = 1_800_000;

/** Engines outside of this process, and what is read from Kafka. */
export interface EngineFlags {
  kafka?: string;
  eventstore?: string;
  clickhouse?: string;
  group: string;
  topic?: readonly string[];
  range?: string;
  sessionTimeout?: string;
  roles?: string;
  allowPlaintext?: readonly string[];
}

export function withEngines(command: Command, roles: string): Command {
  return command
    .option('--kafka <brokers>', 'read events from Kafka: host:port, with commas between (default: TALLY_KAFKA)')
    .option(
      '--eventstore <url>',
      'the ledger is this EventStoreDB, esdb://… (default: TALLY_EVENTSTORE, else embedded)',
    )
    .option('--clickhouse <url>', 'a ClickHouse server (default: TALLY_CLICKHOUSE, else embedded)')
    .option('--group <name>', 'consumer group; those that share it share the partitions', 'tallystick')
    .option(
      '--topic <topic=source>',
      'also read this topic, filled by that source or format; may be repeated',
      (text: string, all: string[] = []) => [...all, text],
    )
    .option('--range <records>', 'records of a range of uses mode minute (docs/uses.md; default: 8192)')
    .option('--session-timeout <ms>', 'after so long without a sign others take its partitions over (default: 6000)')
    .option('--roles <list>', `intake, analytics, findings, with commas between, or none (default: ${roles})`);
}

/** Engines that a command opens, by flags and environment. */
export function enginesOf(
  flags: Pick<EngineFlags, 'eventstore' | 'clickhouse' | 'allowPlaintext'>,
  { env }: Shell,
): { eventstore?: string; clickhouse?: string; plaintext: ReturnType<typeof plaintextOf> } {
  const eventstore = flags.eventstore ?? env['TALLY_EVENTSTORE'];
  const clickhouse = clickhouseAddress(env, flags.clickhouse ?? env['TALLY_CLICKHOUSE']);
  return {
    plaintext: plaintextOf(flags, env),
    ...(eventstore !== undefined && eventstore !== '' && { eventstore }),
    ...(clickhouse !== undefined && { clickhouse }),
  };
}

/** What is read from Kafka; undefined where no brokers are named. @throws WrongUse, BadKafkaConnection */
export async function kafkaOf(
  flags: EngineFlags,
  tenant: string,
  { env, threads }: Shell,
): Promise<KafkaOptions | undefined> {
  const brokers = flags.kafka ?? env['TALLY_KAFKA'];
  if (brokers === undefined || brokers === '') return undefined;
  // Most commands need neither: their start must not wait for it.
  const [{ kafkaConnectionOf }, { ownTopics, rawTopicOf }] = await Promise.all([
    import('#intake'),
    import('../../projector/src/topic-source.js'),
  ]);
  const topics = ownTopics(tenant);
  for (const text of flags.topic ?? []) {
    const raw = rawTopicOf(text, tenant);
    if (raw === undefined) throw new WrongUse('--topic', 'takes TOPIC=SOURCE, such as kong-logs=kong');
    topics.set(...raw);
  }
  const rangeSize = flags.range === undefined ? undefined : wholeNumber('--range', flags.range);
  const session =
    flags.sessionTimeout === undefined
      ? undefined
      : wholeNumber('--session-timeout', flags.sessionTimeout, SHORTEST_SESSION, LONGEST_SESSION);
  if (flags.group === '') throw new WrongUse('--group', 'takes a name');
  return {
    connection: kafkaConnectionOf({ brokers, env }),
    group: flags.group,
    topics,
    plaintext: plaintextOf(flags, env),
    threads,
    ...(rangeSize !== undefined && { rangeSize }),
    ...(session !== undefined && { settings: { sessionTimeout: session } }),
  };
}

/** @throws WrongUse */
export function rolesGiven(text: string): ReadonlySet<Role> {
  const roles = rolesOf(text);
  if ('unknown' in roles) {
    throw new WrongUse(
      '--roles',
      `takes intake, analytics and findings, or none; not ${JSON.stringify(roles.unknown)}`,
    );
  }
  return roles;
}
