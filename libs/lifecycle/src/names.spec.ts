import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createHash } from 'node:crypto';
import {
  EMPTY_SHA256,
  isName,
  kindOfName,
  lengthPrefixed,
  nameOf,
  nameOfRawToken,
  nameOfTokenDigest,
  namingSecrets,
  NAME_KINDS,
  placementOf,
  readNaming,
  type NameKind,
} from './names.js';

const [a, b] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
const secrets = namingSecrets(3, a, b);

describe('names (MODEL §1.1)', () => {
  it('begin with the kind and the version of the secret, and are 32 hex digits', () => {
    for (const [kind, number] of Object.entries(NAME_KINDS)) {
      const name = nameOf(secrets, kind as NameKind, 'x');
      expect(name).toMatch(/^[0-9a-f]{32}$/);
      expect(name.slice(0, 2)).toBe(number.toString(16) + '3');
      expect(kindOfName(name)).toBe(kind);
      expect(isName(name)).toBe(true);
    }
  });

  it('rest on the token secret for what gateways must recognise, on the person secret for people', () => {
    const swapped = namingSecrets(3, a, Buffer.alloc(32, 9));
    const same = (kind: NameKind) => nameOf(secrets, kind, 'x') === nameOf(swapped, kind, 'x');
    expect((Object.keys(NAME_KINDS) as NameKind[]).filter(same)).toEqual(['fam', 'jti', 'tok', 'cred', 'kid']);
  });

  it('are the same for a raw token and for its SHA-256 in either case; the digest of nothing names nothing', () => {
    const sha = createHash('sha256').update('opaque-1').digest('hex');
    expect(nameOfTokenDigest(secrets, sha.toUpperCase())).toBe(nameOfRawToken(secrets, 'opaque-1'));
    expect(nameOfTokenDigest(secrets, EMPTY_SHA256)).toBeUndefined();
    expect(nameOfTokenDigest(secrets, sha.slice(1))).toBeUndefined();
  });

  it('differ for different inputs, however they are cut into parts', () => {
    expect(lengthPrefixed(['ab', 'c'])).not.toBe(lengthPrefixed(['a', 'bc']));
    fc.assert(
      fc.property(fc.array(fc.string()), fc.array(fc.string()), (x, y) => {
        expect(lengthPrefixed(x) === lengthPrefixed(y)).toBe(JSON.stringify(x) === JSON.stringify(y));
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it('place a fact by the first of jti, tok, cred, con that its line shows', () => {
    const all = { con: 'n', cred: 'c', tok: 't', jti: 'j', sub: 's', fam: 'f' };
    expect(placementOf(all)).toBe('j');
    expect(placementOf({ ...all, jti: undefined } as never)).toBe('t');
    expect(placementOf({ con: 'n', cred: 'c' })).toBe('c');
    expect(placementOf({ con: 'n' })).toBe('n');
    expect(placementOf({ sub: 's', fam: 'f' })).toBeUndefined();
  });
});

describe('what a claim names (MODEL §1.7, §1.8)', () => {
  it.each([
    ['t-1', { text: 't-1' }],
    [' t ', { text: ' t ' }],
    [42, { text: '42', flag: 'integer' }],
    [-7, { text: '-7', flag: 'integer' }],
    [9007199254740991, { text: '9007199254740991', flag: 'integer' }],
    [9007199254740992, { reason: 'not-a-name' }],
    [1.5, { reason: 'not-a-name' }],
    [true, { reason: 'not-a-name' }],
    [['t'], { reason: 'not-a-name' }],
    [{}, { reason: 'not-a-name' }],
    ['', { reason: 'absent' }],
    [null, { reason: 'absent' }],
    ['\ud800', { reason: 'not-unicode' }],
    ['a\u0000b', { reason: 'not-unicode' }],
    ['\ud83d\ude00', { text: '\ud83d\ude00' }],
  ])('%j', (value, reading) => {
    expect(readNaming(value)).toEqual(reading);
  });
});
