import { describe, expect, it } from '@jest/globals';
import { inTurns, stepByStep } from './turns.js';

/** Counts how often the event loop comes round while something runs. */
async function turnsDuring(run: () => Promise<void>): Promise<number> {
  let turns = 0;
  let running = true;
  const count = (): void => {
    turns++;
    if (running) setImmediate(count);
  };
  setImmediate(count);
  await run();
  running = false;
  return turns;
}

describe('long answers', () => {
  it('give the same values, and let others have their turn in between', async () => {
    const values = Array.from({ length: 5000 }, (_value, i) => i);
    const seen: number[] = [];
    const turns = await turnsDuring(async () => {
      for await (const value of inTurns(values)) seen.push(value);
    });
    expect(seen).toEqual(values);
    expect(turns).toBeGreaterThanOrEqual(9);
  });

  it('stop the values where the reader stops', async () => {
    let closed = false;
    function* values(): Generator<number> {
      try {
        for (let i = 0; ; i++) yield i;
      } finally {
        closed = true;
      }
    }
    for await (const value of inTurns(values())) if (value === 700) break;
    expect(closed).toBe(true);
  });

  it('come to what their steps come to, with a turn for others after each', async () => {
    function* steps(): Generator<void, string> {
      for (let i = 0; i < 10; i++) yield;
      return 'all';
    }
    let told = '';
    const turns = await turnsDuring(async () => void (told = await stepByStep(steps())));
    expect(told).toBe('all');
    expect(turns).toBeGreaterThanOrEqual(9);
  });
});
