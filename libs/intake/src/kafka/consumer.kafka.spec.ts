import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Kafka } from 'kafkajs';
import { TallyError } from '#platform';
import { startBroker, type TestBroker } from '../../../../infra/kafka/testing.js';
import { KafkaIntake, type AssignedPartitions, type KafkaIntakeParts } from './consumer.js';
import { KafkaConsumerEnded, NotProduced, PartitionWorkFailed } from './errors.js';
import { AcknowledgedProducer } from './producer.js';
import { OK, type KafkaRecord } from './record.js';
import { clientOf, CountingWork, fill, lagOf, makeTopics, silent, until, withAdmin } from './testing/kafka-run.js';

const LETTERS = 'tallystick.dead-letters';

class Passing extends TallyError {
  readonly code = 'TALLY_PASSING';
  constructor() {
    super('away', { retry: true, remedy: 'wait' });
  }
}

let broker: TestBroker;
let kafka: Kafka;
const running: KafkaIntake<readonly KafkaRecord[]>[] = [];
beforeAll(async () => {
  broker = await startBroker();
  kafka = clientOf({ brokers: broker.brokers });
  await makeTopics(kafka, { [LETTERS]: 1 });
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.stop()));
});
afterAll(async () => broker?.stop());

async function start(
  parts: Partial<KafkaIntakeParts<readonly KafkaRecord[]>> &
    Pick<KafkaIntakeParts<readonly KafkaRecord[]>, 'work' | 'topics'>,
): Promise<KafkaIntake<readonly KafkaRecord[]>> {
  const intake = new KafkaIntake({ kafka, group: `of ${parts.topics.join()}`, log: silent, ...parts });
  running.push(intake);
  await intake.start();
  return intake;
}

const stop = async (intake: KafkaIntake<readonly KafkaRecord[]>): Promise<void> => {
  running.splice(running.indexOf(intake), 1);
  await intake.stop();
};

const lag = (topic: string, group = `of ${topic}`): Promise<number> =>
  withAdmin(kafka, (admin) => lagOf(admin, group, topic));

it('every record is taken once and committed, faster than a cluster of gateways writes', async () => {
  await makeTopics(kafka, { many: 6 });
  const count = 60_000;
  await fill(kafka, 'many', count, (i) => `${i} ${'x'.repeat(390)}`);
  const work = new CountingWork();
  const began = Date.now();
  const intake = await start({ topics: ['many'], work });
  await work.reached(count);
  await until('all of it committed', async () => (await lag('many')) === 0);
  // A floor that a loaded machine of two cores keeps; what was measured is in docs/kafka.md.
  expect(count / ((Date.now() - began) / 1000)).toBeGreaterThan(3000);
  expect([...work.times.values()].every((times) => times === 1)).toBe(true);
  expect(intake.vitals().results.ok).toBe(count);
  expect(intake.vitals().partitions.map(({ lag: each }) => each)).toEqual([0, 0, 0, 0, 0, 0]);
  expect(intake.vitals().sinceProgress).toBeLessThan(5000);
});

it('what is committed is not read again after a stop, and the stop does not wait for the broker', async () => {
  await makeTopics(kafka, { twice: 2 });
  await fill(kafka, 'twice', 500, String);
  const work = new CountingWork();
  const first = await start({ topics: ['twice'], work });
  await work.reached(500);
  await until('the commit', async () => (await lag('twice')) === 0);
  const began = Date.now();
  await stop(first);
  expect(Date.now() - began).toBeLessThan(3000);
  await expect(first.ended).resolves.toBeUndefined();
  await start({ topics: ['twice'], work });
  await fill(kafka, 'twice', 100, (i) => `more ${i}`);
  await work.reached(600);
  expect([...work.times.values()].every((times) => times === 1)).toBe(true);
});

