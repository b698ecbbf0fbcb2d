import { describe, expect, it } from '@jest/globals';
import type { RecordedFact } from './observations.js';
import { DAY, fact, HOUR, MINUTE, SECOND, T0, use, viewOf } from './testing.js';

const spans = (facts: RecordedFact[]) =>
  viewOf(facts, 'a')!.uses.map(({ first, last, exact }) => [first - T0, last - T0, exact]);
const at = (...times: number[]) => times.map((time) => use('a', time));

describe('buckets of uses (MODEL §5.4)', () => {
  it('are minutes: two instants are both known, a third lies within', () => {
    expect(spans(at(0, 30 * SECOND))).toEqual([[0, 30 * SECOND, true]]);
    expect(spans(at(0, 20 * SECOND, 30 * SECOND))).toEqual([[0, 30 * SECOND, false]]);
    expect(spans(at(59 * SECOND, MINUTE))).toHaveLength(2);
  });

  it('are hours from 48 h before the latest use, days from 60 d', () => {
    const latest = 100 * DAY;
    const early = (age: number) => spans(at(latest, latest - age, latest - age + 10 * MINUTE)).length - 1;
    expect(early(48 * HOUR - HOUR)).toBe(2);
    expect(early(50 * HOUR)).toBe(1);
    // What is recent stays by the minute beside what is old.
    expect(spans(at(latest, latest - 10 * MINUTE, latest - 20 * MINUTE, latest - 50 * HOUR))).toHaveLength(4);
    const apart = (age: number) => spans(at(latest, latest - age, latest - age + 2 * HOUR)).length - 1;
    expect(apart(50 * HOUR)).toBe(2);
    expect(apart(62 * DAY)).toBe(1);
  });

  it('do not coarsen for a use from the future', () => {
    const future = use('a', 100 * DAY, { recordedAt: 0 });
    expect(spans([...at(0, 10 * MINUTE), future])).toHaveLength(3);
  });

  it('tell gateways, versions, outcomes, reasons, networks and agents apart', () => {
    const base = use('a', 0);
    const others = [
      use('a', 0, { gateway: 'gw-b' }),
      use('a', 0, { version: 'v2' }),
      use('a', 0, { names: { net: 'net-2' } }),
      use('a', 0, { data: { agent: 'x' } }),
      use('a', 0, { data: { status: 500 } }),
      use('a', 0, { source: 'kong' }),
      use('a', 0, { data: { proof: { present: false } } }),
      ...['expired', 'kid'].map((reason) =>
        fact('token.rejected', { names: { jti: 'a' }, data: { class: 'who', reason } }),
      ),
    ];
    expect(spans([base, ...others])).toHaveLength(1 + others.length);
    expect(spans([base, use('a', 1)])).toHaveLength(1);
  });

  it('take a summary for its first and last (MODEL §2.5)', () => {
    const summary = (count: number) => use('a', 0, { data: { count, firstAt: T0 + SECOND, lastAt: T0 + 9 * SECOND } });
    expect(spans([summary(5)])).toEqual([[SECOND, 9 * SECOND, false]]);
    expect(spans([summary(2)])).toEqual([[SECOND, 9 * SECOND, true]]);
    expect(viewOf([summary(5)], 'a')?.accepted[0]?.at).toBe(T0 + SECOND);
  });
});
