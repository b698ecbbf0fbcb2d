import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { History, stateLine, type Cut } from '#lifecycle';
import { LedgerHistory } from '#ledger';
import type { OnsetSource } from './asked.js';
import { AsOfStates } from './states.js';
import { HOUR, SECOND, settingsFact, T0, use } from '../../../lifecycle/src/testing.js';
import { Filled, ofTenant, randomHistories, type RandomHistory, type Written } from './testing.js';

const RUNS = Number(process.env['AS_OF_RUNS'] ?? 40);
const SEED = Number(process.env['AS_OF_SEED'] ?? 20260310);

let filled: Filled;
const histories: Written[] = [];

beforeAll(async () => {
  filled = await Filled.open();
  const samples = [CUT_IN_A_ROW, ...fc.sample(randomHistories, { numRuns: RUNS, seed: SEED })];
  for (const [n, of] of samples.entries()) histories.push(await filled.write(`t${n}`, of, n % 5 === 0));
  await filled.analytics.catchUp();
}, 600_000);
afterAll(() => filled.close());

function replayed(tenant: string, cut: Cut, K: bigint): string[] {
  const history = new History(new LedgerHistory(filled.scan, tenant, K));
  return [...history.views(cut)].filter(({ view }) => view.kind !== 'consumer').map(({ view }) => stateLine(view));
}

async function answered(states: AsOfStates, cut: Cut, source: OnsetSource, page: number): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of states.lines(cut, { source, page })) lines.push(line);
  return lines;
}

/** One row of `onsets` says when a gateway first accepted it; K lies between the two facts that it is made of. */
const CUT_IN_A_ROW: RandomHistory = {
  facts: [settingsFact(), use('j0', 40 * SECOND), use('j0', 5 * SECOND)].map((fact) => ({
    fact,
    recordedAt: T0 + HOUR,
  })),
  asked: [2, 3].flatMap((upTo) => [4, 5, 39, 40].map((at) => ({ upTo, T: T0 + at * SECOND, gateways: [] }))),
};

describe('states as of (T, K) out of ClickHouse', () => {
  it('are to the last row those of the replay, whatever the history', async () => {
    const { engine } = filled.analytics;
    const reached = await filled.analytics.reached();
    const share = { plain: 0, judged: 0 };
    for (const [n, { tenant, of, positions }] of histories.entries()) {
      for (const { upTo, T, gateways } of of.asked) {
        const cut: Cut = gateways.length === 0 ? { T } : { T, gateways: new Map(gateways) };
        const K = upTo >= positions.length ? reached : positions[upTo - 1]!;
        const states = new AsOfStates({ engine, reached }, tenant, K);
        const expected = replayed(tenant, cut, K);
        for (const [source, page] of [
          ['onsets', 1000],
          ['facts', n % 5 === 0 ? 2 : 1000],
        ] as const) {
          const found = await answered(states, cut, source, page);
          if (found.join('') !== expected.join('')) {
            const facts = ofTenant(
              of.facts.map((each) => each.fact),
              tenant,
            ).map(
              (f, i) =>
                `${positions[i]} ${f.type} ${f.subject} ${f.time} ${JSON.stringify(f.names)} ${JSON.stringify(f.data)} ${f.source} ${f.gateway ?? ''} ${f.record.key.slice(0, 6)}`,
            );
            throw new Error(
              `${tenant} T=${T} K=${K} ${source} ${JSON.stringify(gateways)}\nreplay:\n${expected.join('')}\nclickhouse:\n${found.join('')}\nfacts:\n${facts.join('\n')}`,
            );
          }
        }
        share.plain += states.share.plain;
        share.judged += states.share.judged;
      }
    }
    console.log(share);
    expect(share.plain).toBeGreaterThan(0);
  }, 600_000);
});
