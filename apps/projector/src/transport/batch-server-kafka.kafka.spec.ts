import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Module, type INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Kafka } from 'kafkajs';
import { startBroker, type TestBroker } from '../../../../infra/kafka/testing.js';
import {
  clientOf,
  CountingWork,
  fill,
  lagOf,
  makeTopics,
  silent,
  until,
  withAdmin,
} from '../../../../libs/intake/src/kafka/testing/kafka-run.js';
import { BatchServerKafka } from './batch-server-kafka.js';

@Module({})
class NothingElse {}

let broker: TestBroker;
let kafka: Kafka;
beforeAll(async () => {
  broker = await startBroker();
  kafka = clientOf({ brokers: broker.brokers });
});
afterAll(async () => broker?.stop());

const listen = async <P>(strategy: BatchServerKafka<P>): Promise<INestMicroservice> => {
  const app = await NestFactory.createMicroservice(NothingElse, { strategy, logger: false });
  await app.listen();
  return app;
};

it('Nest starts and ends partition work under the very name of the group, and goes on where it was', async () => {
  await makeTopics(kafka, { events: 2 });
  await fill(kafka, 'events', 5000, String);
  const work = new CountingWork();
  const parts = { connection: { brokers: broker.brokers }, group: 'tallystick', topics: ['events'], work, log: silent };
  const first = new BatchServerKafka(parts);
  const app = await listen(first);
  await work.reached(5000);
  const committed = (): Promise<boolean> =>
    withAdmin(kafka, async (admin) => (await lagOf(admin, 'tallystick', 'events')) === 0);
  await until('all of it committed', committed);
  expect(first.vitals().results).toMatchObject({ ok: 5000 });
  await app.close();
  await expect(first.ended).resolves.toBeUndefined();
  const { groups } = await withAdmin(kafka, (admin) => admin.describeGroups(['tallystick']));
  expect(groups).toMatchObject([{ state: 'Empty', members: [] }]);

  const again = await listen(new BatchServerKafka(parts));
  await fill(kafka, 'events', 10, (i) => `more ${i}`);
  await work.reached(5010);
  await again.close();
  expect([...work.times.values()].every((times) => times === 1)).toBe(true);
});

it('work that fails for good is told to whoever waits, and a close still ends', async () => {
  await makeTopics(kafka, { poisoned: 1 });
  await fill(kafka, 'poisoned', 1, String);
  const strategy = new BatchServerKafka({
    connection: { brokers: broker.brokers },
    group: 'poisoned',
    topics: ['poisoned'],
    log: silent,
    work: {
      prepare: (records) => records,
      commit: async () => {
        throw new TypeError('a fault');
      },
    },
  });
  const app = await listen(strategy);
  await expect(strategy.ended).rejects.toMatchObject({ code: 'TALLY_KAFKA_CONSUMER_ENDED' });
  await app.close();
});
