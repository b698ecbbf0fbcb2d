import { describe, expect, it } from '@jest/globals';
import type { RecordedFact } from '../observations.js';
import {
  DAY,
  fact,
  findingsAt,
  HOUR,
  ISSUER,
  MINUTE,
  named,
  SECOND,
  SETTINGS,
  use,
  type FactFields,
} from '../testing.js';

/** D1 (MODEL §6): `a` is rotated at 0 from net-1, client c, agent app. */
const where = { net: 'net-1', cli: 'c' };
const rotated = (at = 0, successor = 'b', fields: FactFields = {}) =>
  fact('token.rotated', {
    at,
    ...fields,
    names: { jti: 'a', fam: 'g', sub: 'u', ...where, ...fields.names },
    data: { kind: 'refresh', successor: named('jti', successor), agent: 'app', verified: true },
  });
const again = (at: number, names: FactFields['names'] = where, agent?: string) =>
  fact('token.rejected', {
    at,
    source: 'keycloak',
    names: { jti: 'a', fam: 'g', sub: 'u', ...names },
    data: { class: 'who', reason: 'stale', verified: true, ...(agent !== undefined && { agent }) },
  });
const successor = (jti: string, parent = 'a') =>
  fact('token.issued', { at: 1, names: { jti, fam: 'g' }, data: { kind: 'refresh', parent: named('jti', parent) } });
const d1 = (facts: RecordedFact[], settings = SETTINGS) =>
  findingsAt(facts, 365 * DAY, settings).filter(({ rule }) => rule === 'D1');

const withGrace = (rotationGrace: number) => ({ ...SETTINGS, issuers: { [ISSUER]: { rotationGrace } } });
const other = { net: 'net-2', cli: 'c' };
const unknown = { cli: 'c' };

describe('D1, a rotated refresh token presented again', () => {
  it.each([
    ['within grace, from anywhere', again(5 * SECOND, other), 5 * SECOND, 'info', 'reuse within grace'],
    ['just past grace, from elsewhere', again(5 * SECOND + 1, other), 5 * SECOND, 'critical', 'refresh token reuse'],
    ['within 10 s, same client and network', again(10 * SECOND), 0, 'low', 'concurrent rotation'],
    ['past 10 s, same network and agent', again(10 * SECOND + 1, where, 'app'), 0, 'medium', 'refresh token reuse'],
    ['past 10 s, same network, other agent', again(11 * SECOND, where, 'x'), 0, 'high', 'refresh token reuse'],
    ['an unknown agent is another', again(11 * SECOND, where), 0, 'high', 'refresh token reuse'],
    ['within 10 s, other client', again(SECOND, { net: 'net-1', cli: 'd' }, 'app'), 0, 'medium', 'refresh token reuse'],
    ['within 10 s, other network', again(SECOND, other), 0, 'critical', 'refresh token reuse'],
    ['unknown network', again(41 * MINUTE, unknown, 'app'), 0, 'critical', 'refresh token reuse'],
  ])('%s', (_what, presented, grace, severity, kind) => {
    expect(d1([rotated(), presented], withGrace(grace))).toMatchObject([
      { severity, kind, tokens: [named('jti', 'a'), named('jti', 'b')] },
    ]);
  });

  it('is graded by its worst presentation, and each is classed', () => {
    const [found] = d1([rotated(), again(13), again(41 * MINUTE, other)]);
    expect(found).toMatchObject({ severity: 'critical', evidence: { gapsMs: [13, 41 * MINUTE], exact: true } });
    expect(found!.evidence['presentations']).toMatchObject([{ grade: 'low' }, { grade: 'critical' }]);
  });

  it('is no finding before the rotation, nor by the rotation itself, nor in a dark launch', () => {
    const shadow = use('a', HOUR, { data: { shadow: true } });
    expect(d1([again(-1), rotated(), shadow])).toEqual([]);
  });

  it('names the family, and is final once the issuer has reported past it', () => {
    const facts = [rotated(), successor('b'), again(HOUR, other)];
    expect(d1(facts)).toMatchObject([
      { provisional: false, family: named('fam', 'g'), tokens: [named('jti', 'a'), named('jti', 'b')] },
    ]);
    expect(d1([rotated(), again(10 * SECOND)])).toMatchObject([{ provisional: true }]);
    expect(d1([rotated(), again(10 * SECOND), again(70 * SECOND)])).toMatchObject([
      { severity: 'high', provisional: false },
    ]);
  });

  it('names a forced re-login of the same subject and client within the minute, in a family that it opens', () => {
    const login = (at: number, names = {}, data = {}) =>
      fact('token.issued', { at, names: { jti: `l${at}`, sub: 'u', cli: 'c', fam: 'h', ...names }, data });
    const relogin = (...more: RecordedFact[]) =>
      d1([rotated(), again(13), again(21), ...more])[0]!.evidence['forcedRelogin'];
    expect(relogin(login(10 * SECOND))).toMatchObject({ afterMs: 10 * SECOND - 21, family: named('fam', 'h') });
    expect(relogin(login(60 * SECOND + 21))).toBeDefined();
    expect(relogin(login(60 * SECOND + 22))).toBeUndefined();
    expect(relogin(login(10 * SECOND, { cli: 'd' }))).toBeUndefined();
    expect(relogin(login(10 * SECOND, { fam: 'g' }))).toBeUndefined();
    expect(relogin(login(-HOUR), login(10 * SECOND))).toBeUndefined();
    expect(relogin(login(10 * SECOND, {}, { grantType: 'refresh_token' }))).toBeUndefined();
  });

  it('is critical with two successors that both are used later, within grace or not', () => {
    const used = (jti: string) => use(jti, HOUR, { names: { fam: 'g' } });
    const twice = [rotated(0, 'b'), rotated(SECOND, 'c'), successor('b'), successor('c')];
    const held = (...more: RecordedFact[]) => d1([...twice, ...more], withGrace(DAY))[0];
    expect(held(used('b'))).toMatchObject({ severity: 'info' });
    expect(held(used('b'), used('c'))).toMatchObject({
      severity: 'critical',
      kind: 'two live holders',
      evidence: { holders: [named('jti', 'b'), named('jti', 'c')].sort() },
    });
  });

  it('sees successors that only their own issuance names', () => {
    const facts = [rotated(0, 'b'), again(SECOND), successor('b'), successor('c'), use('b', HOUR), use('c', HOUR)];
    expect(d1(facts)).toMatchObject([{ kind: 'two live holders' }]);
  });

  it('says at least where it no longer knows each of many', () => {
    const [found] = d1([rotated(), again(61_000), again(62_000), again(63_000)]);
    expect(found).toMatchObject({ evidence: { exact: false } });
    expect(found!.summary).toMatch(/at least 2 time/);
  });

  it('is none where a use only renews', () => {
    expect(d1([fact('token.renewed', { names: { jti: 'a' } }), again(HOUR, other)])).toEqual([]);
  });
});
