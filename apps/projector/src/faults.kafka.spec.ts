import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { withAdmin } from '../../../libs/intake/src/kafka/testing/kafka-run.js';
import { seeded } from '../../../libs/intake/src/kafka/testing/virtual-time.js';
import { Cluster, EVENTS, type Projector } from './testing/cluster.js';

const KILLS = Math.min(50, Number(process.env['TALLY_CRASH_ROUNDS'] ?? 50));
const MINUTES = 60_000;
const random = seeded(11);

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start();
}, 5 * MINUTES);
afterEach(() => cluster?.killProjectors());
afterAll(() => cluster?.stop());

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Everything published is in the ledger, once, and in ClickHouse, once. */
async function expectExact(): Promise<void> {
  const { events, inputs } = await cluster.counted();
  expect([...inputs.values()].filter((times) => times !== 1)).toEqual([]);
  expect({ events, inputs: inputs.size }).toEqual({ events: cluster.published, inputs: cluster.published });
  expect(await cluster.countedInClickHouse()).toEqual({ rows: cluster.published, inputs: cluster.published });
}

async function stopAll(projectors: readonly Projector[]): Promise<void> {
  for (const each of projectors) expect(await each.stop()).toBe(0);
}

describe('projectors, a real broker, and the official client on the wire: nothing lost, nothing twice', () => {
  it(
    `kill -9 of a projector ${KILLS} times under load`,
    async () => {
      const seats = [cluster.projector(0), cluster.projector(1)];
      await seats[0]!.assigned();
      const kills = async (): Promise<void> => {
        for (let kill = 0; kill < KILLS; kill++) {
          const seat = kill % seats.length;
          await seats[seat]!.assigned();
          await pause(random() * 700);
          await seats[seat]!.kill();
          seats[seat] = cluster.projector(seat);
        }
      };
      await cluster.publishDuring(kills(), 40);
      await cluster.drained();
      await stopAll(seats);
      await expectExact();
    },
    15 * MINUTES,
  );

  it(
    'the broker killed and restarted under load',
    async () => {
      const projectors = [cluster.projector(0), cluster.projector(1)];
      await projectors[0]!.assigned();
      const outages = async (): Promise<void> => {
        for (let outage = 0; outage < 3; outage++) {
          await pause(500 + random() * 1000);
          await cluster.broker.kill();
          await pause(random() * 1000);
          await cluster.broker.restart();
        }
      };
      await cluster.publishDuring(outages());
      await cluster.drained();
      await stopAll(projectors);
      await expectExact();
    },
    10 * MINUTES,
  );

  it(
    'two and three projectors joining and leaving under load',
    async () => {
      const projectors = [cluster.projector(0), cluster.projector(1)];
      const changes = async (): Promise<void> => {
        await projectors[0]!.assigned();
        for (let change = 0; change < 3; change++) {
          const third = cluster.projector((change + 2) % 3);
          await third.assigned();
          await pause(random() * 800);
          expect(await projectors.shift()!.stop()).toBe(0);
          projectors.push(third);
          await pause(random() * 800);
        }
      };
      await cluster.publishDuring(changes());
      await cluster.drained();
      await stopAll(projectors);
      await expectExact();
    },
    10 * MINUTES,
  );

  it(
    'a ledger that is slow, cuts connections, answers nothing for 30 s, and dies',
    async () => {
      const projector = cluster.projector(0);
      await projector.assigned();
      const troubles = async (): Promise<void> => {
        cluster.proxy.delayMs = 100;
        await pause(3000);
        cluster.proxy.delayMs = 0;
        for (let cut = 0; cut < 10; cut++) {
          await pause(random() * 300);
          cluster.proxy.cut();
        }
        cluster.proxy.isSilent = true;
        await pause(30_000);
        cluster.proxy.isSilent = false;
        cluster.proxy.cut();
        await pause(1000);
        await cluster.killLedger();
        await pause(1000);
        await cluster.restartLedger();
      };
      await cluster.publishDuring(troubles(), 50);
      await cluster.drained();
      await stopAll([projector]);
      await expectExact();
    },
    10 * MINUTES,
  );

  it(
    'a poison message in each partition',
    async () => {
      const projector = cluster.projector(0);
      await projector.assigned();
      await cluster.publish(300);
      await cluster.poisonEach(6);
      await cluster.publish(300);
      await cluster.drained();
      await stopAll([projector]);
      await expectExact();
      expect((await cluster.letters()).size).toBe(cluster.poison.size);
    },
    3 * MINUTES,
  );

  it(
    'everything delivered again, from the first offset, three times',
    async () => {
      for (let time = 0; time < 3; time++) {
        await cluster.rewind();
        const projectors = [cluster.projector(0), cluster.projector(1)];
        await projectors[0]!.assigned();
        await cluster.drained();
        await stopAll(projectors);
      }
      await expectExact();
      expect((await cluster.letters()).size).toBe(cluster.poison.size);
      const ends = await withAdmin(cluster.kafka, (admin) => admin.fetchTopicOffsets(EVENTS));
      // The topic really held all of it.
      expect(ends.reduce((sum, { high }) => sum + Number(high), 0)).toBeGreaterThanOrEqual(cluster.published);
    },
    10 * MINUTES,
  );
});
