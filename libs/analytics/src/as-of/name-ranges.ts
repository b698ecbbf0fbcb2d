import type { Name } from '#lifecycle';
import type { AnalyticsEngine } from '../engine.js';

/** About so many rows of `onsets` a token has. */
const ONSETS_A_TOKEN = 4;
/** Names that stand for tokens: of a jti, a tok, a cred (their kinds are 2, 3 and 4). */
const FIRST_PREFIX = 0x20;
const END_PREFIX = 0x50;
const FIRST = FIRST_PREFIX.toString(16).padEnd(32, '0');
const END = END_PREFIX.toString(16).padEnd(32, '0');
const STEPS = 2 ** 16;

/**
 * Ranges [from, before) of names with about so many tokens each, in order; together they hold every token's name.
 * Bounds differ within their first six digits: parts of one identity, which share half of their name, stay together.
 */
export async function nameRanges(
  engine: AnalyticsEngine,
  tenant: string,
  size: number,
  from: Name = FIRST,
): Promise<[Name, Name][]> {
  const groups = await engine.rows<{ prefix: number; tokens: number }>(
    // Onsets, not tokens: those of a page are read, whoever they belong to.
    `SELECT toUInt8(bitShiftRight(toUInt128(name), 120)) AS prefix, count() / ${ONSETS_A_TOKEN} AS tokens FROM {db}.onsets
     WHERE tenant = {tenant:String} GROUP BY prefix ORDER BY prefix`,
    { tenant },
  );
  const bounds = [from > FIRST ? from : FIRST];
  for (const { prefix, tokens } of groups) {
    if (prefix < FIRST_PREFIX || prefix >= END_PREFIX) continue;
    const pages = Math.ceil(tokens / size);
    for (let page = 0; page < pages; page++) {
      // Names of one kind and secret share two digits, and are spread evenly over the next ones.
      const bound = (prefix * STEPS + Math.round((page * STEPS) / pages)).toString(16).padEnd(32, '0');
      if (bound > bounds.at(-1)!) bounds.push(bound);
    }
  }
  return bounds.map((start, i) => [start, bounds[i + 1] ?? END]);
}
