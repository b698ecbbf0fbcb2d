import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { activationsOf, selectActivation } from './activation.js';
import { deployment, MINUTE, NOW, SWITCH, T0 } from './fixtures.js';
import { declaredIntervals, type DeploymentFact, type Interval } from './intervals.js';
import { inferredIntervals, intervalsOf } from './sightings.js';

const brief = (intervals: Interval[]): string[] =>
  intervals.map(
    (i) =>
      `${i.version}@${i.scope.gateway ?? i.scope.region ?? i.scope.cohort ?? '*'} [${(i.on - T0) / MINUTE},${i.off === undefined ? '' : (i.off - T0) / MINUTE})`,
  );
const at = (minutes: number): number => T0 + minutes * MINUTE;
const on = (version: string, minutes: number, more: object = {}): DeploymentFact =>
  deployment('activated', at(minutes), { version, ...more });
const off = (version: string, minutes: number, more: object = {}): DeploymentFact =>
  deployment('deactivated', at(minutes), { version, ...more });
const weight = (version: string, minutes: number, value: number, more: object = {}): DeploymentFact =>
  deployment('weighted', at(minutes), { version, weight: value, ...more });

describe('declared intervals', () => {
  it('a version that takes everything ends the other (blue-green)', () => {
    expect(brief(declaredIntervals([on('v1', 0), on('v2', 10)]))).toEqual(['v1@* [0,10)', 'v2@* [10,)']);
  });

  it('a removal that names no version ends whatever serves there, and nothing elsewhere', () => {
    const facts = [
      on('v1', 0, { gateway: 'gw-a' }),
      on('v2', 5, { gateway: 'gw-b' }),
      off('*', 9, { gateway: 'gw-a' }),
    ];
    expect(brief(declaredIntervals(facts))).toEqual(['v1@gw-a [0,9)', 'v2@gw-b [5,)']);
  });

  it('switches gateway by gateway leave both active in between', () => {
    const facts = ['gw-a', 'gw-b'].flatMap((gateway, i) => [on('v1', 0, { gateway }), on('v2', 10 + i, { gateway })]);
    expect(brief(declaredIntervals(facts))).toEqual([
      'v1@gw-a [0,10)',
      'v1@gw-b [0,11)',
      'v2@gw-a [10,)',
      'v2@gw-b [11,)',
    ]);
  });

  it('a canary leaves the baseline active; its ramp is one interval, and the whole weight ends the baseline', () => {
    const facts = [
      on('v1', 0),
      on('v2', 10, { weight: 0.05, sticky: true }),
      weight('v2', 12, 0.5),
      weight('v2', 14, 1),
    ];
    const intervals = declaredIntervals(facts);
    expect(brief(intervals)).toEqual(['v1@* [0,14)', 'v2@* [10,)']);
    expect(intervals[1]!.weights.map((w) => w.weight)).toEqual([0.05, 0.5, 1]);
    expect(intervals[1]!.sticky).toBe(true);
  });

  it('weight nothing ends an interval, and an activation with weight nothing begins none', () => {
    const facts = [on('v1', 0), on('v2', 10, { weight: 0.1 }), weight('v2', 12, 0), on('v3', 13, { weight: 0 })];
    const intervals = declaredIntervals(facts);
    expect(brief(intervals)).toEqual(['v1@* [0,)', 'v2@* [10,12)']);
    expect(intervals[1]!.endedBy).toBe('weighted to nothing');
  });

  it('a rollback ends the one and begins the other; a rollback of it comes back', () => {
    const facts = [
      on('v1', 0),
      on('v2', 10),
      deployment('rolledback', at(20), { from: 'v2', to: 'v1' }),
      deployment('rolledback', at(25), { from: 'v1', to: 'v2' }),
    ];
    expect(brief(declaredIntervals(facts))).toEqual(['v1@* [0,10)', 'v2@* [10,20)', 'v1@* [20,25)', 'v2@* [25,)']);
  });

  it('rolling a canary back gives the baseline everything without a second interval', () => {
    const facts = [
      on('v1', 0),
      on('v2', 10, { weight: 0.05 }),
      deployment('rolledback', at(20), { from: 'v2', to: 'v1' }),
    ];
    expect(brief(declaredIntervals(facts))).toEqual(['v1@* [0,)', 'v2@* [10,20)']);
  });

  it('one gateway taken over is carved out of a wider activation, and given back', () => {
    const facts = [on('v1', 0), on('v2', 10, { gateway: 'gw-a' }), off('v2', 15, { gateway: 'gw-a' })];
    const [v1] = declaredIntervals(facts);
    expect(v1!.off).toBeUndefined();
    expect(v1!.carved).toEqual([{ scope: { gateway: 'gw-a' }, from: at(10), to: at(15) }]);
  });

  it('a gateway may be taken over again, and stays taken while anybody holds the whole of it', () => {
    const again = [
      on('v1', 0),
      on('v2', 10, { gateway: 'gw-a' }),
      off('v2', 15, { gateway: 'gw-a' }),
      on('v3', 20, { gateway: 'gw-a' }),
    ];
    expect(declaredIntervals(again)[0]!.carved).toMatchObject([{ to: at(15) }, { from: at(20) }]);
    const held = [...again, on('v4', 21, { gateway: 'gw-a', weight: 0.1 }), off('v4', 22, { gateway: 'gw-a' })];
    expect(declaredIntervals(held)[0]!.carved[1]).toEqual({ scope: { gateway: 'gw-a' }, from: at(20) });
  });

  it('an activation and a deactivation of one instant are an interval of no length', () => {
    expect(brief(declaredIntervals([on('v1', 0), off('v2', 10), on('v2', 10, { weight: 0.1 })]))).toEqual([
      'v1@* [0,)',
      'v2@* [10,10)',
    ]);
  });

  it('a restart of an active version within one instant leaves it active', () => {
    expect(brief(declaredIntervals([on('v1', 0), off('v1', 10), on('v1', 10)]))).toEqual(['v1@* [0,10)', 'v1@* [10,)']);
  });

  it('tenants and components are apart', () => {
    const other = { ...on('v9', 5), tenant: 'other' };
    const elsewhere = deployment('activated', at(5), { component: 'idp', version: 'v9' });
    expect(declaredIntervals([on('v1', 0), other, elsewhere]).every((i) => i.off === undefined)).toBe(true);
  });

  it('any order and repetition of the facts gives the same intervals', () => {
    const fact = fc
      .tuple(
        fc.constantFrom(on, off, (v: string, m: number, more: object) => weight(v, m, 0.5, more)),
        fc.constantFrom('v1', 'v2', 'v3'),
        fc.integer({ min: 0, max: 4 }),
        fc.constantFrom<object>({}, { gateway: 'gw-a' }, { gateway: 'gw-b' }, { region: 'eu' }, { cohort: 'beta' }),
      )
      .map(([make, version, minute, more]) => make(version, minute, more));
    fc.assert(
      fc.property(
        fc
          .array(fact, { maxLength: 10 })
          .chain((facts) =>
            fc.tuple(fc.constant(facts), fc.shuffledSubarray([...facts, ...facts], { minLength: facts.length * 2 })),
          ),
        ([facts, shuffled]) => {
          const intervals = declaredIntervals(facts);
          expect(declaredIntervals(shuffled)).toEqual(intervals);
          for (const i of intervals) expect(i.off ?? Infinity).toBeGreaterThanOrEqual(i.on);
        },
      ),
      { seed: 3, numRuns: 500 },
    );
  });
});

