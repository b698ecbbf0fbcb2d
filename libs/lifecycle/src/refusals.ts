import type { Expiry } from './expiry.js';
import type { RefusalReason } from './refusal-reasons.js';
import type { End, Use } from './view.js';

/** Reasons that blame the version's own knowledge (keys, issuers, configuration) or give none: the token may be good. */
const VERSION_AT_FAULT: ReadonlySet<RefusalReason | undefined> = new Set([
  undefined,
  'other',
  'kid',
  'signature',
  'issuer',
  'audience',
  'algorithm',
  'configuration',
]);

/** Whether a refusal may be the version's fault: a *who are you* without a reason that lies in the token itself. */
export function mayBeWrong(use: Use): boolean {
  return use.outcome === 'refused' && use.shadow !== true && use.class === 'who' && VERSION_AT_FAULT.has(use.reason);
}

/**
 * `wronglyRejected:V`: refused by V while good, and accepted by V again later without a new issuance.
 * `rejectedUnresolved`: refused while good, and accepted by nobody since. Never a terminal state (field case 4).
 */
export function refusalFlags(uses: readonly Use[], ends: readonly End[], expiry: Expiry): string[] {
  const flags = new Set<string>();
  const endedAt = Math.min(ends[0]?.at ?? Infinity, expiry.kind === 'at' ? expiry.at! : Infinity);
  const accepted = uses.filter((use) => use.outcome === 'accepted' && use.shadow !== true);
  for (const use of uses) {
    if (!mayBeWrong(use) || use.first >= endedAt) continue;
    const sameVersion = (other: Use): boolean => other.version === use.version;
    if (use.version !== undefined && accepted.some((other) => sameVersion(other) && other.last > use.first)) {
      flags.add(`wronglyRejected:${use.version}`);
    } else if (!accepted.some((other) => other.last > use.last)) flags.add('rejectedUnresolved');
  }
  return [...flags];
}
