import { describe, expect, it } from '@jest/globals';
import type { Expiry, SourceProfile } from '#lifecycle';
import type { JsonObject } from './adapter.js';
import { flatClaims, readAudiences, readClaims, readScopes, type ClaimsReading } from './claims.js';
import { profileFor, readableContext } from './testing.js';

const ISS = 'https://idp.example.com/';
function read(claims: JsonObject, whole = true, changes: Partial<SourceProfile> = {}, header?: JsonObject) {
  return readClaims(
    claims,
    { pathOf: (claim) => `jwt.${claim}`, whole, header },
    readableContext(profileFor('envoy', changes)),
  );
}
const good = (...args: Parameters<typeof read>) => read(...args) as ClaimsReading;

describe('names from verified claims', () => {
  it('names token, subject, client, key and session within the issuer', () => {
    const claims = { iss: ISS, sub: 'u-1', jti: 't-1', azp: 'spa', sid: 's-1' };
    const reading = good(claims, true, {}, { kid: 'k-1', alg: 'RS256', typ: 'at+jwt' });
    expect(reading.names).toEqual({
      jti: `jti(${ISS}, t-1)`,
      sub: `sub(${ISS}, u-1)`,
      cli: `cli(${ISS}, spa)`,
      kid: `kid(${ISS}, k-1)`,
      ses: `ses(${ISS}, s-1)`,
    });
    expect(reading.data).toMatchObject({ kid: 'k-1', alg: 'RS256', typ: 'at+jwt', kind: 'access', verified: true });
    expect(reading.subject).toBe('u-1');
  });

  it.each([
    [42, '42', ['jti:integer']],
    [9007199254740993, undefined, ['jti:not-a-name']],
    [1.5, undefined, ['jti:not-a-name']],
    [true, undefined, ['jti:not-a-name']],
    [['t'], undefined, ['jti:not-a-name']],
    ['', undefined, []],
    [null, undefined, []],
    ['[redacted]', undefined, ['jti:redacted']],
  ])('jti %j names %j', (jti, text, notes) => {
    const reading = good({ iss: ISS, jti });
    expect(reading.names.jti).toBe(text === undefined ? undefined : `jti(${ISS}, ${text})`);
    expect(reading.notes).toEqual(notes);
  });

  it.each(['a\ud800', '\udc00', 'a\u0000b'])('refuses the record where %j should name something', (text) => {
    for (const claim of ['iss', 'sub', 'jti', 'client_id', 'sid']) {
      expect(read({ iss: ISS, [claim]: text })).toEqual({
        field: `jwt.${claim}`,
        reason: expect.stringContaining('surrogate'),
      });
    }
    expect(good({ iss: ISS, jti: 't', name: text }).names.jti).toBeDefined();
  });

  it('gives no jti name where the issuer’s jti is not unique, nor without an issuer', () => {
    expect(good({ iss: ISS, jti: 't' }, true, { jti: 'perGrant' }).names.jti).toBeUndefined();
    expect(good({ iss: ISS, jti: 't' }, true, { jti: 'none' }).data['jti']).toBe('t');
    expect(good({ jti: 't', sub: 'u' })).toMatchObject({ names: {}, notes: ['iss:absent'] });
  });

  it('joins issuers by the profile alone, byte for byte', () => {
    const issuers = { 'https://old.example.com': ISS, '': 'https://only.example.com/' };
    expect(good({ iss: 'https://old.example.com', jti: 't' }, true, { issuers }).names.jti).toBe(`jti(${ISS}, t)`);
    expect(good({ iss: 'https://old.example.com/', jti: 't' }, true, { issuers }).names.jti).toBe(
      'jti(https://old.example.com/, t)',
    );
    expect(good({ jti: 't' }, true, { issuers }).names.jti).toBe('jti(https://only.example.com/, t)');
  });
});

