import kafkajs, { type Kafka } from 'kafkajs';
import { ADAPTERS } from '#sources';
import { seededRandom } from '../rig.js';

export const TOPIC = 'tallystick.gateway-events';
export const PARTITIONS = 6;

/** Requests a second over all partitions. */
const RATE = 5000;
const START = Date.UTC(2026, 2, 10, 9);
const ISSUER = 'https://idp.example.com/realms/shop';
const TOGETHER = 500;

/** Both gateways as sources of the settings, each use an event or by the minute. */
export function settingsOf(uses: 'each' | 'minute'): object {
  return {
    sources: { 'eu-gateway': { format: 'cloudevents', authority: 'gateway', uses }, kong: { format: 'kong', uses } },
  };
}

/**
 * Publishes requests `from` … `to`: those of even tokens as the gateway package sends them, those of odd ones as
 * Kong's log plugin does. Each token comes from its home network to one gateway.
 * @param tokens of one partition
 */
export async function publish(kafka: Kafka, from: number, to: number, tokens: number): Promise<void> {
  const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  await producer.connect();
  const random = seededRandom(20260310 + from);
  for (let at = from; at < to; at += TOGETHER) {
    const messages = Array.from({ length: Math.min(TOGETHER, to - at) }, (_, i) =>
      requestOf(at + i, Math.floor(random() * tokens)),
    );
    await producer.send({ topic: TOPIC, acks: -1, messages });
  }
  await producer.disconnect();
}

function requestOf(n: number, nth: number): { partition: number; key: string; value: string } {
  const partition = n % PARTITIONS;
  const token = nth * PARTITIONS + partition;
  const at = START + Math.floor((n * 1000) / RATE);
  const line = (token / PARTITIONS) & 1 ? kongLine(token, n, at) : cloudEvent(token, n, at);
  return { partition, key: `at-${token}`, value: JSON.stringify(line) };
}

function cloudEvent(token: number, n: number, at: number): object {
  return {
    specversion: '1.0',
    id: `rq-${n.toString(36)}`,
    source: 'eu-gateway',
    type: 'tallystick.token.validated.v1',
    time: new Date(at).toISOString(),
    datacontenttype: 'application/json',
    data: {
      issuer: ISSUER,
      jti: `at-${token}`,
      subject: `u-${token >> 2}`,
      client: 'spa-shop',
      exp: Math.floor(START / 1000) + 3600,
      status: 200,
      gateway: 'gw-a',
      version: 'v41',
      region: 'eu',
      api: 'orders',
      client_ip: addressOf(token),
      user_agent: 'shop-app/3.2',
    },
  };
}

function kongLine(token: number, n: number, at: number): object {
  const { sample } = ADAPTERS.kong;
  const headers = { host: 'api.example.com', authorization: 'REDACTED', 'user-agent': 'shop-app/3.2' };
  return {
    ...sample,
    token_jti: `at-${token}`,
    token_iss: ISSUER,
    token_sub: `u-${token >> 2}`,
    token_exp: Math.floor(START / 1000) + 3600,
    request: { ...(sample['request'] as object), id: `rq-${n.toString(36)}`, headers },
    started_at: at,
    client_ip: addressOf(token),
    gateway_id: 'gw-b',
  };
}

function addressOf(token: number): string {
  return `192.0.${(token >> 3) % 200}.${1 + (token % 250)}`;
}
