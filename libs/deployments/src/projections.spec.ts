import { describe, expect, it } from '@jest/globals';
import { attribute, lineageOf } from './attribution.js';
import { blueGreen, deployment, MINUTE, NOW, SWITCH, T0, use, view } from './fixtures.js';
import { declaredIntervals } from './intervals.js';
import { produced, timeCut } from './projections.js';

const at = (minutes: number): number => T0 + minutes * MINUTE;
const fact = (time: number, more: object = {}) => ({ first: time, last: time, ...more });

describe('the version of a fact', () => {
  const intervals = blueGreen();

  it('is the stamped one, whatever the intervals say', () => {
    expect(attribute(fact(at(1), { version: 'v9' }), intervals)).toEqual({ kind: 'stamped', version: 'v9' });
  });

  it('is derived where one interval contains it; the instant of the switch belongs to the new version', () => {
    expect(attribute(fact(SWITCH - 1), intervals)).toMatchObject({ kind: 'derived', version: 'v1' });
    expect(attribute(fact(SWITCH), intervals)).toMatchObject({ kind: 'derived', version: 'v2' });
  });

  it('is ambiguous where the clock error reaches over the switch, and where uses lie on both sides', () => {
    expect(attribute(fact(SWITCH), intervals, 500)).toEqual({ kind: 'ambiguous', candidates: ['v1', 'v2'] });
    expect(attribute({ first: SWITCH - 5, last: SWITCH + 5 }, intervals)).toMatchObject({ kind: 'ambiguous' });
    expect(attribute(fact(SWITCH - 501), intervals, 500)).toMatchObject({ kind: 'derived', version: 'v1' });
  });

  it('is ambiguous for uses that reach the end of the only interval, and for a cohort', () => {
    const ended = declaredIntervals([
      deployment('activated', T0, { version: 'v1' }),
      deployment('deactivated', SWITCH, { version: 'v1' }),
    ]);
    expect(attribute({ first: T0, last: SWITCH - 1 }, ended)).toMatchObject({ kind: 'derived' });
    expect(attribute({ first: T0, last: SWITCH }, ended)).toEqual({ kind: 'ambiguous', candidates: ['v1'] });
    const cohort = declaredIntervals([deployment('activated', T0, { version: 'v1', cohort: 'beta' })]);
    expect(attribute(fact(NOW), cohort)).toEqual({ kind: 'ambiguous', candidates: ['v1'] });
  });

  it('is unknown outside of every interval', () => {
    expect(attribute(fact(T0 - 1), intervals)).toEqual({ kind: 'unknown' });
  });

  it('is ambiguous in a canary, whose share a fact does not show', () => {
    const canary = declaredIntervals([
      deployment('activated', T0, { version: 'v1' }),
      deployment('activated', SWITCH, { version: 'v2', weight: 0.05 }),
    ]);
    expect(attribute(fact(NOW), canary)).toMatchObject({ candidates: ['v1', 'v2'] });
    const alone = declaredIntervals([deployment('activated', T0, { version: 'v2', weight: 0.05 })]);
    expect(attribute(fact(NOW), alone)).toEqual({ kind: 'ambiguous', candidates: ['v2'] });
  });

  it('follows the gateway: a taken-over gateway is the new version, the others stay, an unknown one is ambiguous', () => {
    const part = declaredIntervals([
      deployment('activated', T0, { version: 'v1' }),
      deployment('activated', SWITCH, { version: 'v2', gateway: 'gw-a' }),
    ]);
    expect(attribute(fact(NOW, { gateway: 'gw-a' }), part)).toMatchObject({ version: 'v2' });
    expect(attribute(fact(NOW, { gateway: 'gw-b' }), part)).toMatchObject({ version: 'v1' });
    expect(attribute(fact(NOW), part)).toMatchObject({ candidates: ['v1', 'v2'] });
  });

  it('is never an interval of no length', () => {
    const empty = declaredIntervals([
      deployment('activated', T0, { version: 'v1' }),
      deployment('activated', SWITCH, { version: 'v2', weight: 0.5 }),
      deployment('deactivated', SWITCH, { version: 'v2' }),
    ]);
    expect(attribute(fact(SWITCH), empty, 10)).toMatchObject({ kind: 'derived', version: 'v1' });
  });

  it('lineage follows declared ancestors and survives a circle', () => {
    const lines = new Map([
      ['v2', ['v1']],
      ['v1', ['v0', 'v2']],
    ]);
    expect(lineageOf('v2', lines)).toEqual(['v0', 'v1', 'v2']);
  });
});

