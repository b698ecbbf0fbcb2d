import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createHash } from 'node:crypto';
import { openBox, sealBox } from './personal-box.js';

const boxKey = (label: string) => {
  const key = createHash('sha256').update(label).digest();
  return { keyId: key.toString('hex').slice(0, 32), key };
};
const KEY = boxKey('a');
const find = (keyId: string) => (keyId === KEY.keyId ? KEY.key : undefined);
const text = fc.string({ unit: fc.oneof(fc.constantFrom('\ud800', '\u0000', '"', 'é', '🔑'), fc.string()) });
const personal = fc.dictionary(fc.constantFrom('userName', 'address', 'agent', 'subject'), text, {
  noNullPrototype: true,
});

describe('a personal box', () => {
  it('gives back what was sealed, lone surrogates too, and the same bytes for the same record', () => {
    fc.assert(
      fc.property(personal, fc.uuid(), (content, eventId) => {
        const box = sealBox(KEY, eventId, content);
        expect(openBox(box, eventId, find)).toEqual(content);
        expect(sealBox(KEY, eventId, content)).toEqual(box);
        expect(box.box).toMatch(/^[\w-]+$/);
      }),
      { seed: 5 },
    );
  });

  it('uses another IV for another event, content or key', () => {
    const boxes = [
      sealBox(KEY, 'e1', { userName: 'ada' }),
      sealBox(KEY, 'e2', { userName: 'ada' }),
      sealBox(KEY, 'e1', { userName: 'bob' }),
      sealBox(boxKey('b'), 'e1', { userName: 'ada' }),
    ];
    expect(new Set(boxes.map(({ box }) => Buffer.from(box, 'base64url').toString('hex', 0, 12))).size).toBe(4);
  });

  it('does not open without its key, on another event, or changed in any byte', () => {
    const box = sealBox(KEY, 'e1', { userName: 'ada' });
    expect(openBox(box, 'e1', () => undefined)).toBeUndefined();
    expect(openBox(box, 'e1', () => boxKey('b').key)).toBeUndefined();
    expect(openBox(box, 'e2', find)).toBeUndefined();
    expect(openBox({ ...box, box: 'AAAA' }, 'e1', find)).toBeUndefined();
    const bytes = Buffer.from(box.box, 'base64url');
    for (let index = 0; index < bytes.length; index++) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(bytes.readUInt8(index) ^ 1, index);
      expect(openBox({ ...box, box: changed.toString('base64url') }, 'e1', find)).toBeUndefined();
    }
  });
});
