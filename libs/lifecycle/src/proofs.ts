import type { Name } from './names.js';
import type { ResolvedFact } from './resolve.js';

/** Acceptances of one proof for one target (RFC 9449 §11.1: jti and htu). */
export interface ProofUse {
  proof: Name;
  htu: string;
  source: string;
  gateway: string;
  /** The earliest acceptances by (time, record), at most 8. */
  accepted: { at: number; record: string }[];
}
export type Proofs = Map<string, ProofUse>;

const KEPT = 8;

export function addProof(into: Proofs, fact: ResolvedFact): void {
  const proof = fact.data['proof'] as { id?: Name; htu?: string } | undefined;
  if (proof?.id === undefined) return;
  putProof(into, {
    proof: proof.id,
    htu: proof.htu ?? '',
    source: fact.source,
    gateway: fact.gateway ?? '',
    accepted: [{ at: fact.time, record: fact.record.key }],
  });
}

export function mergeProofs(into: Proofs, from: Proofs): void {
  for (const use of from.values()) putProof(into, use);
}

function putProof(into: Proofs, theirs: ProofUse): void {
  const key = `${theirs.proof}\t${theirs.htu}`;
  const ours = into.get(key);
  if (ours === undefined) {
    into.set(key, { ...theirs, accepted: theirs.accepted.slice() });
    return;
  }
  const all = [...ours.accepted, ...theirs.accepted].sort((a, b) => a.at - b.at || (a.record < b.record ? -1 : 1));
  // Variants of one record are one presentation: its earliest counts.
  const seen = new Set<string>();
  ours.accepted = all.filter(({ record }) => !seen.has(record) && seen.add(record)).slice(0, KEPT);
  if (theirs.gateway < ours.gateway) ours.gateway = theirs.gateway;
  if (theirs.source < ours.source) ours.source = theirs.source;
}

/** The first acceptance, at or before T, that follows another within `window`. */
export function replayOf(use: ProofUse, window: number, T: number): { first: number; second: number } | undefined {
  for (let i = 1; i < use.accepted.length; i++) {
    const [first, second] = [use.accepted[i - 1]!.at, use.accepted[i]!.at];
    if (second > T) return undefined;
    if (second - first <= window) return { first, second };
  }
  return undefined;
}
