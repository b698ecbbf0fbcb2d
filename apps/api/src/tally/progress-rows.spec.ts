import { expect, it } from '@jest/globals';
import { setImmediate } from 'node:timers/promises';
import { progressRows } from './progress-rows.js';

it('gives what is told on the way, and at last what it came to', async () => {
  const rows: number[] = [];
  for await (const row of progressRows<number>(async (tell) => {
    for (let i = 1; i <= 3; i++) {
      tell(i);
      await setImmediate();
    }
    return 4;
  }))
    rows.push(row);
  expect(rows.at(-1)).toBe(4);
  expect(rows.length).toBeGreaterThan(1);
});

it('fails as the deed fails', async () => {
  const rows = progressRows<number>(() => Promise.reject(new Error('no room')));
  await expect(rows.next()).rejects.toThrow('no room');
});

it('ends the deed when nobody reads any further, and waits for that', async () => {
  let ended = false;
  const rows = progressRows<number>(async (tell, signal) => {
    for (let i = 0; !signal.aborted; i++) {
      tell(i);
      await setImmediate();
    }
    ended = true;
    return -1;
  });
  for await (const _row of rows) break;
  expect(ended).toBe(true);
});
