import { describe, expect, it } from '@jest/globals';
import { FORMATS, type SettingsInput } from '#lifecycle';
import { generateTraffic } from '#sources';
import { after, caseBytes, CASE_FILES, caseSettings, Product, type Input, type Row } from './product.js';

const INSTANTS = [0, 1.2, 60, 599.999, 600, 900, 3600, 43_200, 400 * 86_400];

interface Answered {
  rows: Row[];
  digest: unknown;
  from: unknown;
  judged: number;
}

/** The states at each of these instants, and where they came from. */
async function statesOf(product: Product, asked: readonly Row[]): Promise<Answered[]> {
  const out: Answered[] = [];
  for (const params of asked) {
    const { rows, end } = await product.rows('state', params);
    out.push({ rows, digest: end['digest'], from: end['from'], judged: Number(end['judged'] ?? 0) });
  }
  return out;
}

/** Some of these tokens, each shown at its instant. */
async function shownOf(product: Product, states: readonly Answered[], asked: readonly Row[]): Promise<unknown[]> {
  const out: unknown[] = [];
  for (const [i, { rows }] of states.entries())
    for (const row of rows.filter((_row, n) => n % Math.ceil(rows.length / 10) === 0))
{
      const answer = await product.value<Row>('token.show', { ...asked[i], name: String(row['name']) });
      // Findings that were raised meanwhile are events, too.
      out.push({ ...answer, knownAt: null });
    }
  return out;
}

/** Asked of the ledger before ClickHouse has anything, and of ClickHouse once it has all. */
async function compare(inputs: readonly Input[], asked: readonly Row[], settings: SettingsInput = caseSettings()): Promise<{ rows: number; judged: number }> {
  const product = await Product.open(settings);
  try {
    for (const input of inputs) await product.ingest(input);
    const replayed = await statesOf(product, asked);
    const shown = await shownOf(product, replayed, asked);
    await product.settle();
    const read = await statesOf(product, asked);
    expect(await shownOf(product, replayed, asked)).toEqual(shown);
    expect(read.map(({ rows, digest }) => ({ rows, digest }))).toEqual(replayed.map(({ rows, digest }) => ({ rows, digest })));
    expect(new Set(replayed.map(({ from }) => from))).toEqual(new Set(['ledger']));
    expect(new Set(read.map(({ from }) => from))).toEqual(new Set(['clickhouse']));
    const sum = (of: (answer: Answered) => number): number => read.reduce((total, answer) => total + of(answer), 0);
    return { rows: sum(({ rows }) => rows.length), judged: sum(({ judged }) => judged) };
  } finally {
    await product.close();
  }
}

describe('states out of ClickHouse are those of the replay', () => {
  const cases = [...new Set(CASE_FILES.map((file) => file.slice(0, 2)))];

  it.each(cases)('in field case %s, at every instant that matters', async (number) => {
    const inputs = CASE_FILES.filter((file) => file.startsWith(number)).map(caseBytes);
    const { rows } = await compare(inputs, [
      ...INSTANTS.map((seconds) => ({ asOf: after(seconds) })),
      { asOf: after(3600), asKnownAt: 'position:p5' },
    ]);
    expect(rows).toBeGreaterThan(0);
  });

  it('of generated traffic, also as of a version that each gateway left at its own time; SQL alone answers most', async () => {
    const { lines, settings } = generateTraffic({ seed: 4, sessions: 120, minutes: 60, formats: FORMATS });
    const { rows, judged } = await compare(
      [[...lines].map(({ line }) => line)],
      [
        { asOf: 'time:2026-03-10T09:20:00Z' },
        { asOf: 'time:2026-03-10T09:45:00Z', asKnownAt: 'position:pdw' },
        { asOf: 'time:2026-03-12T09:00:00Z' },
        { asOf: 'version:v41', component: 'gateway' },
        { asOf: 'version:v42', component: 'gateway' },
      ],
      settings,
    );
    expect(rows).toBeGreaterThan(500);
    expect(judged / rows).toBeLessThan(0.05);
  });
});
