import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** A bearer of ours: 256 random bits, with a prefix by which secret scanners can find one that leaked. */
export function makeBearer(): string {
  return `tally_${randomBytes(32).toString('base64url')}`;
}

/** Compares in a time that tells neither where two bearers differ nor how long the true one is. */
export function sameBearer(presented: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(presented), digest(expected));
}
