import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { packEventId, unpackEventId } from './event-id.js';
import { RecentMap } from './recent-map.js';

describe('event ids', () => {
  it('come back as they went in, in lower case', () => {
    const bytes = new Uint8Array(16);
    fc.assert(
      fc.property(fc.uuid(), fc.boolean(), (id, upper) => {
        expect(packEventId(upper ? id.toUpperCase() : id, bytes)).toBe(true);
        expect(Buffer.from(bytes).toString('hex')).toBe(id.replaceAll('-', ''));
        expect(unpackEventId(bytes)).toBe(id);
      }),
      { seed: 1 },
    );
  });

  it('are refused when any one character is wrong', () => {
    const good = '0f8fad5b-d9cb-469f-a165-70867728950e';
    const bytes = new Uint8Array(16);
    const wrong = fc.tuple(fc.nat(35), fc.constantFrom('g', ' ', '-', '\u0130', '0')).map(([at, character]) => {
      const dash = good[at] === '-';
      const other = dash || character !== '0' ? (dash && character === '-' ? 'x' : character) : 'g';
      return good.slice(0, at) + other + good.slice(at + 1);
    });
    fc.assert(
      fc.property(wrong, (text) => !packEventId(text, bytes)),
      { seed: 2 },
    );
    expect(packEventId(good.slice(1), bytes)).toBe(false);
    expect(packEventId(`${good}0`, bytes)).toBe(false);
  });
});

describe('RecentMap', () => {
  it('keeps at least its capacity and at most twice that, and what is asked for stays', () => {
    const recent = new RecentMap<number, number>(100);
    for (let key = 0; key < 10_000; key++) {
      recent.set(key, key);
      expect(recent.get(0)).toBe(0);
      expect(recent.get(Math.max(0, key - 49))).toBe(Math.max(0, key - 49));
    }
    const held = Array.from({ length: 10_000 }, (_, key) => recent.get(key)).filter((value) => value !== undefined);
    expect(held.length).toBeLessThanOrEqual(200);
  });
});
