import { formatTime, parseIsoTime } from '#lifecycle';
import { WrongUse } from './errors.js';

/** `--as-of`: an instant, or a deployment version's cut. */
export type AsOf = { time: number } | { version: string };
/** `--as-known-at`: an instant by the ledger's clock, or a position. */
export type KnownAt = { time: number } | { position: bigint };

/** Reads `time:2026-03-10T09:00:00Z` or `version:v41`; a bare time or version is told what it lacks. */
export function parseAsOf(text: string): AsOf {
  const [kind, rest] = split(text);
  if (kind === 'time') return { time: instant('--as-of', rest) };
  if (kind === 'version' && rest !== '') return { version: rest };
  throw new WrongUse('--as-of', `takes time:T or version:V, not ${JSON.stringify(text)}`);
}

/** Reads `time:…` or `position:…`, the latter as an answer's `knownAt.position` gave it. */
export function parseKnownAt(text: string): KnownAt {
  const [kind, rest] = split(text);
  if (kind === 'time') return { time: instant('--as-known-at', rest) };
  if (kind === 'position') return { position: decodePosition(rest) };
  throw new WrongUse('--as-known-at', `takes time:T or position:K, not ${JSON.stringify(text)}`);
}

function split(text: string): [string, string] {
  const at = text.indexOf(':');
  return at === -1 ? ['', text] : [text.slice(0, at), text.slice(at + 1)];
}

export function instant(parameter: string, text: string): number {
  const reading = parseIsoTime(text);
  if ('error' in reading)
    throw new WrongUse(
      parameter,
      `${JSON.stringify(text)} ${reading.error}`,
      'Write a time such as 2026-03-10T09:00:00Z.',
    );
  return reading.at;
}

/** Positions are opaque outside the ledger: K and its digits, so that nobody counts with them. */
export function encodePosition(position: bigint): string {
  return `p${position.toString(36)}`;
}

export function decodePosition(text: string): bigint {
  if (!/^p[0-9a-z]{1,13}$/.test(text))
    throw new WrongUse(
      '--as-known-at',
      `${JSON.stringify(text)} is no position`,
      'Use a position that an answer gave (knownAt.position).',
    );
  let out = 0n;
  for (const digit of text.slice(1)) out = out * 36n + BigInt(Number.parseInt(digit, 36));
  return out;
}

/** ISO text of an instant for answers, null for none. */
export function shown(at: number | undefined): string | null {
  return at === undefined ? null : formatTime(at);
}
