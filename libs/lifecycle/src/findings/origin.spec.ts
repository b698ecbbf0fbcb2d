import { describe, expect, it } from '@jest/globals';
import type { RecordedFact } from '../observations.js';
import { DAY, expiresAt, fact, findingsAt, HOUR, ISSUER, MINUTE, named, SETTINGS, T0, use } from '../testing.js';

const found = (rule: string, facts: RecordedFact[], changes: object = {}) =>
  findingsAt(facts, 365 * DAY, { ...SETTINGS, ...changes }).filter((f) => f.rule === rule);
const issued = (jti: string, at: number, data = {}, names = {}) =>
  fact('token.issued', { at, names: { jti, ...names }, data });
const heartbeat = (at: number) => issued('other', at);

describe('D12, issuance not seen', () => {
  const d12 = (...facts: RecordedFact[]) => found('D12', facts).map((f) => (f.provisional ? 'provisional' : 'final'));

  it('waits for the issuer’s watermark past the acceptance and the lateness', () => {
    expect(d12(use('a', HOUR), heartbeat(HOUR + 5 * MINUTE - 1))).toEqual(['provisional']);
    expect(d12(use('a', HOUR), heartbeat(HOUR + 5 * MINUTE))).toEqual(['final']);
  });

  it('is silent while no source of the issuer has reported, and for issuers that none may issue for', () => {
    expect(d12(use('a', HOUR))).toEqual([]);
    expect(d12(use('a', HOUR, { data: { issuer: 'https://elsewhere.example.com' } }), heartbeat(DAY))).toEqual([]);
  });

  it('is withdrawn by an issuance that comes late, or is dated after the cut', () => {
    expect(d12(use('a', HOUR), heartbeat(DAY), issued('a', 0))).toEqual([]);
    const ahead = [use('a', 0), heartbeat(DAY), issued('a', 90_000)];
    expect(findingsAt(ahead, 1).filter((f) => f.rule === 'D12')).toEqual([]);
  });

  it('is none of refusals and of lines from the future', () => {
    const refused = fact('token.rejected', { names: { jti: 'a' }, data: { issuer: ISSUER, verified: true } });
    expect(d12(refused, use('b', DAY, { recordedAt: 0 }), heartbeat(2 * DAY))).toEqual([]);
  });

  it('stays provisional over a gap of the issuer’s source until its late facts are in', () => {
    const gap = (data: object) =>
      fact('source.gap', { data: { source: 'keycloak', from: T0 + HOUR, to: T0 + 2 * HOUR, ...data } });
    expect(d12(use('a', HOUR), heartbeat(DAY), gap({}))).toEqual(['provisional']);
    expect(d12(use('a', HOUR), heartbeat(DAY), gap({}), gap({ closed: true }))).toEqual(['final']);
  });
});

describe('D13, drift', () => {
  const exchanged = (jti: string, at: number, of: string, data = {}) =>
    fact('token.exchanged', { at, names: { jti }, data: { subjectToken: named('jti', of), ...data } });
  const d13 = (...facts: RecordedFact[]) => found('D13', facts).map((f) => `${f.tokens[0]} ${f.severity}`);
  const revoked = (jti: string, at: number) => fact('token.revoked', { at, names: { jti } });
  const high = (jti: string) => `${named('jti', jti)} high`;

  it('is an exchange after the end of its subject, of any standing kind', () => {
    expect(d13(issued('a', 0), revoked('a', HOUR), exchanged('b', HOUR + 1, 'a'))).toEqual([high('b')]);
    expect(d13(issued('a', 0), revoked('a', HOUR), exchanged('b', HOUR, 'a'))).toEqual([]);
    expect(d13(issued('a', 0, expiresAt(HOUR)), exchanged('b', HOUR + 1, 'a'))).toEqual([high('b')]);
    const rotated = fact('token.rotated', { at: HOUR, names: { jti: 'a' } });
    expect(d13(issued('a', 0), rotated, exchanged('b', 2 * HOUR, 'a'))).toEqual([]);
  });

  it('follows the subject of the subject, and circles to no end', () => {
    const chain = [issued('a', 0), exchanged('b', 1, 'a'), exchanged('c', DAY, 'b')];
    expect(d13(...chain, revoked('a', HOUR))).toEqual([high('c')]);
    expect(d13(exchanged('x', 2, 'y'), exchanged('y', 1, 'x'))).toEqual([]);
  });

  it('without a named subject takes the family’s access tokens: all ended is ended', () => {
    const of = fact('token.exchanged', { at: DAY, names: { jti: 'b' }, data: { subjectFamily: named('fam', 'g') } });
    const access = (jti: string, at = 0) => issued(jti, at, { kind: 'access' }, { fam: 'g' });
    const refresh = issued('r', 0, { kind: 'refresh' }, { fam: 'g' });
    expect(d13(of, refresh, access('a'), revoked('a', HOUR))).toEqual([high('b')]);
    expect(d13(of, refresh, access('a'), access('a2'), revoked('a', HOUR))).toEqual([]);
    expect(d13(of, access('a'), access('later', 2 * DAY), revoked('a', HOUR))).toEqual([high('b')]);
    expect(d13(of, refresh, revoked('r', HOUR))).toEqual([]);
  });

  it('is scopes beyond the parent, audiences outside the policy, a chain of actors that is too deep', () => {
    const scopes = (...s: string[]) => ({ scopes: s });
    expect(d13(issued('a', 0, scopes('r')), exchanged('b', 1, 'a', scopes('r', 'w')))).toEqual([
      `${named('jti', 'b')} medium`,
    ]);
    expect(d13(issued('a', 0, scopes('r', 'w')), exchanged('b', 1, 'a', scopes('r')))).toEqual([]);
    const audiences = { audiences: { kind: 'set', values: ['x'] } };
    const policy = (allowed: string[]) => ({ issuers: { [ISSUER]: { audiences: allowed } } });
    expect(found('D13', [issued('a', 0, audiences)], policy(['y']))).toHaveLength(1);
    expect(found('D13', [issued('a', 0, audiences)], policy(['x']))).toEqual([]);
    expect(d13(issued('a', 0, { actorDepth: 5 }))).toHaveLength(1);
    expect(d13(issued('a', 0, { actorDepth: 4 }))).toEqual([]);
  });
});

describe('D18, wrong kind of token accepted', () => {
  const d18 = (data: object, accessTokenTyp?: string, source = 'envoy') =>
    found('D18', [use('a', 0, { data: { ...data }, source })], { issuers: { [ISSUER]: { accessTokenTyp } } }).length;

  it.each([
    [{ kind: 'id' }, undefined, 1],
    [{ kind: 'logout' }, undefined, 1],
    [{ typ: 'secevent+jwt' }, undefined, 1],
    [{ typ: 'application/DPoP+jwt' }, undefined, 1],
    [{ typ: 'JWT' }, undefined, 0],
    [{ typ: 'JWT' }, 'at+jwt', 1],
    [{ typ: 'application/at+jwt' }, 'at+jwt', 0],
    [{}, 'at+jwt', 0],
  ])('%j where the issuer’s are %s: %d', (data, declared, count) => {
    expect(d18(data, declared)).toBe(count);
  });

  it('is what a gateway accepted, not what the issuer itself looked at', () => {
    expect(d18({ kind: 'id' }, undefined, 'keycloak')).toBe(0);
  });
});
