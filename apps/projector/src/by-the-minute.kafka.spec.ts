import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { seeded } from '../../../libs/intake/src/kafka/testing/virtual-time.js';
import { Cluster } from './testing/cluster.js';

const MINUTES = 60_000;
const PARTITIONS = 6;
const RANGE = 1000;
const random = seeded(12);

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start({ sources: { kong: { format: 'kong', uses: 'minute' } } });
}, 5 * MINUTES);
afterEach(() => cluster?.killProjectors());
afterAll(() => cluster?.stop());

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

it(
  'each use counts once by the minute, though the projector and its reading threads die in open ranges',
  async () => {
    const begin = (): ReturnType<Cluster['projector']> => cluster.projector(0, ['--range', String(RANGE)]);
    let projector = begin();
    for (let kill = 0; kill < 6; kill++) {
      await projector.assigned();
      // Not whole ranges: what was read of the last ones is lost with the process.
      await cluster.publishEach(PARTITIONS, RANGE + (kill % 2 === 0 ? 370 : 630));
      await pause(random() * 600);
      await projector.kill();
      projector = begin();
    }
    await cluster.drained();
    expect(projector.stderr()).toContain('threads of their own read');
    expect(await projector.stop()).toBe(0);
    const { events, uses } = await cluster.uses();
    expect(uses).toBe(cluster.published);
    expect(events).toBeLessThan(uses / 2);

    // All of it again, in ranges that begin where the first ones began: the same events.
    await cluster.rewind();
    const again = begin();
    await again.assigned();
    await cluster.drained();
    expect(await again.stop()).toBe(0);
    expect(await cluster.uses()).toEqual({ events, uses });
  },
  10 * MINUTES,
);
