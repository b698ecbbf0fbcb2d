import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { ASSUMPTIONS, assumptionTable, defaults, keptShare, MODES, plan, RATES, table } from './capacity.mjs';

const read = (name: string): string => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8');

describe('capacity on paper', () => {
  it('docs/capacity.md has the tables that the script prints', () => {
    const page = read('docs/capacity.md');
    expect(page).toContain(assumptionTable());
    expect(page).toContain(table());
  });

  it('names a source for each number, and takes measured ones as they were measured', () => {
    for (const [, , what, source] of Object.values(ASSUMPTIONS))
      for (const text of [what, source]) expect(text).not.toBe('');
    const results = read('bench/RESULTS.md');
    for (const figure of ['17,787', '16,706']) expect(results).toContain(figure);
    expect(defaults['recordsPerCore']).toBeLessThanOrEqual(17_787 / 2 + 10);
    expect(defaults['batchEvents']).toBe(10_000);
  });

  it('folds as docs/uses.md says: two hundred tokens at two gateways, a tenth of the requests', () => {
    expect(read('docs/uses.md')).toContain('0.1 a request');
    expect(keptShare(200, defaults)).toBeCloseTo(0.098, 2);
    expect(keptShare(8192 / 4, defaults)).toBeGreaterThan(0.8);
    expect(keptShare(1e6, defaults)).toBe(1);
  });

  it('never asks less of a part for more requests, nor more for folding', () => {
    for (const mode of MODES) {
      const plans = RATES.map((rate) => plan(rate, mode));
      for (const part of ['partitions', 'cores', 'ledgers', 'ledgerTbDay'] as const) {
        const needs = plans.map((each) => each[part]);
        expect(needs).toEqual([...needs].sort((a, b) => a - b));
      }
    }
    for (const rate of RATES) {
      const [each, minute, summaries] = MODES.map((mode) => plan(rate, mode).events);
      expect(minute!).toBeLessThanOrEqual(each!);
      expect(summaries!).toBeLessThanOrEqual(minute!);
      for (const mode of MODES) {
        const { events, ledgers, writers, records, partitions } = plan(rate, mode);
        expect(events / ledgers).toBeLessThanOrEqual(defaults['eventsPerLedger']!);
        expect(events / writers).toBeLessThanOrEqual(defaults['factsPerWriter']!);
        expect(records / partitions).toBeLessThanOrEqual(defaults['recordsPerPartition']!);
      }
    }
  });
});
