import { afterEach, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Kafka, logLevel, Partitioners, type SASLOptions } from 'kafkajs';
import { startBroker, type TestBroker } from './testing.js';

const COMMAND = join(dirname(fileURLToPath(import.meta.url)), 'broker.mjs');
let broker: TestBroker | undefined;
afterEach(async () => {
  await broker?.stop();
  broker = undefined;
});

const clientOf = (brokers: string[], more: Partial<ConstructorParameters<typeof Kafka>[0]> = {}): Kafka =>
  new Kafka({ brokers, logLevel: logLevel.NOTHING, retry: { retries: 2 }, ...more });

async function endOffset(kafka: Kafka, topic: string): Promise<string> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    return (await admin.fetchTopicOffsets(topic))[0]!.high;
  } finally {
    await admin.disconnect();
  }
}

it('what was acknowledged is there after kill -9 and a restart on the same ports', async () => {
  broker = await startBroker();
  const kafka = clientOf(broker.brokers);
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: 'kept', numPartitions: 1 }] });
  await admin.disconnect();
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  await producer.send({ topic: 'kept', acks: -1, messages: [{ value: 'a' }, { value: 'b' }] });
  await producer.disconnect();

  await broker.kill();
  await expect(endOffset(kafka, 'kept')).rejects.toThrow();
  await broker.restart();
  expect(await endOffset(kafka, 'kept')).toBe('2');
});

it('a TLS listener with SASL lets in whoever trusts its authority and knows the password, and nobody else', async () => {
  broker = await startBroker({ tls: true, sasl: true });
  const { brokers, tls, sasl } = broker;
  const ssl = { ca: [tls!.ca] };
  const reach = async (more: Partial<ConstructorParameters<typeof Kafka>[0]>): Promise<number> => {
    const admin = clientOf(brokers, { retry: { retries: 0 }, connectionTimeout: 2000, ...more }).admin();
    try {
      await admin.connect();
      return (await admin.describeCluster()).brokers.length;
    } finally {
      await admin.disconnect();
    }
  };
  for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512'] as const) {
    const as = (password: string): SASLOptions => ({ mechanism, username: sasl!.username, password }) as SASLOptions;
    expect(await reach({ ssl, sasl: as(sasl!.password) })).toBe(1);
    await expect(reach({ ssl, sasl: as('wrong') })).rejects.toThrow(/auth/i);
  }
  await expect(reach({ ssl: true, sasl: { mechanism: 'plain', ...sasl! } })).rejects.toThrow(/certificate/);
  await expect(reach({ sasl: { mechanism: 'plain', ...sasl! } })).rejects.toThrow();
});

it('the command starts one broker a directory, says where it is, and ends it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tally-broker-'));
  const run = (...args: string[]): Promise<{ code: number; out: string; err: string }> =>
    new Promise((resolve) => {
      execFile(
        process.execPath,
        [COMMAND, ...args, '--data', folder],
        { env: { ...process.env, NODE_OPTIONS: '' } },
        (error, out, err) => resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err }),
      );
    });
  try {
    expect(await run('status')).toMatchObject({ code: 1, out: 'no broker runs\n' });
    // What a process that is gone left behind is no lock.
    writeFileSync(join(folder, 'lock'), '999999999');
    const started = await run('start');
    expect(started).toMatchObject({ code: 0 });
    const { brokers } = JSON.parse(started.out) as { brokers: string[] };
    expect(await run('status')).toMatchObject({ code: 0, out: expect.stringContaining(brokers[0]!) });
    expect(await run('start')).toMatchObject({ code: 1, err: expect.stringContaining('already runs') });
    expect(await run('stop')).toMatchObject({ code: 0, out: 'stopped\n' });
    expect(await run('status')).toMatchObject({ code: 1 });
    // What the directory was made with is not quietly something else.
    expect(await run('start', '--tls')).toMatchObject({ code: 1, err: expect.stringContaining('--tls') });
  } finally {
    await run('stop');
    rmSync(folder, { recursive: true, force: true });
  }
});

it('a port that is taken is told with the log, and no other program is mistaken for the broker', async () => {
  const server: Server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  try {
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    await expect(startBroker({ port })).rejects.toThrow(/ended before it was ready[\s\S]*in use/i);
  } finally {
    server.close();
  }
});
