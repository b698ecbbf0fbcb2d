import { describe, expect, it } from '@jest/globals';
import { RecentMap } from './recent-map.js';

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
