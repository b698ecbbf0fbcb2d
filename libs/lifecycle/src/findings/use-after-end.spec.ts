import { describe, expect, it } from '@jest/globals';
import type { RecordedFact } from '../observations.js';
import {
  DAY,
  expiresAt,
  fact,
  findingsAt,
  MINUTE,
  named,
  SECOND,
  SETTINGS,
  T0,
  use,
  type FactFields,
} from '../testing.js';

const settings = {
  sources: {
    ...SETTINGS.sources,
    envoy: { ...SETTINGS.sources!['envoy']!, clockError: 500, leeway: 60 * SECOND, propagationWindow: 60 * SECOND },
  },
};
const found = (rule: string, facts: RecordedFact[], changes: object = {}) =>
  findingsAt(facts, 365 * DAY, { ...settings, ...changes }).filter((f) => f.rule === rule);
const refused = (at: number, fields: FactFields = {}) =>
  fact('token.rejected', { at, gateway: 'gw-a', names: { jti: 'a' }, data: { class: 'who' }, ...fields });

describe('D2, use after revocation', () => {
  const END = 600 * SECOND;
  const revoked = fact('token.revoked', { at: END, names: { jti: 'a' } });
  const d2 = (uses: RecordedFact[], changes = {}) => found('D2', [revoked, ...uses], changes);

  it.each([
    [0, []],
    [500, []],
    [501, ['propagation lag', 'info']],
    [60 * SECOND, ['propagation lag', 'info']],
    [60 * SECOND + 1, ['enforcement gap', 'high']],
  ])('accepted %d ms later', (late, expected) => {
    expect(d2([use('a', END + late)]).flatMap((f) => [f.kind, f.severity])).toEqual(expected);
  });

  it('takes the gateway’s window before the profile’s, and the contract’s before both', () => {
    const uses = [use('a', END + 48 * SECOND, { version: 'v1' })];
    const gateways = { 'gw-a': { propagationWindow: 30 * SECOND } };
    const declared = (revocationWindowSeconds: number) =>
      fact('deployment.declared', {
        source: 'cd',
        data: { component: 'gateway', version: 'v1', contract: { revocationWindowSeconds } },
      });
    expect(d2(uses)).toMatchObject([{ kind: 'propagation lag' }]);
    expect(d2(uses, { gateways })).toMatchObject([{ kind: 'enforcement gap' }]);
    expect(d2([...uses, declared(50)], { gateways })).toMatchObject([{ kind: 'propagation lag' }]);
    expect(d2([...uses, declared(40)])).toMatchObject([{ kind: 'enforcement gap' }]);
  });

  it('measures the lag between last acceptance and first refusal, per gateway', () => {
    const uses = [use('a', END + 20 * SECOND), use('a', END + 48 * SECOND), refused(END + 75 * SECOND)];
    const elsewhere = use('a', END + DAY, { gateway: 'gw-b' });
    expect(d2([...uses, elsewhere]).map((f) => [f.gateway, f.evidence['lagMs']])).toEqual([
      ['gw-b', { atLeast: DAY }],
      ['gw-a', { atLeast: 48 * SECOND, atMost: 75 * SECOND }],
    ]);
  });

  it('is a sign of theft only beyond the window, with a network or agent never seen before', () => {
    const before = use('a', 0, { data: { agent: 'app' } });
    const late = (at: number, net: string) => use('a', END + at, { names: { net }, data: { agent: 'app' } });
    const severity = (...uses: RecordedFact[]) => d2(uses)[0]?.severity;
    expect(severity(before, late(DAY, 'net-1'))).toBe('high');
    expect(severity(before, late(DAY, 'net-9'))).toBe('critical');
    expect(severity(before, late(SECOND, 'net-9'))).toBe('info');
    expect(d2([before, late(SECOND, 'net-9')])[0]!.evidence['theftIndicator']).toBe(false);
    expect(severity(late(DAY, 'net-9'))).toBe('high');
    expect(severity(before, use('a', END + DAY, { data: { agent: 'x' } }))).toBe('critical');
  });

  it('is the same whether the revocation came before or after the uses', () => {
    const uses = [use('a', END + 20 * SECOND), use('a', END + 70 * SECOND)];
    expect(found('D2', [...uses, revoked])).toEqual(found('D2', [revoked, ...uses]));
  });

  it('also follows fences, families and keys, not a rotation or the end of a one-time token', () => {
    const uses = [use('a', 0, { names: { sub: 'u', kid: 'k' } }), use('a', END + DAY)];
    const ends = [
      fact('fence.raised', { at: END, data: { cutoff: T0 + END, match: { sub: named('sub', 'u') } } }),
      fact('key.compromised', { at: END, names: { kid: 'k' } }),
      fact('family.revoked', { at: END, names: { jti: 'a' } }),
    ];
    for (const end of ends) expect(found('D2', [...uses, end])).toHaveLength(1);
    for (const type of ['token.rotated', 'token.consumed'] as const)
      expect(found('D2', [...uses, fact(type, { at: END, names: { jti: 'a' } })])).toEqual([]);
  });

  it('knows a use exactly on each side of the border though the minute holds both', () => {
    const minute = END - (END % MINUTE);
    const facts = [minute, minute + 400, END + 600, END + 700].map((at) => use('a', at));
    expect(d2(facts)[0]!.evidence).toMatchObject({ lagMs: { atLeast: 700 } });
    const within = [400, 600, 700].map((late) => use('a', END + late));
    expect(d2(within)[0]!.summary).toMatch(/accepted 2 time/);
  });
});

describe('D3, use after expiry', () => {
  const EXP = 390 * SECOND;
  const d3 = (late: number, data: Record<string, unknown> = expiresAt(EXP)) =>
    found('D3', [use('a', 0, { data }), use('a', EXP + late)]).map((f) => `${f.kind} ${f.severity}`);

  it.each([
    [-1, []],
    [0, ['accepted within leeway info']],
    [60 * SECOND + 500, ['accepted within leeway info']],
    [60 * SECOND + 501, ['accepted after expiry high']],
  ])('accepted %d ms past exp', (late, expected) => {
    expect(d3(late)).toEqual(expected);
  });

  it('knows the first use past the expiry though the minute holds one before', () => {
    const late = [-SECOND, SECOND, 2 * SECOND].map((at) => use('a', EXP + at));
    const [finding] = found('D3', [use('a', 0, { data: expiresAt(EXP) }), ...late]);
    expect(finding!.evidence['uses']).toMatchObject([{ lateMs: SECOND }, { lateMs: 2 * SECOND }]);
  });

  it('names the intended expiry where the unit was suspect', () => {
    const expiry = { kind: 'at', at: T0 + EXP, raw: T0 + EXP, unit: 'ms', flags: ['unit-suspect'] };
    expect(d3(DAY, { expiry })).toEqual(['accepted after intended expiry high']);
  });

  it('is none of a refusal, a dark launch, or a token without expiry', () => {
    const facts = [use('a', 0, { data: expiresAt(EXP) }), refused(DAY), use('a', DAY, { data: { shadow: true } })];
    expect(found('D3', facts)).toEqual([]);
    expect(found('D3', [use('a', 0), use('a', DAY)])).toEqual([]);
  });
});
