import type { TokenState } from './state.js';

/** Sightings before this instant (2000-01-01) come from a clock that was never set. */
const BEFORE_TOKENS = 946_684_800_000;

export interface Birth {
  /** Undefined where nothing but clocks in doubt has seen the token: then no fence hits it. */
  birth: number | undefined;
  /** The verified issue time: the earlier of iat and the issuance seen. */
  issueTime: number | undefined;
  /** The earliest instant of anything that was stated of the token. */
  firstSeen: number;
  /** The earliest sighting longer before the issue time than the slack: a clock, or the claim, is wrong. */
  seenBefore: number | undefined;
}

/**
 * Birth (MODEL §5.5): the earliest of verified iat and issuance, and of sightings at most `slack` before them;
 * without either, the first sighting that is not from a clock in doubt. Like every attribute it holds for each T.
 */
export function birthOf(state: TokenState, slack: number): Birth {
  // Of several iats the earliest: an end must not weaken because a later one is stated with more authority.
  let issueTime = state.earliestIat;
  let firstSeen = Infinity;
  for (const { kind, at } of state.onsets.values()) {
    if (kind === 'issued' && at < issueTime) issueTime = at;
    if (at < firstSeen) firstSeen = at;
  }
  for (const statements of state.suspensions.values())
    for (const { at } of statements.values()) if (at < firstSeen) firstSeen = at;

  let birth = issueTime;
  let seenBefore: number | undefined;
  for (const { like, buckets } of state.uses.groups.values()) {
    for (const { first, last } of buckets.values()) {
      if (first < firstSeen) firstSeen = first;
      if (like.shadow === true) continue;
      for (const at of first === last ? [first] : [first, last]) {
        if (issueTime === Infinity) {
          if (like.future !== true && at >= BEFORE_TOKENS && at < birth) birth = at;
        } else if (at < issueTime - slack) seenBefore = Math.min(seenBefore ?? Infinity, at);
        else if (at < birth) birth = at;
      }
    }
  }
  return {
    birth: birth === Infinity ? undefined : birth,
    issueTime: issueTime === Infinity ? undefined : issueTime,
    firstSeen,
    seenBefore,
  };
}
