import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { packEventId, unpackEventId } from './event-id.js';

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
