import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { differenceOf, Filled, randomHistories, type Written } from './testing.js';

const RUNS = Number(process.env['AS_OF_RUNS'] ?? 25);
const SEED = Number(process.env['AS_OF_SEED'] ?? 20260310);

let filled: Filled;
const histories: Written[] = [];

beforeAll(async () => {
  filled = await Filled.open();
  const samples = fc.sample(randomHistories, { numRuns: RUNS, seed: SEED });
  for (const [n, of] of samples.entries()) histories.push(await filled.write(`t${n}`, of, n % 5 === 0));
  await filled.analytics.catchUp();
}, 600_000);
afterAll(() => filled.close());

describe('states as of (T, K) out of ClickHouse', () => {
  it('are to the last row those of the replay, whatever the history', async () => {
    const share = { plain: 0, judged: 0 };
    for (const [n, written] of histories.entries()) {
      // Pages of two tokens now and then: bounds fall between any two names.
      const page = n % 5 === 0 ? 2 : 1000;
      expect(await differenceOf(filled, written, { source: 'onsets' }, share)).toBeUndefined();
      expect(await differenceOf(filled, written, { source: 'facts', page }, share)).toBeUndefined();
    }
    // Neither path answers for the other.
    expect(share.plain).toBeGreaterThan(histories.length);
    expect(share.judged).toBeGreaterThan(histories.length);
  }, 600_000);
});
