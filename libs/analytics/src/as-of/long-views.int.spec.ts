import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { History, type Cut, type Name, type TokenView } from '#lifecycle';
import { LedgerHistory } from '#ledger';
import { named } from '../../../lifecycle/src/testing.js';
import { AsOfStates } from './states.js';
import { Filled, longHistories, nameOfTenant, randomHistories, type RandomHistory, type Written } from './testing.js';

const RUNS = Number(process.env['AS_OF_RUNS'] ?? 12);
const SEED = Number(process.env['AS_OF_SEED'] ?? 20260310);

let filled: Filled;
const long: Written[] = [];
const short: Written[] = [];

beforeAll(async () => {
  filled = await Filled.open();
  const samples = (of: fc.Arbitrary<RandomHistory>, n: number): RandomHistory[] =>
    fc.sample(of, { numRuns: n, seed: SEED });
  // Batches are small, so that K cuts some and leaves others whole.
  for (const [n, of] of samples(longHistories, RUNS).entries()) long.push(await filled.write(`l${n}`, of, true));
  for (const [n, of] of samples(randomHistories, RUNS).entries())
    short.push(await filled.write(`s${n}`, of, n % 2 === 0));
  await filled.analytics.catchUp();
}, 600_000);
afterAll(() => filled.close());

/** In order of name; where a view leaves a field out, so does the other. */
function inOrder(views: readonly { view: TokenView }[]): TokenView[] {
  return views.map(({ view }) => view).sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function compare({ tenant, of, positions }: Written, names: readonly Name[], longFrom: number): Promise<number> {
  const { engine } = filled.analytics;
  const reached = await filled.analytics.reached();
  let compared = 0;
  for (const { upTo, T, gateways } of of.asked) {
    const cut: Cut = gateways.length === 0 ? { T } : { T, gateways: new Map(gateways) };
    for (const K of [reached, positions[Math.min(upTo, positions.length) - 1]!]) {
      const history = new History(new LedgerHistory(filled.scan, tenant, K));
      const states = new AsOfStates({ engine, reached }, tenant, K);
      const borders = [T - 3_600_000];
      for (const name of names) {
        const expected = inOrder(history.unitViews(name, cut, borders));
        const found = inOrder((await states.tokens([name], cut, borders, longFrom)).views);
        expect({ tenant, T, K, found }).toEqual({ tenant, T, K, found: expected });
        compared += expected.length;
      }
    }
  }
  return compared;
}

describe('views of tokens out of ClickHouse are those of the replay, field by field', () => {
  it('also where buckets of uses stand for their facts', async () => {
    let compared = 0;
    for (const written of long)
      compared += await compare(written, [nameOfTenant(named('jti', 'j0'), written.tenant)], 0);
    expect(compared).toBeGreaterThan(RUNS);
  }, 600_000);

  it('of any history, from all facts and from reduced ones', async () => {
    for (const [n, written] of short.entries()) {
      const names = ['j0', 'j1'].map((text) => nameOfTenant(named('jti', text), written.tenant));
      await compare(written, [...names, nameOfTenant(named('tok', 't0'), written.tenant)], n % 2 === 0 ? 0 : Infinity);
    }
  }, 600_000);
});
