import type { OnsetEntry, TokenState } from './state.js';
import { attribute } from './attributes.js';

/** Sightings before this instant (2000-01-01) come from a clock that was never set. */
const BEFORE_TOKENS = 946_684_800_000;

export interface Birth {
  birth: number | undefined;
  /** The verified issue time: the earlier of iat and the issuance seen. */
  issueTime: number | undefined;
  firstSeen: number;
  /** A sighting longer before the issue time than the slack: a clock, or the claim, is wrong. */
  seenBefore: number | undefined;
}

/**
 * Birth (MODEL §5.5): the earliest of verified iat and issuance, and of sightings at most `slack` before them;
 * without either, the first sighting that is not from a clock in doubt.
 */
export function birthOf(state: TokenState, slack: number): Birth {
  const iat = attribute<number>(state.attributes, 'iat');
  let issued = Infinity;
  const sightings: OnsetEntry[] = [];
  for (const onset of state.onsets.values()) {
    if (onset.kind === 'issued') issued = Math.min(issued, onset.at);
    if (onset.kind === 'seen') sightings.push(onset);
  }
  const firstSeen = Math.min(issued, iat ?? Infinity, ...sightings.map((s) => s.at), ...firstUses(state));
  const issueTime = Math.min(iat ?? Infinity, issued);
  if (issueTime !== Infinity) {
    let birth = issueTime;
    let seenBefore: number | undefined;
    for (const use of state.uses.entries.values()) {
      for (const at of [use.first, use.last]) {
        if (at >= issueTime) continue;
        if (at >= issueTime - slack) birth = Math.min(birth, at);
        else seenBefore = Math.min(seenBefore ?? Infinity, at);
      }
    }
    return { birth, issueTime, firstSeen, seenBefore };
  }
  const trusted: number[] = [];
  for (const use of state.uses.entries.values()) {
    if (use.future !== true && use.first >= BEFORE_TOKENS) trusted.push(use.first);
  }
  const birth = trusted.length > 0 ? Math.min(...trusted) : firstSeen === Infinity ? undefined : firstSeen;
  return { birth, issueTime: undefined, firstSeen, seenBefore: undefined };
}

function* firstUses(state: TokenState): Iterable<number> {
  for (const use of state.uses.entries.values()) yield use.first;
}
