import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { canonicalDigest, canonicalJson } from './canonical.js';
import { merkleRoot } from './merkle.js';

describe('RFC 8785', () => {
  it('gives the bytes of the example of §3.2.2', () => {
    const value = {
      numbers: [333333333.33333329, 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      string: '\u20ac$\u000F\u000aA\'\u0042\u0022\u005c\\"/',
      literals: [null, true, false],
    };
    expect(canonicalJson(value)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
  });

  it('sorts keys by UTF-16 code units, not by code points (§3.2.3)', () => {
    const keys = ['\u20ac', '\r', '\ufb33', '1', '\u{1f600}', '\u0080', '\u00f6'];
    const order = ['\r', '1', '\u0080', '\u00f6', '\u20ac', '\u{1f600}', '\ufb33'];
    expect(canonicalJson(Object.fromEntries(keys.map((key) => [key, 0])))).toBe(
      `{${order.map((key) => `${JSON.stringify(key)}:0`).join(',')}}`,
    );
    expect(canonicalJson({ '\ufb33': 0, '\u{1f600}': 1 })).toBe('{"\u{1f600}":1,"\ufb33":0}');
  });

  it.each([
    ['a lone surrogate', { a: ['\ud800'] }],
    ['a lone surrogate in a key', { '\udfff': 1 }],
    ['NaN', NaN],
    ['a bigint', 1n],
  ])('refuses %s', (_what, value) => {
    expect(() => canonicalJson(value)).toThrow(expect.objectContaining({ code: 'TALLY_NOT_CANONICAL' }));
  });

  it('is the same for any order of keys, reads back, and leaves out what is undefined', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const text = canonicalJson(value);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(canonicalJson(reversed(value))).toBe(text);
      }),
      { seed: 1 },
    );
    const large = Array.from({ length: 30_000 }, (_, n) => ({ n, text: '😀€' }));
    expect(canonicalDigest(large)).toBe(createHash('sha256').update(canonicalJson(large)).digest('hex'));
    expect(canonicalJson([{}, []])).toBe('[{},[]]');
    expect(canonicalDigest({ a: 1, b: undefined })).toBe(canonicalDigest({ a: 1 }));
  });
});

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, reversed(member)]),
  );
}

describe('the Merkle root', () => {
  const sha = (...parts: Buffer[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest();
  /** RFC 6962 §2.1, as it is written there. */
  function naive(leaves: Buffer[]): Buffer {
    if (leaves.length === 0) return sha();
    if (leaves.length === 1) return sha(Buffer.of(0), leaves[0]!);
    let k = 1;
    while (k * 2 < leaves.length) k *= 2;
    return sha(Buffer.of(1), naive(leaves.slice(0, k)), naive(leaves.slice(k)));
  }

  it('is that of RFC 6962 for any number of leaves', () => {
    for (let n = 0; n <= 33; n++) {
      const items = Array.from({ length: n }, (_, i) => ({ token: i }));
      const leaves = items.map((item) => Buffer.from(canonicalJson(item)));
      expect(merkleRoot(items)).toBe(naive(leaves).toString('hex'));
    }
  });
});