it('a second member takes partitions over under load, and the first takes them back', async () => {
  await makeTopics(kafka, { shared: 6 });
  const work = new CountingWork();
  const assigned: string[] = [];
  let ofFirst = 0;
  const onAssigned =
    (member: string) =>
    async (topics: readonly AssignedPartitions[]): Promise<void> => {
      assigned.push(member);
      if (member === 'first') ofFirst = topics.flatMap(({ partitions }) => partitions).length;
    };
  await start({ topics: ['shared'], work: work.as('first'), onAssigned: onAssigned('first') });
  await fill(kafka, 'shared', 5000, (i) => `a${i}`);
  await work.reached(5000);
  const filling = fill(kafka, 'shared', 20_000, (i) => `b${i}`);
  const second = await start({ topics: ['shared'], work: work.as('second'), onAssigned: onAssigned('second') });
  await until(
    'two members',
    () => assigned.includes('second') && assigned.filter((each) => each === 'first').length > 1,
  );
  await filling;
  await fill(kafka, 'shared', 5000, (i) => `c${i}`);
  await work.reached(30_000);
  expect(work.members.get('second')).toBeGreaterThan(0);
  await until('all of it committed', async () => (await lag('shared')) === 0);
  expect(ofFirst).toBe(3);
  await stop(second);
  await fill(kafka, 'shared', 3000, (i) => `d${i}`);
  await work.reached(33_000);
  await until('all of it committed', async () => (await lag('shared')) === 0);
  expect(work.times.size).toBe(33_000);
  expect(ofFirst).toBe(6);
});

describe('a broker that is killed under load', () => {
  it('and comes back: nothing that it acknowledged is lost, and what is committed was taken', async () => {
    await makeTopics(kafka, { killed: 4 });
    const work = new CountingWork();
    await start({ topics: ['killed'], work });
    const producer = new AcknowledgedProducer(kafka);
    const acknowledged = new Set<string>();
    let writing = true;
    const writer = (async () => {
      for (let i = 0; writing; i++) {
        const values = Array.from({ length: 50 }, (_, j) => `${i}/${j}`);
        // Not acknowledged: sent again, as the loop does after a rest.
        for (let sent = false; !sent;) {
          sent = await producer
            .send(
              'killed',
              values.map((value) => ({ key: value, value })),
            )
            .then(
              () => true,
              (error: unknown) => {
                if (!(error instanceof NotProduced && error.retry)) throw error;
                return false;
              },
            );
        }
        for (const value of values) acknowledged.add(value);
      }
    })();
    for (let kills = 0; kills < 3; kills++) {
      const before = acknowledged.size;
      await until('more was acknowledged', () => acknowledged.size > before + 1000);
      await broker.kill();
      await broker.restart();
    }
    const before = acknowledged.size;
    await until('it goes on', () => acknowledged.size > before + 500);
    writing = false;
    await writer;
    await producer.close();
    await until('all was taken', () => [...acknowledged].every((value) => work.times.has(value)));
    await until('all of it committed', async () => (await lag('killed')) === 0);
  });
});

it('a stop ends at its deadline though no broker answers, and what is left is read by the next', async () => {
  await makeTopics(kafka, { away: 1 });
  await fill(kafka, 'away', 100, String);
  const work = new CountingWork();
  const intake = await start({ topics: ['away'], work, settings: { stopDeadline: 100 } });
  await work.reached(100);
  await broker.kill();
  try {
    await stop(intake);
    await expect(intake.ended).resolves.toBeUndefined();
  } finally {
    await broker.restart();
  }
  await start({ topics: ['away'], work });
  await fill(kafka, 'away', 10, (i) => `more ${i}`);
  await work.reached(110);
  await until('all of it committed', async () => (await lag('away')) === 0);
});

describe('poison', () => {
  it('goes to the dead letters before its offset is committed, and what follows goes on', async () => {
    await makeTopics(kafka, { poisoned: 1 });
    await fill(kafka, 'poisoned', 300, (i) => (i % 100 === 7 ? 'poison' : `fine ${i}`));
    const work = new CountingWork((record) =>
      String(record.value) === 'poison'
        ? { kind: 'dead-letter', letters: [{ id: `letter ${record.offset}`, reason: 'is poison' }] }
        : OK,
    );
    const intake = await start({ topics: ['poisoned'], work });
    await until('all of it committed', async () => (await lag('poisoned')) === 0);
    expect(intake.vitals().results).toMatchObject({ ok: 297, 'dead-letter': 3 });
    const letters = new CountingWork();
    await start({ topics: [LETTERS], work: letters });
    await letters.reached(3);
    const told = [...letters.times.keys()].map((text) => JSON.parse(text) as unknown);
    expect(told).toContainEqual({
      id: 'letter 7',
      reason: 'is poison',
      from: expect.objectContaining({ topic: 'poisoned', partition: 0, offset: '7' }),
    });
  });

  it('is not committed while its letter cannot be written', async () => {
    await makeTopics(kafka, { unlettered: 1, 'late-letters': 1 });
    await withAdmin(kafka, (admin) => admin.deleteTopics({ topics: ['late-letters'] }));
    await fill(kafka, 'unlettered', 3, String);
    const work = new CountingWork(() => ({ kind: 'dead-letter', letters: [{ id: 'a', reason: 'bad' }] }));
    const loop = { deadLetterTopic: 'late-letters', backoff: { base: 50, max: 200 } };
    const intake = await start({ topics: ['unlettered'], work, loop });
    await until('a rest', () => intake.vitals().partitions.some(({ paused }) => paused));
    expect(await lag('unlettered')).toBe(3);
    await makeTopics(kafka, { 'late-letters': 1 });
    await until('all of it committed', async () => (await lag('unlettered')) === 0);
  });
});

