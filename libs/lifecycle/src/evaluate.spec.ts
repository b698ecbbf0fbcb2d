import { describe, expect, it } from '@jest/globals';
import type { RecordedFact } from './observations.js';
import {
  aliased,
  DAY,
  expiresAt,
  fact,
  HOUR,
  ISSUER,
  MINUTE,
  named,
  namesOf,
  SECOND,
  T0,
  use,
  viewOf,
} from './testing.js';

const issued = (at = 0, data: Record<string, unknown> = {}, names = {}) =>
  fact('token.issued', { at, names: { jti: 'a', ...names }, data });
const revoked = (at: number, names = { jti: 'a' }) => fact('token.revoked', { at, names });
const fence = (at: number, cutoff: number, match: Record<string, unknown>) =>
  fact('fence.raised', { at, data: { cutoff: T0 + cutoff, match } });

describe('status (MODEL §5.7)', () => {
  const all: [string, RecordedFact[]][] = [
    ['observed', [fact('token.observed', { names: { jti: 'a' } })]],
    ['issued', [issued()]],
    ['active', [use('a', 0)]],
    ['suspended', [fact('token.suspended', { names: { jti: 'a' } })]],
    ['expired', [fact('token.expired', { names: { jti: 'a' } })]],
    ['consumed', [fact('token.consumed', { names: { jti: 'a' }, source: 'envoy' })]],
    ['rotated', [fact('token.rotated', { names: { jti: 'a' } })]],
    ['revoked', [revoked(0)]],
    ['compromised', [fact('token.compromised', { names: { jti: 'a' } })]],
  ];
  it.each(all.map(([status], i) => [status, i] as const))('%s goes before everything weaker', (status, i) => {
    expect(
      viewOf(
        all.slice(0, i + 1).flatMap(([, facts]) => facts),
        'a',
      )?.status,
    ).toBe(status);
  });

  it('counts facts at the cut, and none after it', () => {
    expect(viewOf([issued(), revoked(HOUR)], 'a', HOUR)?.status).toBe('revoked');
    expect(viewOf([issued(), revoked(HOUR)], 'a', HOUR - 1)?.status).toBe('issued');
    expect(viewOf([issued(HOUR)], 'a', 0)).toBeUndefined();
  });

  it('expires at the instant itself, without leeway', () => {
    const facts = [issued(0, expiresAt(HOUR))];
    expect(viewOf(facts, 'a', HOUR - 1)?.status).toBe('issued');
    expect(viewOf(facts, 'a', HOUR)).toMatchObject({ status: 'expired', cause: 'expired' });
    expect(viewOf(facts, 'a', HOUR)?.endedAt).toBeUndefined();
  });

  it('is none of a token that an alias or a dark launch alone speaks of', () => {
    expect(viewOf(aliased({ jti: 'a', tok: 'x' }), 'a')).toBeUndefined();
    expect(viewOf([use('a', 0, { data: { shadow: true } })], 'a')).toBeUndefined();
  });

  it('leaves a dark launch among the uses without letting it count', () => {
    const view = viewOf([issued(HOUR), use('a', 0, { data: { shadow: true, iat: T0 - DAY } })], 'a');
    expect(view).toMatchObject({ status: 'issued', birth: T0 + HOUR, uses: [{ shadow: true }] });
    expect(view?.iat).toBeUndefined();
  });
});

