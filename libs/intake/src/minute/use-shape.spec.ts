import { describe, expect, it } from '@jest/globals';
import type { Draft } from '#sources';
import fc from 'fast-check';
import { isSameUse, knownOnly, textOfUse } from './use-shape.js';

const jti = `20${'ab'.repeat(15)}`;
const some = <T>(...values: T[]) => fc.constantFrom<T>(...values);
const data = fc.record(
  {
    status: some(200, 403),
    scopes: some([], ['a'], ['b'], ['a', 'b']),
    audiences: some({ kind: 'none' }, { kind: 'set', values: ['a'] }, { kind: 'set', values: ['b'] }, { kind: 'set' }),
    expiry: some(
      { kind: 'at', at: 1, flags: [] },
      { kind: 'at', at: 1, flags: ['odd'] },
      { kind: 'at', at: 2, flags: [] },
    ),
    proof: some({}, { present: true }, { present: false }),
    latency: some(1, 2),
  },
  { requiredKeys: [] },
);
const use: fc.Arbitrary<Draft> = fc.record(
  {
    type: some('token.validated', 'token.rejected'),
    time: fc.nat(3),
    names: some({ jti }, { jti, net: jti }, {}),
    data,
    gateway: some('a', 'b'),
    region: some('eu'),
  },
  { requiredKeys: ['type', 'time', 'names', 'data'] },
);

describe('shapes of uses', () => {
  it('are the same exactly where their texts are', () => {
    fc.assert(
      fc.property(use, use, (a, b) => {
        expect(isSameUse(knownOnly(a), b)).toBe(textOfUse(a) === textOfUse(b));
        expect(isSameUse(knownOnly(a), structuredClone(a))).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('differ by one element of a list in a list', () => {
    const said = (...flags: string[]): Draft => ({
      type: 'token.validated',
      time: 0,
      names: {},
      data: { expiry: { flags } },
    });
    expect(isSameUse(knownOnly(said('odd')), said('odd'))).toBe(true);
    expect(isSameUse(knownOnly(said('odd')), said('at-issue'))).toBe(false);
    expect(isSameUse(knownOnly(said('odd')), said('odd', 'odd'))).toBe(false);
  });
});
