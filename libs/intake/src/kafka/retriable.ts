import { TallyError } from '#platform';

/** Whether the same can succeed later without anybody changing it: our errors say so, and so do those of kafkajs. */
export function isRetriable(error: unknown): boolean {
  if (error instanceof TallyError) return error.retry;
  return error instanceof Error && 'retriable' in error && error.retriable === true;
}

/** Ms to wait before attempt `failures` + 1: twice as long each time, up to `max`, and half of it by chance. */
export function backoff(failures: number, { base, max }: { base: number; max: number }, random: () => number): number {
  const whole = Math.min(max, base * 2 ** Math.min(failures - 1, 30));
  return whole / 2 + (whole / 2) * random();
}
