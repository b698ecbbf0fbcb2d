import kafkajs, { type Admin, type Kafka } from 'kafkajs';
import { brokerWords, isNamed } from './broker-words.js';
import { KafkaLoginRefused, KafkaRefused, KafkaUnreachable } from './errors.js';
import { TOPICS, type TopicDesign } from './topics.js';

/** Number of partitions for topics that are shared out, and of replicas; else the table's, and the cluster's default. */
export interface TopicSizes {
  partitions?: number;
  replication?: number;
}

export interface TopicState {
  topic: string;
  state: 'created' | 'there' | 'missing' | 'differs';
  partitions: number;
  replication: number;
  /** `setting is X, should be Y`. */
  differences: string[];
}

/** Creates the topics that are missing, and changes none that is there. */
export async function createTopics(
  kafka: Kafka,
  brokers: readonly string[],
  sizes: TopicSizes = {},
): Promise<TopicState[]> {
  return withAdmin(kafka, brokers, async (admin) => {
    const there = new Set(await admin.listTopics());
    const missing = TOPICS.filter(({ name }) => !there.has(name));
    if (missing.length > 0) {
      await admin.createTopics({
        waitForLeaders: true,
        topics: missing.map((design) => ({
          topic: design.name,
          numPartitions: partitionsOf(design, sizes),
          // -1: the cluster's default.
          replicationFactor: sizes.replication ?? -1,
          configEntries: Object.entries(design.settings).map(([name, value]) => ({ name, value })),
        })),
      });
    }
    const created = new Set(missing.map(({ name }) => name));
    const states = await stateOf(admin, sizes);
    return states.map((each) =>
      created.has(each.topic) && each.state === 'there' ? { ...each, state: 'created' } : each,
    );
  });
}

/** Compares the topics with the table; more partitions than the table's are no difference. */
export async function checkTopics(
  kafka: Kafka,
  brokers: readonly string[],
  sizes: TopicSizes = {},
): Promise<TopicState[]> {
  return withAdmin(kafka, brokers, (admin) => stateOf(admin, sizes));
}

async function stateOf(admin: Admin, sizes: TopicSizes): Promise<TopicState[]> {
  const there = new Set(await admin.listTopics());
  const known = TOPICS.filter(({ name }) => there.has(name));
  if (known.length === 0) return TOPICS.map(missingState);
  const { topics } = await admin.fetchTopicMetadata({ topics: known.map(({ name }) => name) });
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: known.map(({ name, settings }) => ({
      type: kafkajs.ConfigResourceTypes.TOPIC,
      name,
      configNames: Object.keys(settings),
    })),
  });
  return TOPICS.map((design): TopicState => {
    const metadata = topics.find(({ name }) => name === design.name);
    if (metadata === undefined) return missingState(design);
    const partitions = metadata.partitions.length;
    const replication = Math.min(...metadata.partitions.map(({ replicas }) => replicas.length));
    const differences: string[] = [];
    const least = partitionsOf(design, sizes);
    if (partitions < least) differences.push(`partitions is ${partitions}, should be ${least}`);
    if (sizes.replication !== undefined && replication < sizes.replication) {
      differences.push(`replication is ${replication}, should be ${sizes.replication}`);
    }
    const entries = resources.find(({ resourceName }) => resourceName === design.name)?.configEntries ?? [];
    for (const [setting, wanted] of Object.entries(design.settings)) {
      const is = entries.find(({ configName }) => configName === setting)?.configValue;
      if (!isSameSet(is, wanted)) differences.push(`${setting} is ${is ?? 'not told'}, should be ${wanted}`);
    }
    return {
      topic: design.name,
      state: differences.length > 0 ? 'differs' : 'there',
      partitions,
      replication,
      differences,
    };
  });
}

function missingState({ name }: TopicDesign): TopicState {
  return { topic: name, state: 'missing', partitions: 0, replication: 0, differences: ['is missing'] };
}

/** A topic with one partition has a reason for it. */
function partitionsOf({ partitions }: TopicDesign, sizes: TopicSizes): number {
  return partitions === 1 ? 1 : (sizes.partitions ?? partitions);
}

/** `compact,delete` is `delete,compact`. */
function isSameSet(is: string | undefined, wanted: string): boolean {
  const sorted = (text: string): string => text.split(',').sort().join(',');
  return is !== undefined && sorted(is) === sorted(wanted);
}

async function withAdmin<T>(kafka: Kafka, brokers: readonly string[], use: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = kafka.admin();
  try {
    await admin.connect();
    return await use(admin);
  } catch (cause) {
    if (isNamed(cause, 'KafkaJSSASLAuthenticationError')) throw new KafkaLoginRefused(brokers, cause);
    const words = brokerWords(cause);
    throw words.length > 0
      ? new KafkaRefused('to look at or create topics', words, cause)
      : new KafkaUnreachable(brokers, cause);
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}
