import type { FoldedToken } from './evaluate.js';
import { eachUse } from './uses.js';

/**
 * The earliest instant after T at which a token's answers can turn by time alone, for then more of its facts count;
 * Infinity where all of them are at or before T. What is expired is computed when asked, and is no finding by itself.
 */
export function turnAfter({ state, unattributedFrom }: FoldedToken, T: number): number {
  let turn = Infinity;
  const note = (at: number): void => {
    if (at > T && at < turn) turn = at;
  };
  for (const { at } of state.onsets.values()) note(at);
  for (const { at } of state.renewals.values()) note(at);
  for (const { at } of state.attestations.values()) note(at);
  for (const { first } of state.notes.values()) note(first);
  for (const { accepted } of state.proofs.values()) for (const { at } of accepted) note(at);
  for (const toggles of [state.suspensions, state.holds])
    for (const statements of toggles.values()) for (const { at } of statements.values()) note(at);
  for (const { first, last } of eachUse(state.uses)) {
    note(first);
    // A summary over T is cut at T, at whichever instant it is asked.
    if (last > T) note(first <= T ? T + 1 : first);
  }
  note(state.withoutEffectFrom);
  if (unattributedFrom !== undefined) note(unattributedFrom);
  return turn;
}