describe('times', () => {
  it.each<[JsonObject, Partial<Expiry>, string[]]>([
    [{ iat: 1773133200, exp: 1773136800 }, { kind: 'at', at: 1773136800000, flags: [] }, []],
    [{ iat: 1773133200.0, exp: '1773136800.5' }, { kind: 'at', at: 1773136800500 }, []],
    [
      { iat: '1773133200000', exp: '1773136800000' },
      { kind: 'at', at: 1773136800000, flags: ['unit-suspect'] },
      ['iat:unit-suspect'],
    ],
    [{ iat: 1773133200, exp: 4102444800 }, { kind: 'at', at: 4102444800000, flags: [] }, []],
    [{ iat: 1773133200, exp: 0 }, { kind: 'at', at: 1773133200000, flags: ['at-issue'] }, []],
    [{ iat: 1773133200, exp: 1773133200 }, { kind: 'at', flags: ['at-issue'] }, []],
    [{ iat: 1773133200 }, { kind: 'never' }, []],
    [{ iat: 1773133200, exp: null }, { kind: 'never' }, []],
    [{ iat: 1773133200, exp: '' }, { kind: 'never' }, []],
    [{ iat: 1773133200, exp: 99 }, { kind: 'at', at: 1773133200000, flags: ['at-issue'] }, []],
    [{ exp: 99 }, { kind: 'implausible' }, []],
    [{ iat: 'soon', exp: 'never' }, { kind: 'unknown' }, ['iat:implausible']],
    [{ exp: null }, { kind: 'unknown' }, []],
  ])('%j', (claims, expiry, notes) => {
    const reading = good(claims);
    expect(reading.data['expiry']).toMatchObject(expiry);
    expect(reading.notes).toEqual(notes);
  });

  it('takes an absent exp for never only where a payload or the iat beside it is shown', () => {
    expect(good({ iss: ISS, jti: 't' }, false).data['expiry']).toBeUndefined();
    expect(good({ iss: ISS, jti: 't' }, true).data['expiry']).toMatchObject({ kind: 'never' });
    expect(good({ iss: ISS, jti: 't', iat: '1773133200' }, false).data['expiry']).toMatchObject({ kind: 'never' });
    expect(good({ iss: ISS, jti: 't', exp: '' }, false).data['expiry']).toMatchObject({ kind: 'never' });
  });

  it('reads in the declared unit first', () => {
    expect(good({ iat: 1773133200000, exp: 1773136800000 }, true, { expUnit: 'ms' })).toMatchObject({
      notes: [],
      data: { expiry: { flags: [] } },
    });
  });
});

describe('lists', () => {
  it.each([
    ['x', { kind: 'set', values: ['x'] }],
    [['x'], { kind: 'set', values: ['x'] }],
    [['b', 'a', 'b'], { kind: 'set', values: ['a', 'b'] }],
    [['a', ''], { kind: 'set', values: ['a'] }],
    ['', { kind: 'none' }],
    [[], { kind: 'none' }],
    [null, { kind: 'none' }],
    [17, { kind: 'invalid', raw: '17' }],
    [['a', 17], { kind: 'invalid', raw: '["a",17]' }],
    [{ a: 1 }, { kind: 'invalid', raw: '{"a":1}' }],
    [true, { kind: 'invalid', raw: 'true' }],
    ['["a"]', { kind: 'set', values: ['["a"]'] }],
  ])('audience %j', (value, audiences) => expect(readAudiences(value)).toEqual(audiences));

  it('reads a list that a source flattened to text', () => {
    expect(readAudiences('["b","a"]', true)).toEqual({ kind: 'set', values: ['a', 'b'] });
    expect(readAudiences('[b', true)).toEqual({ kind: 'set', values: ['[b'] });
  });

  it('takes an absent audience for none only in a whole payload', () => {
    expect(good({ iss: ISS }).data['audiences']).toEqual({ kind: 'none' });
    expect(good({ iss: ISS }, false).data['audiences']).toBeUndefined();
  });

  it.each([
    ['b a  b', ['a', 'b']],
    [
      ['b', 'a'],
      ['a', 'b'],
    ],
    ['', []],
    [null, undefined],
    [7, undefined],
  ])('scopes %j', (value, scopes) => expect(readScopes(value)).toEqual(scopes));

  it('lists the names of claims only where all are shown', () => {
    expect(good({ sub: 'u', iss: ISS }).data['claims']).toEqual(['iss', 'sub']);
    expect(good({ sub: 'u', iss: ISS }, false).data['claims']).toBeUndefined();
  });

  it('counts actors, and keeps thumbprints', () => {
    const data = good({ iss: ISS, act: { sub: 'a', act: { sub: 'b' } }, cnf: { jkt: 'j', 'x5t#S256': 'x' } }).data;
    expect(data).toMatchObject({ actorDepth: 2, cnf: { jkt: 'j', x5t: 'x' } });
    expect(good({ iss: ISS, act: 'a' }).data['actorDepth']).toBeUndefined();
  });
});

describe('flatClaims', () => {
  it('is nothing where every claim is empty', () => {
    expect(flatClaims((claim) => (claim === 'exp' ? '' : claim === 'iss' ? '-' : undefined))).toBeUndefined();
    expect(flatClaims((claim) => (claim === 'jti' ? 't' : claim === 'exp' ? null : undefined))).toEqual({
      jti: 't',
      exp: null,
    });
  });
});
