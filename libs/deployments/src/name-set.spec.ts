import { describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { NameSet } from './name-set.js';

describe('the set of counted names', () => {
  it('knows each of many names exactly once, through all of its growth', () => {
    const names = Array.from(
      { length: 20_000 },
      (_, n) => `2${createHash('sha256').update(String(n)).digest('hex').slice(0, 31)}`,
    );
    const set = new NameSet();
    expect(names.every((name) => set.add(name))).toBe(true);
    expect(names.some((name) => set.add(name))).toBe(false);
    expect(set.size).toBe(20_000);
  });

  it('tells names apart that differ in one digit only, even where their places collide', () => {
    const set = new NameSet();
    const names = Array.from({ length: 200 }, (_, n) => `2${n.toString(16).padStart(23, '0')}00000001`);
    expect(names.every((name) => set.add(name))).toBe(true);
    expect(names.some((name) => set.add(name))).toBe(false);
  });
});
