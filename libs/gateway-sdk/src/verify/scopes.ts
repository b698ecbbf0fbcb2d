import type { Claims } from './judgement.js';

/** `scope` as text with blanks (RFC 6749 §3.3) or `scp` as a list; either may be the other. */
export function scopesOf({ scope, scp }: Claims): string[] {
  const given: unknown = scope ?? scp;
  const list: unknown[] = typeof given === 'string' ? given.split(' ') : Array.isArray(given) ? given : [];
  return [...new Set(list.filter((each): each is string => typeof each === 'string' && each !== ''))];
}