describe('a ledger that fails', () => {
  it('for a while: the partition rests with its membership, and then goes on', async () => {
    await makeTopics(kafka, { resting: 2 });
    await fill(kafka, 'resting', 2000, String);
    const work = new CountingWork();
    let away = true;
    let attempts = 0;
    let joins = 0;
    const intake = await start({
      topics: ['resting'],
      work: {
        prepare: (records) => records,
        commit: async (records) => {
          attempts++;
          if (away) throw new Passing();
          return work.commit(records);
        },
      },
      onAssigned: async () => void joins++,
      loop: { backoff: { base: 50, max: 500 } },
      settings: { sessionTimeout: 1500 },
    });
    await until('several attempts of both partitions', () => attempts > 8);
    // Longer than the session: heartbeats went on.
    expect(await lag('resting')).toBe(2000);
    away = false;
    await work.reached(2000);
    await until('all of it committed', async () => (await lag('resting')) === 0);
    expect(joins).toBe(1);
    expect(intake.vitals().partitions.every(({ paused }) => !paused)).toBe(true);
  });

  it('for good: the consumer ends with the cause, and nothing is committed', async () => {
    await makeTopics(kafka, { broken: 1 });
    await fill(kafka, 'broken', 10, String);
    const fault = new TypeError('cannot be mended');
    const intake = await start({
      topics: ['broken'],
      work: {
        prepare: (records) => records,
        commit: async () => {
          throw fault;
        },
      },
    });
    const ended = await intake.ended.catch((error: unknown) => error);
    expect(ended).toBeInstanceOf(KafkaConsumerEnded);
    expect(ended).toMatchObject({ cause: expect.any(PartitionWorkFailed) });
    expect(ended).toMatchObject({ cause: { cause: fault } });
    expect(await lag('broken')).toBe(10);
  });
});

it('work that takes longer than the session keeps its partition by heartbeats', async () => {
  await makeTopics(kafka, { slow: 1 });
  await fill(kafka, 'slow', 10, String);
  const work = new CountingWork();
  let joins = 0;
  await start({
    topics: ['slow'],
    work: {
      prepare: (records) => records,
      commit: async (records) => {
        await new Promise((resolve) => setTimeout(resolve, 3500));
        return work.commit(records);
      },
    },
    onAssigned: async () => void joins++,
    settings: { sessionTimeout: 1500 },
    loop: { heartbeatMs: 300 },
  });
  await until('all of it committed', async () => (await lag('slow')) === 0);
  expect(joins).toBe(1);
  expect([...work.times.values()].every((times) => times === 1)).toBe(true);
});

it('over TLS with SASL: records come in and letters go out', async () => {
  const secured = await startBroker({ tls: true, sasl: true, clientAuth: true });
  const connection = {
    brokers: secured.brokers,
    tls: secured.tls!,
    sasl: { mechanism: 'scram-sha-512' as const, ...secured.sasl! },
  };
  const client = clientOf(connection);
  const work = new CountingWork(() => ({ kind: 'dead-letter', letters: [{ id: 'a', reason: 'bad' }] }));
  const intake = new KafkaIntake({ kafka: client, group: 'g', topics: ['in'], work, log: silent });
  try {
    await makeTopics(client, { in: 1, [LETTERS]: 1 });
    await fill(client, 'in', 20, String);
    await intake.start();
    await until('all of it committed', () => withAdmin(client, async (admin) => (await lagOf(admin, 'g', 'in')) === 0));
    const [letters] = await withAdmin(client, (admin) => admin.fetchTopicOffsets(LETTERS));
    expect(letters).toMatchObject({ high: '20' });
  } finally {
    await intake.stop();
    await secured.stop();
  }
});
