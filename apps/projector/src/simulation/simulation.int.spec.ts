import { describe, expect, it } from '@jest/globals';
import { runIntake, type Plant, type RunSeen } from './intake-run.js';

const SEEDS = 200;

describe('the simulation of the projector', () => {
  it(`keeps every promise over ${SEEDS} seeds`, async () => {
    const total: RunSeen = { events: 0, commits: 0, crashes: 0, rebalances: 0, late: 0 };
    for (let seed = 1; seed <= SEEDS; seed++) {
      let seen: RunSeen;
      try {
        seen = await runIntake(seed);
      } catch (error) {
        throw new Error(`seed ${seed} (npm run simulate -- --seed ${seed}): ${String(error)}`, { cause: error });
      }
      for (const key of Object.keys(total) as (keyof RunSeen)[]) total[key] += seen[key];
    }
    // The runs were not empty.
    expect(total.events).toBeGreaterThan(SEEDS * 50);
    expect(total.crashes).toBeGreaterThan(SEEDS / 2);
    expect(total.late).toBeGreaterThan(SEEDS / 2);
  });

  it('replays a seed exactly', async () => {
    expect(await runIntake(7)).toEqual(await runIntake(7));
  });

  const plants: [Plant, RegExp][] = [
    ['commit before acknowledgement', /durable when acknowledged/],
    ['cursor ahead of data', /once/],
    ['stale revision accepted', /once/],
    ['end of stream asked for', /once/],
  ];
  it.each(plants)('sees what is planted: %s', async (plant, expected) => {
    let found: unknown;
    for (let seed = 1; seed <= SEEDS && found === undefined; seed++) {
      await runIntake(seed, plant).catch((error: unknown) => (found = error));
    }
    expect(String(found)).toMatch(expected);
  });
});
