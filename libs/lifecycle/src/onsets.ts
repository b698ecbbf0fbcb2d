import type { ResolvedFact } from './resolve.js';
import type { Authority } from './settings.js';

/** The kinds of onset (MODEL §5.1): each keeps its smallest effectiveAt. */
export type OnsetKind = 'issued' | 'accepted' | 'rotated' | 'consumed' | 'revoked' | 'compromised' | 'expired';

export interface OnsetEntry {
  kind: OnsetKind;
  /** rotated: the successor; revoked: `cause ‖ scope`. */
  qualifier: string;
  authority: Authority;
  gateway?: string;
  version?: string;
  at: number;
  unconfirmed: boolean;
}
export type Onsets = Map<string, OnsetEntry>;

export function addOnset(into: Onsets, fact: ResolvedFact, kind: OnsetKind, qualifier: string, at: number): OnsetEntry {
  const { authority, gateway, version } = fact;
  const key = `${kind}\t${qualifier}\t${authority}\t${gateway ?? ''}\t${version ?? ''}`;
  const unconfirmed = fact.data['unconfirmed'] === true;
  const known = into.get(key);
  if (known !== undefined) {
    if (at < known.at) known.at = at;
    known.unconfirmed &&= unconfirmed;
    return known;
  }
  const entry: OnsetEntry = { kind, qualifier, authority, at, unconfirmed };
  if (gateway !== undefined) entry.gateway = gateway;
  if (version !== undefined) entry.version = version;
  into.set(key, entry);
  return entry;
}

/** @param only the kinds to take; all by default. */
export function mergeOnsets(into: Onsets, from: Onsets, only?: ReadonlySet<OnsetKind>): void {
  for (const [key, theirs] of from) {
    if (only !== undefined && !only.has(theirs.kind)) continue;
    const ours = into.get(key);
    if (ours === undefined) into.set(key, { ...theirs });
    else {
      ours.at = Math.min(ours.at, theirs.at);
      ours.unconfirmed &&= theirs.unconfirmed;
    }
  }
}

/** In order of time, then of everything else that tells onsets apart. */
export function compareOnsets(a: OnsetEntry, b: OnsetEntry): number {
  if (a.at !== b.at) return a.at - b.at;
  const [x, y] = [orderText(a), orderText(b)];
  return x < y ? -1 : x > y ? 1 : 0;
}

function orderText(o: OnsetEntry): string {
  return `${o.kind}\t${o.gateway ?? ''}\t${o.version ?? ''}\t${o.authority}\t${o.qualifier}`;
}
