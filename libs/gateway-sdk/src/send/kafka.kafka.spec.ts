import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { exportJWK, generateKeyPair, type CryptoKey, type JWK } from 'jose';
import type { Kafka } from 'kafkajs';
import { contentOf } from '../../../intake/src/kafka/message.js';
import { clientOf, makeTopics, until } from '../../../intake/src/kafka/testing/kafka-run.js';
import { startBroker, type TestBroker } from '../../../../infra/kafka/testing.js';
import { createEmitter } from '../emit/create-emitter.js';
import type { EmitterOptions } from '../emit/options.js';
import { TokenNaming } from '../naming.js';
import { startProduct, type Running } from '../testing.js';
import { readTokenSecret } from '../token-secret.js';
import { SIGNATURE_HEADER, verifyBatch } from './signature.js';
import type { Problem } from './transport.js';

const TOPIC = 'tallystick.gateway-events';
let broker: TestBroker;
let kafka: Kafka;
let product: Running;
let keys: { privateKey: CryptoKey; publicKey: CryptoKey };
let publicJwk: JWK;
beforeAll(async () => {
  broker = await startBroker();
  kafka = clientOf({ brokers: broker.brokers });
  await makeTopics(kafka, { [TOPIC]: 3 });
  product = await startProduct({ sources: { edge: { format: 'cloudevents', authority: 'gateway' } } });
  keys = await generateKeyPair('EdDSA', { extractable: true });
  publicJwk = await exportJWK(keys.publicKey);
});
afterAll(async () => {
  await product?.close();
  await broker?.stop();
});

const problems: Problem[] = [];
const emitterOf = (options: Partial<EmitterOptions<'gateway'>> = {}) =>
  createEmitter({
    ...{ authority: 'gateway', source: 'edge', brokers: broker.brokers, tokenSecret: product.tokenSecret },
    retry: { firstMs: 50, mostMs: 500, requestMs: 3000 },
    onProblem: (problem) => problems.push(problem),
    ...options,
  });

interface Read {
  key: string;
  partition: number;
  value: Buffer;
  headers: Record<string, string>;
}

/** Everything in the topic, once at least `least` records are there. */
async function readAll(group: string, least: number): Promise<Read[]> {
  const consumer = kafka.consumer({ groupId: group, maxWaitTimeInMs: 200 });
  const read: Read[] = [];
  await consumer.connect();
  await consumer.subscribe({ topic: TOPIC, fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ message: { key, value, headers = {} }, partition }) => {
      const texts = Object.entries(headers).map(([name, text]) => [name, String(text)]);
      read.push({
        key: String(key),
        partition,
        value: value!,
        headers: Object.fromEntries(texts) as Record<string, string>,
      });
    },
  });
  await until(`${least} records`, async () => read.length >= least);
  await consumer.disconnect();
  return read;
}

it('each event is a record that the intake takes: keyed by the token, structured, signed', async () => {
  const emitter = emitterOf({ sign: { key: keys.privateKey, alg: 'EdDSA', kid: 'gw-1' } });
  for (let i = 0; i < 40; i++) emitter.validated({ token: `raw-token-${i % 10}`, status: 200 });
  expect(await emitter.close()).toEqual({ undelivered: 0 });
  expect(emitter.stats()).toMatchObject({ accepted: 40, lost: 0 });
  const records = await readAll('structured', 40);
  const naming = new TokenNaming(readTokenSecret(product.tokenSecret));
  const expected = Array.from({ length: 10 }, (_, i) =>
    naming.tok(createHash('sha256').update(`raw-token-${i}`).digest('hex')),
  );
  expect(new Set(records.map(({ key }) => key))).toEqual(new Set(expected));
  for (const { value, headers } of records) {
    expect(await verifyBatch(value, headers[SIGNATURE_HEADER]!, publicJwk)).toEqual({ kid: 'gw-1' });
    expect(value.toString()).not.toContain('raw-token');
  }
  // One token, one partition.
  const places = new Set(records.map(({ key, partition }) => `${key} ${partition}`));
  expect(places.size).toBe(10);
  const texts = records.map(({ value, headers }) => {
    const content = contentOf({ topic: TOPIC, partition: 0, offset: 0n, timestamp: 0, key: null, value, headers });
    return content.kind === 'text' ? content.text : content.kind;
  });
  async function* lines(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(texts.join('\n'));
  }
  const options = { tenant: 'default', source: 'edge', what: 'kafka', finished: false };
  const report = await product.tally.ingest(lines(), options);
  expect(report).toMatchObject({ records: 40, accepted: 40, rejected: 0 });
});

it('a broker that dies under load loses nothing: what it did not acknowledge comes again, under the same ids', async () => {
  const emitter = emitterOf({ batch: { events: 50, ms: 20 }, version: 'restart' });
  let emitted = 0;
  const burst = (): void => {
    for (let i = 0; i < 200; i++) emitter.observed({ token: `raw-token-${emitted}`, id: `restart-${emitted++}` });
  };
  burst();
  await until('something arrived', async () => emitter.stats().accepted > 0);
  await broker.kill();
  burst();
  await until('it was noticed', async () => emitter.stats().retries > 0);
  burst();
  await broker.restart();
  expect(await emitter.close(60_000)).toEqual({ undelivered: 0 });
  const ids = (await readAll('restart', 40 + emitted))
    .map(({ value }) => (JSON.parse(value.toString()) as { id: string }).id)
    .filter((id) => id.startsWith('restart-'));
  expect(new Set(ids).size).toBe(emitted);
  expect(problems.length).toBeGreaterThan(0);
  expect(JSON.stringify(problems)).not.toContain('raw-token');
});

it('a topic that is not there is a problem that says so, not an error', async () => {
  problems.length = 0;
  const emitter = emitterOf({ topic: 'nowhere' });
  emitter.observed({ token: 'raw-token-x' });
  await until('it was told', async () => problems.length > 0);
  expect(await emitter.close(100)).toEqual({ undelivered: 1 });
  expect(problems[0]).toMatchObject({ code: 'failed', detail: 'UNKNOWN_TOPIC_OR_PARTITION' });
});