describe('expiry (MODEL §5.2)', () => {
  const renewed = (at: number, to: number, record?: string) =>
    fact('token.renewed', { at, names: { jti: 'a' }, data: expiresAt(to), ...(record !== undefined && { record }) });
  const at = (facts: RecordedFact[], T = 365 * DAY) => {
    const expiry = viewOf(facts, 'a', T)?.expiry;
    return expiry?.kind === 'at' ? expiry.at! - T0 : expiry?.kind;
  };

  it('is the issuer’s before a gateway’s, and says so where it is later', () => {
    const facts = [use('a', 0, { data: expiresAt(HOUR) }), issued(0, expiresAt(2 * HOUR))];
    expect(at(facts)).toBe(2 * HOUR);
    expect(viewOf(facts, 'a')?.flags).toEqual(['conflict', 'expiryReplaced']);
  });

  it('is that of the latest renewal at the cut; of two at one instant the earlier', () => {
    const facts = [issued(0, expiresAt(HOUR)), renewed(MINUTE, 3 * HOUR), renewed(2 * MINUTE, 2 * HOUR)];
    expect(at(facts, 0)).toBe(HOUR);
    expect(at(facts, MINUTE)).toBe(3 * HOUR);
    expect(at(facts)).toBe(2 * HOUR);
    expect(at([...facts, renewed(2 * MINUTE, 5 * HOUR)])).toBe(2 * HOUR);
  });

  it('is never prolonged by a record with a conflicting variant, and may be shortened by one', () => {
    const twice = (x: number, y: number) => [renewed(MINUTE, x, 'r'), renewed(MINUTE, y, 'r')];
    expect(at([issued(0, expiresAt(HOUR)), ...twice(2 * HOUR, 3 * HOUR)])).toBe(HOUR);
    expect(at([issued(0, expiresAt(HOUR)), ...twice(30 * MINUTE, 3 * HOUR)])).toBe(30 * MINUTE);
    const variants = [HOUR, 2 * HOUR].map((to) =>
      fact('token.issued', { names: { jti: 'a' }, data: expiresAt(to), record: 'r' }),
    );
    expect(at(variants)).toBe(HOUR);
  });

  it('conflicts where kind or instant differ, and in nothing else', () => {
    const raw = (r: number) => ({ expiry: { kind: 'at', at: T0 + HOUR, raw: r, unit: 's', flags: [] } });
    expect(viewOf([issued(0, raw(1)), issued(1, raw(2))], 'a')?.conflicts).toEqual([]);
    expect(viewOf([issued(0, expiresAt(HOUR)), issued(1, expiresAt(HOUR + 1))], 'a')?.conflicts).toEqual(['expiry']);
  });

  it('is not read from claims that a line calls unverified', () => {
    expect(at([use('a', 0, { data: { ...expiresAt(HOUR), verified: false } })])).toBe('unknown');
  });
});

describe('attributes', () => {
  it('take the highest authority, then the smallest bytes; sets are one value', () => {
    const scopes = (...s: string[]) => ({ scopes: s });
    const facts = [use('a', 0, { data: scopes('a') }), issued(0, scopes('z', 'b')), issued(1, scopes('b', 'z', 'z'))];
    expect(viewOf(facts, 'a')).toMatchObject({ scopes: ['b', 'z'], conflicts: ['scopes'] });
    expect(viewOf(facts.slice(1), 'a')?.conflicts).toEqual([]);
  });

  it('keep the eight best and say that there were more', () => {
    const facts = Array.from({ length: 9 }, (_, i) => issued(i, { alg: `A${i}` }));
    expect(viewOf(facts.slice(0, 8), 'a')?.flags).toEqual(['conflict']);
    expect(viewOf(facts.reverse(), 'a')).toMatchObject({ alg: 'A0', flags: ['conflict', 'overflow'] });
  });
});

describe('suspensions (MODEL §5.3)', () => {
  const op = (type: 'suspended' | 'reinstated', at: number, reasonId = 'q', record?: string) =>
    fact(`token.${type}`, { at, names: { jti: 'a' }, data: { reasonId }, ...(record !== undefined && { record }) });

  it('hold until the same cause is lifted; a tie suspends; another cause stays', () => {
    const held = (facts: RecordedFact[], at?: number) => viewOf([issued(), ...facts], 'a', at)?.suspended;
    const facts = [op('suspended', MINUTE), op('reinstated', HOUR)];
    expect(held(facts, 0)).toBe(false);
    expect(held(facts, HOUR - 1)).toBe(true);
    expect(held(facts, HOUR)).toBe(false);
    expect(held([...facts, op('suspended', HOUR)])).toBe(true);
    expect(held([op('suspended', HOUR), ...facts])).toBe(true);
    expect(held([...facts, op('suspended', MINUTE, 'other')])).toBe(true);
  });

  it('are not lifted by a record that has another variant', () => {
    const facts = [issued(), op('suspended', 0), op('reinstated', HOUR, 'q', 'r')];
    expect(viewOf(facts, 'a')?.suspended).toBe(false);
    expect(viewOf([...facts, op('reinstated', 2 * HOUR, 'q', 'r')], 'a')?.suspended).toBe(true);
  });

  it('of a subject reach its tokens', () => {
    const facts = [issued(0, {}, { sub: 'u' }), fact('subject.suspended', { at: HOUR, names: { sub: 'u' } })];
    expect(viewOf(facts, 'a')?.status).toBe('suspended');
    expect(viewOf([...facts, fact('subject.reinstated', { at: 2 * HOUR, names: { sub: 'u' } })], 'a')?.status).toBe(
      'issued',
    );
  });
});

