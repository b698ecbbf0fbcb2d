import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Partitioners, type IHeaders, type Kafka } from 'kafkajs';
import { DEFAULT_THRESHOLDS, namingSecrets, settingsSchema } from '#lifecycle';
import { EmbeddedLedger } from '#ledger';
import { ADAPTERS } from '#sources';
import { startBroker, type TestBroker } from '../../../../infra/kafka/testing.js';
import { DeadLetters } from '../dead-letters.js';
import { Intake } from '../intake.js';
import { Preparer } from '../prepare.js';
import { SeenIndex } from '../seen-index.js';
import { KafkaIntake } from './consumer.js';
import { clientOf, makeTopics, silent, until, withAdmin, lagOf, CountingWork } from './testing/kafka-run.js';
import { LineWork } from './testing/line-work.js';

const NOW = Date.UTC(2026, 2, 11);
const EVENT = ADAPTERS.cloudevents.sample;
const SECRET = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl';

let folder: string;
let broker: TestBroker;
let kafka: Kafka;
let ledger: EmbeddedLedger;
let seen: SeenIndex;
let deadLetters: DeadLetters;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tally-messages-'));
  ledger = EmbeddedLedger.open(join(folder, 'ledger.sqlite'), { access: 'write', clock: () => NOW });
  seen = SeenIndex.open(join(folder, 'seen.sqlite'));
  deadLetters = new DeadLetters(join(folder, 'letters.sqlite'), () => NOW);
  broker = await startBroker();
  kafka = clientOf({ brokers: broker.brokers });
  await makeTopics(kafka, { events: 1, 'tallystick.dead-letters': 1 });
});
afterAll(async () => {
  await broker?.stop();
  seen?.close();
  deadLetters?.close();
  await ledger?.close();
  rmSync(folder, { recursive: true, force: true });
});

it('CloudEvents in both modes, what a log plugin wrote, and poison: each counted once, nothing secret in a letter', async () => {
  const structured = (id: string): string => JSON.stringify({ ...EVENT, id });
  const binary = (id: string): { value: string; headers: IHeaders } => {
    const { data, datacontenttype, ...attributes } = EVENT;
    const headers: IHeaders = { 'content-type': String(datacontenttype) };
    for (const [name, value] of Object.entries({ ...attributes, id })) headers[`ce_${name}`] = String(value);
    return { value: JSON.stringify(data), headers };
  };
  const messages: { value: string | null; headers?: IHeaders }[] = [
    { value: structured('s-1'), headers: { 'content-type': 'application/cloudevents+json; charset=UTF-8' } },
    binary('b-1'),
    {
      value: `[${structured('s-2')},${structured('s-3')}]`,
      headers: { 'content-type': 'application/cloudevents-batch+json' },
    },
    { value: JSON.stringify(ADAPTERS.kong.sample) },
    // The same event in the other mode is the same event.
    binary('s-1'),
    { value: null },
    { value: `not JSON ${SECRET}` },
    { value: JSON.stringify({ unknown: 'format', authorization: `Bearer ${SECRET}` }) },
    { value: `[${structured('s-4')},{"bad":"one"}]` },
    { ...binary('b-2'), value: '{"issuer":' },
    binary('b-3'),
  ];
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  await producer.send({ topic: 'events', messages });
  await producer.disconnect();

  const preparer = new Preparer({
    tenant: 'default',
    settings: settingsSchema.parse({}),
    secrets: namingSecrets(0, Buffer.alloc(32, 1), Buffer.alloc(32, 2)),
    vault: { ensure: () => undefined, seal: () => undefined },
    today: 1,
    source: 'auto',
  });
  const { futureSlack } = DEFAULT_THRESHOLDS;
  const intake = await Intake.open({ ledger, seen, deadLetters, clock: () => NOW, futureSlack });
  const work = new LineWork(preparer, intake);
  const consumer = new KafkaIntake({
    kafka,
    group: 'g',
    topics: ['events'],
    work,
    log: silent,
    onAssigned: () => intake.catchUp(),
  });
  await consumer.start();
  await until('all of it committed', () =>
    withAdmin(kafka, async (admin) => (await lagOf(admin, 'g', 'events')) === 0),
  );
  expect(consumer.vitals().results).toEqual({ ok: 6, drop: 1, 'dead-letter': 4, redirect: 0 });
  await consumer.stop();
  // s-1, b-1, s-2, s-3, kong, s-4, b-3; s-1 once more; four refused.
  expect(work.account.report).toMatchObject({ records: 12, accepted: 7, duplicates: 1, rejected: 4 });

  const letters = new CountingWork();
  const reader = new KafkaIntake({
    kafka,
    group: 'l',
    topics: ['tallystick.dead-letters'],
    work: letters,
    log: silent,
  });
  await reader.start();
  await letters.reached(4);
  await reader.stop();
  const told = [...letters.times.keys()];
  expect(told.join('\n')).not.toMatch(/eyJ|c2lnbmF0dXJl/);
  expect(
    told
      .map((text) => JSON.parse(text) as { reason: string; from: { offset: string } })
      .map(({ reason, from }) => [from.offset, reason]),
  ).toEqual([
    ['6', 'is not JSON'],
    ['7', 'is of no format that is known'],
    ['8', 'is of no format that is known'],
    ['9', 'holds data that is not JSON'],
  ]);
  expect([...deadLetters.list('default')]).toHaveLength(4);
});