describe('inferred intervals', () => {
  const sighting = { component: 'gateway', version: 'v1', gateway: 'gw-a', first: at(1), last: at(5) };

  it('go from first to last sighting, both included, and are flagged', () => {
    const [interval] = inferredIntervals([{ ...sighting, first: at(2), last: at(3) }, sighting, sighting]);
    expect(interval).toMatchObject({ on: at(1), off: at(5) + 1, inferred: true });
  });

  it('give way to what is declared of the same version, and only of that', () => {
    const all = intervalsOf([on('v1', 0)], [sighting, { ...sighting, version: 'v0' }]);
    expect(all.map((i) => [i.version, i.inferred])).toEqual([
      ['v1', false],
      ['v0', true],
    ]);
  });
});

describe('the activation that is meant', () => {
  const twice = declaredIntervals([on('v1', 0), on('v2', 10), on('v1', 15), on('v2', 20), off('v2', 25)]);
  const ask = (version: string, n?: number, now = NOW) =>
    selectActivation(twice, { component: 'gateway', version, now, ...(n === undefined ? {} : { n }) });

  it('is the latest, and the answer says so', () => {
    const { activation, notes } = ask('v2');
    expect(activation.on).toBe(at(20));
    expect(notes).toContain('v2 was activated 2 times; this is activation 2, the latest');
  });

  it('is the n-th if asked, and none beyond', () => {
    expect(ask('v2', 1).activation.on).toBe(at(10));
    expect(() => ask('v2', 3)).toThrow(expect.objectContaining({ code: 'TALLY_INTERVAL_UNKNOWN' }));
  });

  it('a version never activated is an error, and so is a component that nobody knows', () => {
    expect(() => ask('v3')).toThrow(expect.objectContaining({ code: 'TALLY_VERSION_UNKNOWN' }));
    expect(() => selectActivation(twice, { component: 'idp', version: 'v1', now: NOW })).toThrow(
      expect.objectContaining({ code: 'TALLY_COMPONENT_UNKNOWN' }),
    );
  });

  it('what comes later than the question is not known to it', () => {
    const { activation, notes } = ask('v2', undefined, at(12));
    expect(activation.of).toBe(1);
    expect(activation.off).toBeUndefined();
    expect(notes).toContain('v2 is still active');
    expect(() => ask('v2', undefined, at(5))).toThrow(expect.objectContaining({ code: 'TALLY_VERSION_UNKNOWN' }));
  });

  it('an empty activation is passed over for one that served, and said to be empty if it is the only one', () => {
    const empty = [on('v3', 26, { weight: 0.5 }), off('v3', 26)];
    const only = selectActivation(declaredIntervals([on('v1', 0), ...empty]), {
      component: 'gateway',
      version: 'v3',
      now: NOW,
    });
    expect(only.activation.empty).toBe(true);
    expect(only.notes.join()).toContain('lasted no time');
    const both = declaredIntervals([on('v3', 1), off('v3', 2), ...empty]);
    expect(selectActivation(both, { component: 'gateway', version: 'v3', now: NOW }).activation.on).toBe(at(1));
  });

  it('sightings apart in time are one activation: silence is no end', () => {
    const seen = (gateway: string, first: number) => ({
      component: 'gateway',
      version: 'v1',
      gateway,
      first: at(first),
      last: at(first + 1),
    });
    expect(activationsOf(inferredIntervals([seen('gw-a', 0), seen('gw-b', 9)]), 'gateway', 'v1')).toHaveLength(1);
  });

  it('gateways switched one after another are one activation', () => {
    const facts = ['gw-a', 'gw-b', 'gw-c'].map((gateway, i) => on('v2', 10 + i, { gateway }));
    expect(activationsOf(declaredIntervals(facts), 'gateway', 'v2')).toHaveLength(1);
    expect(SWITCH).toBe(at(10));
  });
});