describe('legal holds', () => {
  const hold = (type: 'placed' | 'released', at: number, names = {}, data = {}) =>
    fact(`legalhold.${type}`, { at, names, data: { hold: 'case 7', ...data } });
  const token = issued(0, {}, { sub: 'u' });
  const held = (facts: RecordedFact[], at?: number) => viewOf([token, ...facts], 'a', at)?.legalHold;

  it('stand from when they were placed, on a token or its subject, until released by their name', () => {
    for (const placed of [hold('placed', MINUTE, { jti: 'a' }), hold('placed', MINUTE, { sub: 'u' })]) {
      expect(held([placed], MINUTE - 1)).toBe(false);
      expect(held([placed], MINUTE)).toBe(true);
      const facts = [placed, hold('released', HOUR)];
      expect(held(facts, HOUR - 1)).toBe(true);
      expect(held(facts, HOUR)).toBe(false);
      expect(held([placed, hold('released', MINUTE)])).toBe(true);
      expect(held([placed, hold('released', HOUR, {}, { hold: 'case 8' })])).toBe(true);
    }
    expect(held([hold('placed', 0, { sub: 'v' })])).toBe(false);
  });
});

describe('fences and birth (MODEL §5.5)', () => {
  const sub = named('sub', 'u');
  const ends = (facts: RecordedFact[], cutoff = HOUR) =>
    viewOf([...facts, fence(HOUR, cutoff, { sub })], 'a')?.ends.some((e) => e.kind === 'fenced');
  const seen = (at: number, data = {}) => use('a', at, { names: { sub: 'u' }, data });

  it('end what was born before the cutoff, from when they were raised', () => {
    const facts = [issued(HOUR - 1, {}, { sub: 'u' }), fence(2 * HOUR, HOUR, { sub })];
    expect(viewOf(facts, 'a')).toMatchObject({ status: 'revoked', endedAt: T0 + 2 * HOUR });
    expect(viewOf(facts, 'a', 2 * HOUR - 1)?.status).toBe('issued');
    expect(ends([issued(HOUR, {}, { sub: 'u' })])).toBe(false);
  });

  it.each([
    ['issuance before', [issued(HOUR - 1, {}, { sub: 'u' })], true],
    ['a gateway two hours slow does not end a new login', [issued(HOUR + 1, {}, { sub: 'u' }), seen(-HOUR)], false],
    ['a sighting within five minutes counts', [issued(HOUR + MINUTE, {}, { sub: 'u' }), seen(HOUR - MINUTE)], true],
    ['at five minutes it still does', [issued(HOUR + 4 * MINUTE, {}, { sub: 'u' }), seen(HOUR - MINUTE)], true],
    ['just beyond five minutes it does not', [issued(HOUR, {}, { sub: 'u' }), seen(HOUR - 5 * MINUTE - 1)], false],
    ['iat before issuance', [issued(HOUR + 1, { iat: T0 + HOUR - 1 }, { sub: 'u' })], true],
    ['without issue time the first sighting', [seen(HOUR - 1), seen(2 * HOUR)], true],
    ['a line of 1970 says nothing', [seen(HOUR), seen(-T0)], false],
    ['nor does one from the future', [use('a', 2 * HOUR, { names: { sub: 'u' }, recordedAt: 0 })], false],
  ])('%s', (_what, facts, hit) => {
    expect(ends(facts)).toBe(hit);
  });

  it('wait for a sighting that is not from a clock in doubt', () => {
    const future = use('a', 2 * HOUR, { names: { sub: 'u' }, recordedAt: 0 });
    expect(ends([future], 3 * HOUR)).toBe(false);
    expect(ends([future, seen(2 * HOUR + 1)], 3 * HOUR)).toBe(true);
  });

  it('match everything that they name', () => {
    const token = issued(0, { kind: 'access', offline: false }, { sub: 'u', cli: 'c', ses: 's', kid: 'k' });
    const hit = (match: Record<string, unknown>) => viewOf([token, fence(HOUR, HOUR, match)], 'a')?.ends.length === 1;
    const { cli, ses, kid } = namesOf({ cli: 'c', ses: 's', kid: 'k' });
    expect(hit({ sub, cli, ses, kid, tokenKind: 'access', offline: false })).toBe(true);
    for (const other of [{ cli: named('cli', 'x') }, { ses: named('ses', 'x') }, { kid: named('kid', 'x') }])
      expect(hit({ sub, ...other })).toBe(false);
    expect(hit({ sub, tokenKind: 'refresh' })).toBe(false);
    expect(hit({ sub, offline: true })).toBe(false);
    expect(hit({ tokenKind: 'access' })).toBe(false);
  });

  it('spare offline grants at a logout, and wait where nothing says which it is', () => {
    const logout = fence(HOUR, HOUR, { ses: named('ses', 's'), offline: false });
    const hit = (data: Record<string, unknown>) =>
      viewOf([issued(0, data, { ses: 's' }), logout], 'a')?.ends.length === 1;
    expect(hit({ offline: false })).toBe(true);
    expect(hit({ scopes: ['openid'] })).toBe(true);
    expect(hit({ offline: true })).toBe(false);
    expect(hit({ scopes: ['openid', 'offline_access'] })).toBe(false);
    expect(hit({})).toBe(false);
  });

  it('are not escaped by another spelling of the subject, whoever states it later', () => {
    const odd = [seen(0), issued(0, {}, { sub: 'U' })];
    expect(ends(odd)).toBe(true);
    expect(viewOf(odd, 'a')?.subject).toBe(named('sub', 'U'));
  });
});

