import { describe, expect, it } from '@jest/globals';
import { makeBearer, sameBearer } from './bearer.js';

describe('bearers', () => {
  it('are random, and equal only to themselves', () => {
    const bearer = makeBearer();
    expect(bearer).toMatch(/^tally_[\w-]{43}$/);
    expect(makeBearer()).not.toBe(bearer);
    expect(sameBearer(bearer, bearer)).toBe(true);
    for (const other of ['', bearer.slice(0, -1), `${bearer}x`, bearer.toUpperCase(), makeBearer()]) {
      expect(sameBearer(other, bearer)).toBe(false);
    }
  });
});
