import { describe, expect, it } from '@jest/globals';
import type { RecordedFact } from '../observations.js';
import { aliased, DAY, fact, findingsAt, HOUR, ISSUER, MINUTE, named, SECOND, SETTINGS, T0, use } from '../testing.js';
import { issuerSpellings } from './inputs.js';

const found = (rule: string, facts: RecordedFact[], changes: object = {}, at = 365 * DAY) =>
  findingsAt(facts, at, { ...SETTINGS, ...changes }).filter((f) => f.rule === rule);

describe('clock skew (field case 3)', () => {
  const iat = { iat: T0 + 90 * SECOND };
  const refusal = (at: number, reason?: string) =>
    fact('token.rejected', {
      at,
      gateway: 'gw-a',
      names: { tok: 'x' },
      data: { class: 'who', ...(reason && { reason }) },
    });

  it('is a lower bound per issuer and gateway, with the refusals that came of it', () => {
    const facts = [
      ...[1200, 18 * SECOND].map((at) => refusal(at, 'not-yet-valid')),
      use('a', 31 * SECOND, { names: { tok: 'x' }, data: iat }),
      ...aliased({ jti: 'a', tok: 'x' }),
    ];
    const [skew] = found('clock-skew', facts);
    expect(skew).toMatchObject({ kind: 'clock skew', severity: 'low', gateway: 'gw-a', tokens: [named('jti', 'a')] });
    expect(skew!.evidence).toMatchObject({ aheadMs: { atLeast: 88_800 }, issuer: ISSUER });
    expect(skew!.evidence['refusals']).toMatchObject([{ class: 'clock skew' }, { class: 'clock skew' }]);
  });

  it('is one incident for many tokens, with the highest bound', () => {
    const facts = [use('a', 0, { data: iat }), use('b', 80 * SECOND, { data: iat })];
    expect(found('clock-skew', facts)).toMatchObject([
      { tokens: [named('jti', 'a'), named('jti', 'b')].sort(), evidence: { aheadMs: { atLeast: 90 * SECOND } } },
    ]);
  });

  it('is about the token where the sighting is older than the slack of a birth', () => {
    const issued = fact('token.issued', { at: HOUR, names: { jti: 'a' } });
    expect(found('clock-skew', [issued, use('a', HOUR - 5 * MINUTE - 1)])).toMatchObject([
      { kind: 'seen before it was issued', severity: 'medium' },
    ]);
    expect(found('clock-skew', [issued, use('a', HOUR)])).toEqual([]);
  });
});

describe('what sources send', () => {
  it('an expiry read in another unit, and none at all', () => {
    const suspect = { expiry: { kind: 'at', at: T0, raw: T0, unit: 'ms', flags: ['unit-suspect'] } };
    const never = { expiry: { kind: 'never', raw: null, unit: 'none', flags: [] } };
    expect(found('expiry-unit-suspect', [use('a', 0, { data: suspect })])).toMatchObject([{ evidence: { raw: T0 } }]);
    const old = found('never-expires', [use('a', 0, { data: never }), use('a', HOUR)], {}, 400 * DAY);
    expect(old).toMatchObject([
      { severity: 'low', evidence: { ageMs: 400 * DAY, lastUse: '2026-03-10T10:00:00.000Z' } },
    ]);
  });

  it('one finding for a token that two gateways show', () => {
    const data = { expiry: { kind: 'never', raw: null, unit: 'none', flags: [] } };
    const facts = [use('a', 0, { data }), use('a', 1, { data, source: 'kong' })];
    expect(found('never-expires', facts)).toHaveLength(1);
  });

  it('an audience that is invalid, or missing where the settings ask for one', () => {
    const aud = (audiences: object) => use('a', 0, { data: { audiences } });
    const required = { issuers: { [ISSUER]: { audienceRequired: true } } };
    expect(found('audience', [aud({ kind: 'invalid', raw: '17' })])).toMatchObject([{ kind: 'audience invalid' }]);
    expect(found('audience', [aud({ kind: 'none' })], required)).toMatchObject([{ kind: 'audience missing' }]);
    expect(found('audience', [aud({ kind: 'none' })])).toEqual([]);
    expect(found('audience', [aud({ kind: 'set', values: ['x'] })], required)).toEqual([]);
  });

  it('credentials in clear: one finding a source and field, with every token', () => {
    const raw = (jti: string, ...paths: string[]) => use(jti, 0, { data: { raw: paths } });
    const findings = found('raw-credentials', [raw('a', 'cookie', 'query'), raw('b', 'cookie')]);
    expect(findings.map((f) => [f.evidence['field'], f.tokens.length]).sort()).toEqual([
      ['cookie', 2],
      ['query', 1],
    ]);
  });

  it('one record id with different content, wherever its variants landed', () => {
    const variants = ['a', 'b'].map((jti) => fact('token.revoked', { names: { jti }, record: 'r' }));
    const [conflict] = found('conflicting-duplicate', variants);
    expect(conflict!.evidence['variants']).toHaveLength(2);
    expect(conflict!.tokens).toHaveLength(2);
    expect(found('conflicting-duplicate', [variants[0]!, variants[0]!])).toEqual([]);
  });

  it('lines from the future, at any cut', () => {
    expect(found('future-dated', [use('a', DAY, { recordedAt: 0 })], {}, 0)).toMatchObject([{ provisional: false }]);
    expect(found('future-dated', [use('a', MINUTE, { recordedAt: 0 })])).toEqual([]);
  });

  it('numbers and other things that should name something', () => {
    const facts = [
      use('a', 0, { data: { notes: ['jti:integer'] } }),
      use('b', 0, { data: { notes: ['sub:not-a-name'] } }),
    ];
    expect(found('unusable-name', facts).map((f) => f.severity)).toEqual(['medium', 'info']);
  });
});

describe('issuers spelled otherwise (MODEL §1.2)', () => {
  const base = 'https://idp.example.com/realms/shop';
  it.each([
    ['http://idp.example.com/realms/shop', 1],
    ['https://IDP.example.com/realms/shop', 1],
    ['https://idp.example.com:443/realms/shop', 1],
    ['https://idp.example.com/realms/shop/', 1],
    ['idp.example.com/realms/shop', 1],
    ['https://idp.example.com:8443/realms/shop', 0],
    ['https://idp.example.com:80/realms/shop', 0],
    ['https://idp.example.com/realms/Shop', 0],
    ['https://idp.example.com/realms/shop//', 0],
    [base, 0],
  ])('%s: %d', (issuer, count) => {
    expect(issuerSpellings([base, issuer])).toHaveLength(count);
  });
});
