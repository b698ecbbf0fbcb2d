import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ACCESS, join, NO_EFFECT, settle, STEPS, VERDICTS, type Effect } from './effect.js';

const effect: fc.Arbitrary<Effect> = fc
  .record({
    access: fc.constantFrom(...ACCESS),
    notAfter: fc.option(fc.integer({ min: 0, max: 9 }), { nil: undefined }),
    reissue: fc.boolean(),
    steps: fc.subarray([...STEPS]),
    verdict: fc.constantFrom(...VERDICTS),
    reasons: fc.array(fc.record({ rule: fc.constantFrom('a', 'b'), text: fc.constantFrom('x', 'y') })),
    inherits: fc.constantFrom(undefined, 'suspend' as const, 'end' as const),
  })
  .map(({ notAfter, inherits, ...rest }) =>
    join(NO_EFFECT, {
      ...rest,
      ...(notAfter === undefined ? {} : { notAfter }),
      ...(inherits === undefined ? {} : { inherits }),
    }),
  );

describe('effects', () => {
  it('form a join-semilattice with no effect at the bottom', () => {
    fc.assert(
      fc.property(effect, effect, effect, (a, b, c) => {
        expect(join(a, b)).toEqual(join(b, a));
        expect(join(a, join(b, c))).toEqual(join(join(a, b), c));
        expect(join(a, a)).toEqual(a);
        expect(join(a, NO_EFFECT)).toEqual(a);
      }),
      { seed: 7 },
    );
  });

  it('settling takes back what a token that is not kept must not get, and nothing else', () => {
    fc.assert(
      fc.property(effect, (a) => {
        const settled = settle(a);
        expect({ ...settled, steps: a.steps }).toEqual(a);
        const kept = a.access === 'keep' ? a.steps : a.steps.filter((step) => step === 'pushEnd');
        expect(settled.steps).toEqual(kept);
        expect(settle(settled)).toEqual(settled);
      }),
      { seed: 7 },
    );
  });
});
