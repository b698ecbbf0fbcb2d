import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { startBroker, type TestBroker } from '../../../infra/kafka/testing.js';
import { runHere } from './testing/run-here.js';
import type { Ran } from './testing/run-tally.js';

let folder: string;
let broker: TestBroker;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tally-topics-'));
  broker = await startBroker({ tls: true, sasl: true });
  for (const [name, text] of [
    ['ca.pem', broker.tls!.ca],
    ['password', `${broker.sasl!.password}\n`],
  ] as const) {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
  }
});
afterAll(async () => {
  await broker?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const secured = (): Record<string, string> => ({
  TALLY_KAFKA_CA: join(folder, 'ca.pem'),
  TALLY_KAFKA_USER: broker.sasl!.username,
  TALLY_KAFKA_PASSWORD_FILE: join(folder, 'password'),
});
const tally = (args: string[], env: Record<string, string> = secured()): Promise<Ran> =>
  runHere(['topics', ...args, '--kafka', broker.brokers[0]!], { data: join(folder, '.tally'), env });

it('topics are created once, checked, and told of over TLS with SASL', async () => {
  const before = await tally(['check', '-o', 'json']);
  expect(before.code).toBe(1);
  expect(JSON.parse(before.stdout)).toContainEqual(
    expect.objectContaining({ topic: 'tallystick.gateway-events', state: 'missing', differences: ['is missing'] }),
  );
  const created = await tally(['create', '--partitions', '3', '--replication', '1', '-o', 'json']);
  expect(created).toMatchObject({ code: 0, stderr: '' });
  const states = JSON.parse(created.stdout) as { topic: string; state: string; partitions: number }[];
  expect(states.map(({ topic, state, partitions }) => [topic.replace('tallystick.', ''), state, partitions])).toEqual([
    ['gateway-events', 'created', 3],
    ['issuer-events', 'created', 3],
    ['deployments', 'created', 1],
    ['operator-events', 'created', 1],
    ['dead-letters', 'created', 1],
    ['decisions', 'created', 3],
  ]);
  const again = await tally(['create', '--partitions', '3']);
  expect(again).toMatchObject({ code: 0, stderr: '' });
  expect(again.stdout).not.toContain('created');
  expect(await tally(['check', '--partitions', '3', '--replication', '1'])).toMatchObject({ code: 0 });
});

it('a difference is told and ends a check with 1, and create leaves it as it is', async () => {
  const admin = new Kafka({ brokers: broker.internal, logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  const configEntries = [{ name: 'retention.ms', value: '1000' }];
  await admin.alterConfigs({
    validateOnly: false,
    resources: [{ type: 2, name: 'tallystick.decisions', configEntries }],
  });
  await admin.disconnect();
  const checked = await tally(['check', '--partitions', '9', '-o', 'json']);
  expect(checked.code).toBe(1);
  expect(JSON.parse(checked.stdout)).toContainEqual({
    topic: 'tallystick.decisions',
    state: 'differs',
    partitions: 3,
    replication: 1,
    differences: [
      'partitions is 3, should be 9',
      'cleanup.policy is delete, should be compact,delete',
      'retention.ms is 1000, should be 2592000000',
    ],
  });
  const created = await tally(['create']);
  expect(created).toMatchObject({ code: 0, stderr: expect.stringContaining('nothing was changed') });
  expect((await tally(['check', '--partitions', '3'])).stdout).toContain('retention.ms is 1000');
});

it('a wrong password, plain text to a TLS listener, and too many replicas are errors that say so', async () => {
  const tooMany = await runHere(
    ['topics', 'create', '--kafka', broker.brokers[0]!, '--replication', '3', '-o', 'json'],
    {
      data: join(folder, '.tally'),
      env: secured(),
    },
  );
  // Everything is there already, so that nothing is asked for.
  expect(tooMany.code).toBe(0);
  const other = await startBroker();
  try {
    const args = ['topics', 'create', '--kafka', other.brokers[0]!, '--replication', '3', '-o', 'json'];
    const refused = await runHere(args, { data: join(folder, '.tally') });
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(JSON.parse(refused.stderr)).toMatchObject({
      error: { code: 'TALLY_KAFKA_REFUSED', message: expect.stringContaining('INVALID_REPLICATION_FACTOR') },
    });
  } finally {
    await other.stop();
  }
  expect((await tally(['check'], {})).stderr).toContain('no broker of');
  writeFileSync(join(folder, 'password'), 'wrong');
  const login = await tally(['check', '-o', 'json']);
  expect(login).toMatchObject({ code: 1, stderr: expect.stringContaining('TALLY_KAFKA_LOGIN_REFUSED') });
  expect(login.stderr).not.toContain('wrong');
});

it('plain text off this machine is refused before anything is sent', async () => {
  const ran = await runHere(['topics', 'check', '--kafka', 'kafka.example.com:9092', '-o', 'json'], {
    data: join(folder, '.tally'),
  });
  expect(ran.code).not.toBe(0);
  expect(ran.stderr).toContain('TALLY_PLAINTEXT_REFUSED');
  expect(ran.stderr).toContain('--allow-plaintext kafka');
});