describe('P1, time', () => {
  it('cuts one millisecond before the off, and now while the version is active', () => {
    const v1 = timeCut(blueGreen(), { component: 'gateway', version: 'v1', now: NOW });
    expect(v1).toMatchObject({ applicable: true, cut: { T: SWITCH - 1 }, stillActive: false });
    const v2 = timeCut(blueGreen(), { component: 'gateway', version: 'v2', now: NOW });
    expect(v2).toMatchObject({ cut: { T: NOW }, stillActive: true });
  });

  it('gives each gateway its own cut, and issuer facts the latest', () => {
    const intervals = declaredIntervals(
      ['gw-a', 'gw-b'].flatMap((gateway, i) => [
        deployment('activated', T0, { version: 'v1', gateway }),
        deployment('activated', at(10 + i), { version: 'v2', gateway }),
      ]),
    );
    const answer = timeCut(intervals, { component: 'gateway', version: 'v1', now: NOW });
    expect(answer).toMatchObject({ cut: { T: at(11) - 1, gateways: new Map([['gw-a', at(10) - 1]]) } });
  });

  it('a gateway taken out of a wider activation was cut then', () => {
    const intervals = declaredIntervals([
      deployment('activated', T0, { version: 'v1' }),
      deployment('activated', SWITCH, { version: 'v2', gateway: 'gw-a' }),
    ]);
    const answer = timeCut(intervals, { component: 'gateway', version: 'v1', now: NOW });
    expect(answer).toMatchObject({ stillActive: true, cut: { T: NOW, gateways: new Map([['gw-a', SWITCH - 1]]) } });
  });

  it('a gateway that was given back was not cut', () => {
    const intervals = declaredIntervals([
      deployment('activated', T0, { version: 'v1' }),
      deployment('activated', SWITCH, { version: 'v2', gateway: 'gw-a' }),
      deployment('deactivated', at(12), { version: 'v2', gateway: 'gw-a' }),
    ]);
    const answer = timeCut(intervals, { component: 'gateway', version: 'v1', now: NOW });
    expect(answer).toMatchObject({ cut: { T: NOW } });
    expect(answer.applicable && answer.cut.gateways).toBeUndefined();
  });

  it('a region that never got the version is not applicable, which is no empty answer', () => {
    const intervals = declaredIntervals([deployment('activated', T0, { version: 'v1', region: 'eu' })]);
    const ask = { component: 'gateway', version: 'v1', now: NOW };
    expect(timeCut(intervals, { ...ask, region: 'us' })).toEqual({
      applicable: false,
      why: 'v1 was never active at region us',
    });
    expect(timeCut(intervals, { ...ask, region: 'eu' })).toMatchObject({ applicable: true });
  });
});

describe('P2, produced', () => {
  const context = { intervals: blueGreen(), version: 'v2', component: 'gateway', issues: false };
  const mixed = view({
    uses: [
      use({ first: at(1) }),
      use({ first: SWITCH, last: SWITCH }),
      use({ first: at(12), outcome: 'refused' }),
      use({ first: at(9), last: at(11) }),
      use({ first: T0 - 5 }),
    ],
    accepted: [
      { at: at(9), authority: 'gateway' },
      { at: T0 - 5, authority: 'gateway' },
    ],
  });

  it('keeps the facts of the version alone and counts what it cannot attribute', () => {
    const answer = produced(mixed, context);
    expect(answer.view?.uses.map((u) => u.first)).toEqual([SWITCH, at(12)]);
    expect(answer).toMatchObject({ by: ['used'], ambiguous: 1, unknown: 1 });
    expect(answer.view?.issuedAt).toBeUndefined();
    expect(answer.view?.status).toBe('observed');
  });

  it('every end counts, whoever stated it', () => {
    const ended = {
      ...mixed,
      status: 'revoked' as const,
      ends: [{ kind: 'revoked' as const, at: at(2), cause: 'x', authority: 'issuer' as const, version: 'v1' }],
    };
    expect(produced(ended, context).view).toMatchObject({ status: 'revoked', ends: [{ version: 'v1' }] });
  });

  it('a token of which no fact is the version’s is not among them', () => {
    expect(produced(view(), context).view).toBeUndefined();
  });

  it('facts of its lineage are its own, and those of another component are not', () => {
    expect(produced(view(), { ...context, lineages: new Map([['v2', ['v1']]]) }).view).toBeDefined();
    const elsewhere = { ...context, version: 'v1', componentOf: () => 'idp' };
    expect(produced(view({ accepted: [] }), elsewhere).view).toBeUndefined();
  });

  it('an unstamped issuance is the component’s only if it issues', () => {
    const issued = view({ uses: [], accepted: [], issuedAt: at(12), issuedBy: { at: at(12), authority: 'issuer' } });
    expect(produced(issued, context).view).toBeUndefined();
    expect(produced(issued, { ...context, issues: true })).toMatchObject({ by: ['issued'] });
  });
});
