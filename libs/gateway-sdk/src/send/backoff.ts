export interface RetryOptions {
  /** Wait before the first repetition, in ms; it doubles with each. Default 200. */
  firstMs?: number;
  /** The longest wait. Default 30,000. */
  mostMs?: number;
}

/** The wait before a repetition: between half of what doubling gives and the whole, so that senders do not march in step. */
export function backoffMs(
  attempt: number,
  { firstMs = 200, mostMs = 30_000 }: RetryOptions,
  random: () => number,
): number {
  const full = Math.min(mostMs, firstMs * 2 ** Math.min(attempt, 30));
  return Math.round(full / 2 + (full / 2) * random());
}

/** `Retry-After` in ms: seconds, or an HTTP date (RFC 9110 §10.2.3); at most an hour. */
export function retryAfterMs(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  const text = header.trim();
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isFinite(ms) ? Math.min(Math.max(0, ms), 3_600_000) : undefined;
}