describe('keys and families', () => {
  it('a compromised key compromises each of its tokens, under any kid ever stated', () => {
    const facts = [use('a', 0, { names: { kid: 'k' } }), fact('key.compromised', { at: HOUR, names: { kid: 'k' } })];
    expect(viewOf(facts, 'a')).toMatchObject({ status: 'compromised', endedAt: T0 + HOUR, cause: 'key compromised' });
    expect(viewOf([...facts, issued(0, {}, { kid: 'k2' })], 'a')?.status).toBe('compromised');
  });

  const successor = { successor: named('jti', 'b') };
  it('the end of a grant ends members by rotation, also those issued after it', () => {
    const facts = [
      issued(0, {}, { fam: 'g' }),
      fact('token.rotated', { at: MINUTE, names: { jti: 'a' }, data: successor }),
      fact('token.issued', { at: HOUR, names: { jti: 'b' } }),
      fact('family.revoked', { at: 2 * MINUTE, names: { fam: 'g' } }),
    ];
    expect(viewOf(facts, 'b')).toMatchObject({
      status: 'revoked',
      endedAt: T0 + 2 * MINUTE,
      family: named('fam', 'g'),
    });
  });

  it('a family without a grant is ended by an end stated of one of its tokens', () => {
    const facts = [
      fact('token.rotated', { names: { jti: 'a' }, data: successor }),
      use('b', MINUTE),
      fact('family.revoked', { at: HOUR, names: { jti: 'a' } }),
    ];
    expect(viewOf(facts, 'b')?.ends).toMatchObject([{ kind: 'familyEnded', at: T0 + HOUR }]);
  });

  it('the two names of one token are one member', () => {
    const facts = [
      issued(0, {}, { fam: 'g' }),
      ...aliased({ jti: 'a', tok: 'x' }),
      fact('token.rotated', { names: { tok: 'x' }, data: successor }),
      use('b', 0),
      fact('family.revoked', { at: HOUR, names: { fam: 'g' } }),
    ];
    expect(viewOf(facts, 'b')?.status).toBe('revoked');
  });

  it('a consumer is of no family, and no token', () => {
    const facts = [use('a', 0), fact('token.validated', { names: { con: 'partner' }, data: { kind: 'apiKey' } })];
    expect(viewOf(facts, named('con', 'partner'))?.kind).toBe('consumer');
  });
});

describe('refusals (field case 4)', () => {
  const at = (t: number, refused: boolean, version: string, reason?: string) =>
    fact(refused ? 'token.rejected' : 'token.validated', {
      at: t * SECOND,
      version,
      names: { jti: 'a' },
      data: refused ? { class: 'who', ...(reason !== undefined && { reason }) } : { issuer: ISSUER },
    });
  const flags = (...facts: RecordedFact[]) => viewOf(facts, 'a')?.flags;

  it('are wrong where the same version accepts later, unresolved where nobody does, and never an end', () => {
    expect(flags(at(0, false, 'v1'), at(9, true, 'v2'), at(200, false, 'v2'))).toEqual(['wronglyRejected:v2']);
    expect(flags(at(0, false, 'v1'), at(9, true, 'v2'))).toEqual(['rejectedUnresolved']);
    expect(flags(at(0, false, 'v1'), at(9, true, 'v2'), at(200, false, 'v1'))).toEqual([]);
    expect(flags(at(0, true, 'v2', 'expired'))).toEqual([]);
    expect(viewOf([at(0, false, 'v1'), at(9, true, 'v2')], 'a')?.status).toBe('active');
  });
});
