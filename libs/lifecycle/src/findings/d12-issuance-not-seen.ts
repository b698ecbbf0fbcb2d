import type { Finding } from '../view.js';
import { acceptedUses, at, finding, type FindingContext } from './context.js';

/**
 * D12, issuance not seen: accepted, and the sources that may issue for its issuer have reported past the acceptance
 * plus the lateness without an issuance. Only for issuers that a declared source may issue for; a source that never
 * reported anything is silent, not proof of absence. Anchor: token.
 */
export function issuanceNotSeen({ view, state, watermarks, thresholds }: FindingContext): Finding[] {
  if (view.issuer === undefined || view.kind === 'consumer') return [];
  // An issuance that is dated later than the cut, by an issuer's clock that runs ahead, was seen all the same.
  for (const onset of state.onsets.values()) if (onset.kind === 'issued') return [];
  const sources = watermarks.issuersOf(view.issuer);
  const accepted = acceptedUses(view).filter((use) => use.future !== true);
  if (sources.length === 0 || accepted.length === 0) return [];
  const first = Math.min(...accepted.map((use) => use.first));
  return [
    finding('D12', [view.name], {
      kind: 'issuance not seen',
      severity: 'medium',
      provisional: !watermarks.reached(sources, first + thresholds.issuanceLateness),
      tokens: [view.name],
      family: view.family,
      gateway: accepted[0]!.gateway,
      summary: `accepted since ${at(first)}, but no issuance was seen from ${view.issuer}`,
      evidence: { issuer: view.issuer, firstAccepted: at(first), sources },
    }),
  ];
}
