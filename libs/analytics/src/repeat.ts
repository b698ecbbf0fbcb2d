import { setTimeout } from 'node:timers/promises';
import { AnalyticsUnavailable, QueryFailed } from './errors.js';

/** MEMORY_LIMIT_EXCEEDED: of an insert it says that others take the memory now. */
const OUT_OF_MEMORY = 241;

/**
 * Does again what may be done twice, after each of these waits, where the server was not to be had or had no room.
 * @param waitsMs none: once.
 */
export async function repeated<T>(waitsMs: readonly number[], attempt: () => Promise<T>): Promise<T> {
  for (const wait of waitsMs) {
    try {
      return await attempt();
    } catch (error) {
      if (!passes(error)) throw error;
      await setTimeout(wait);
    }
  }
  return attempt();
}

function passes(error: unknown): boolean {
  if (error instanceof QueryFailed) return error.clickhouseCode === OUT_OF_MEMORY;
  return error instanceof AnalyticsUnavailable && !error.isMissing;
}
