import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Ring } from './ring.js';

interface Item {
  at: number;
  weight: number;
}
type Step = { push: number } | { take: number } | 'settle' | 'loss';
const steps = fc.array(
  fc.oneof(
    fc.record({ push: fc.integer({ min: 1, max: 60 }) }),
    fc.record({ take: fc.integer({ min: 1, max: 5 }) }),
    fc.constant<Step>('settle'),
    fc.constant<Step>('loss'),
  ),
  { maxLength: 400 },
);

describe('Ring', () => {
  it('never exceeds its bounds, loses the oldest first, and every item is taken, waiting or told as lost', () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 12 }), fc.integer({ min: 60, max: 300 }), (run, events, bytes) => {
        const ring = new Ring<Item>({ events, bytes });
        let pushed = 0;
        let told = 0;
        const taken: number[] = [];
        let isOut = false;
        for (const step of run) {
          if (step === 'settle') {
            ring.settle();
            isOut = false;
          } else if (step === 'loss') told += ring.takeLoss()?.count ?? 0;
          else if ('push' in step) ring.push({ at: ++pushed, weight: step.push });
          else if (!isOut) {
            taken.push(...ring.take({ events: step.take, bytes: bytes / 2 }).map(({ at }) => at));
            isOut = true;
          }
          expect(ring.waiting + ring.out).toBeLessThanOrEqual(events);
          expect(ring.bytes).toBeLessThanOrEqual(bytes);
        }
        told += ring.takeLoss()?.count ?? 0;
        expect(taken.length + ring.waiting + told).toBe(pushed);
        expect(ring.lost).toBe(told);
        expect(taken).toEqual([...taken].sort((a, b) => a - b));
      }),
      { seed: 20260310, numRuns: 300 },
    );
  });

  it('says from when to when it lost', () => {
    const ring = new Ring<Item>({ events: 2, bytes: 1000 });
    for (const at of [5, 3, 9, 10, 11]) ring.push({ at, weight: 1 });
    expect(ring.takeLoss()).toEqual({ from: 3, to: 9, count: 3 });
    expect(ring.takeLoss()).toBeUndefined();
    expect(ring.take({ events: 9, bytes: 9 }).map(({ at }) => at)).toEqual([10, 11]);
  });

  it('an item that fits nowhere is lost by itself', () => {
    const ring = new Ring<Item>({ events: 5, bytes: 10 });
    ring.push({ at: 1, weight: 11 });
    expect([ring.waiting, ring.bytes, ring.takeLoss()]).toEqual([0, 0, { from: 1, to: 1, count: 1 }]);
  });
});
