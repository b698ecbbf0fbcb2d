import { setTimeout as delay } from 'node:timers/promises';
import type { Timing } from './partition-work.js';

export const systemTiming: Timing = {
  now: () => Date.now(),
  random: () => Math.random(),
  sleep: async (ms, signal) => {
    try {
      await delay(ms, undefined, signal === undefined ? {} : { signal });
    } catch {
      // aborted: whoever waited is told by the signal
    }
  },
};
