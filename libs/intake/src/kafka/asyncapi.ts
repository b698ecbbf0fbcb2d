import { TOPICS, type TopicAuthority, type TopicDesign } from './topics.js';

const MESSAGES = {
  fact: {
    name: 'fact',
    title: 'A fact as a CloudEvent, in structured or binary mode',
    contentType: 'application/cloudevents+json',
    payload: { $ref: './cloudevent.schema.json' },
  },
  deadLetter: {
    name: 'deadLetter',
    title: 'A refused record, redacted; what it held is sealed in `box`',
    contentType: 'application/json',
    payload: {
      type: 'object',
      required: ['id', 'tenant', 'source', 'line', 'field', 'reason', 'length', 'redrivable', 'keys', 'from'],
      properties: {
        id: { type: 'string', description: 'The same refused bytes have the same id' },
        tenant: { type: 'string' },
        source: { type: 'string' },
        line: { type: 'integer', description: 'The offset of the record' },
        field: { type: 'string' },
        reason: { type: 'string' },
        length: { type: 'integer', description: 'Bytes of the record as it came' },
        redrivable: { type: 'boolean' },
        keys: { type: 'array', items: { type: 'string' } },
        name: { type: 'string', description: 'The token that the record names, if it could be told' },
        box: {
          type: 'object',
          required: ['keyId', 'box'],
          properties: { keyId: { type: 'string' }, box: { type: 'string' } },
        },
        event: {
          type: 'object',
          description:
            'The event itself, where its stream was deleted for good in the store; `data` is its stored JSON',
          required: ['id', 'stream', 'type', 'data'],
          properties: {
            id: { type: 'string' },
            stream: { type: 'string' },
            type: { type: 'string' },
            data: { type: 'string' },
          },
        },
        from: {
          type: 'object',
          required: ['topic', 'partition', 'offset'],
          properties: {
            topic: { type: 'string' },
            partition: { type: 'integer' },
            offset: { type: 'string' },
            timestamp: { type: 'integer' },
          },
        },
      },
    },
  },
} as const;

const WHO: Readonly<Record<Exclude<TopicAuthority, null>, string>> = {
  gateway: 'Gateways',
  issuer: 'Issuers',
  deployer: 'Deployers',
  operator: 'Operators',
};

/** The topics that carry messages today, as AsyncAPI 3.0: who writes there, under which key, and what. */
export function asyncApi(version: string): object {
  const carrying = TOPICS.filter(({ name, authority }) => authority !== null || name.endsWith('dead-letters'));
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Tallystick over Kafka',
      version,
      description:
        'Events that gateways, issuers, deployers and operators publish, and what could not be read of them.',
      license: { name: 'Apache-2.0' },
    },
    defaultContentType: 'application/json',
    channels: Object.fromEntries(carrying.map((topic) => [idOf(topic), channelOf(topic)])),
    operations: Object.fromEntries(carrying.map((topic) => [operationOf(topic), operation(topic)])),
    components: { messages: MESSAGES },
  };
}

function messageOf({ authority }: TopicDesign): keyof typeof MESSAGES {
  return authority === null ? 'deadLetter' : 'fact';
}

function channelOf(topic: TopicDesign): object {
  const { name, key, partitions, settings, why } = topic;
  const message = messageOf(topic);
  return {
    address: name,
    description: `${why} Key: ${key}.`,
    messages: { [message]: { $ref: `#/components/messages/${message}` } },
    bindings: {
      kafka: { topic: name, partitions, topicConfiguration: configurationOf(settings), bindingVersion: '0.5.0' },
    },
  };
}

function configurationOf(settings: TopicDesign['settings']): object {
  const { 'cleanup.policy': policy = '', 'retention.ms': retention } = settings;
  return { 'cleanup.policy': policy.split(','), ...(retention !== undefined && { 'retention.ms': Number(retention) }) };
}

function operation(topic: TopicDesign): object {
  const { authority } = topic;
  return {
    action: authority === null ? 'send' : 'receive',
    channel: { $ref: `#/channels/${idOf(topic)}` },
    summary: authority === null ? 'Projectors write letters' : `${WHO[authority]} publish, the projector reads`,
    messages: [{ $ref: `#/channels/${idOf(topic)}/messages/${messageOf(topic)}` }],
  };
}

function idOf({ name }: TopicDesign): string {
  return name.replace('tallystick.', '').replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

function operationOf(topic: TopicDesign): string {
  return `${topic.authority === null ? 'send' : 'receive'}-${topic.name.replace('tallystick.', '')}`;
}
