import type { FoldedView } from '../fold.js';
import type { Links } from '../links.js';
import type { Finding } from '../view.js';
import { finding } from './context.js';

/**
 * D17, identity conflict: one jti with several tokens behind it, or one token that shows two jtis. At once, critical.
 * Anchor: the jti (or the tok). Takes all parts of a unit, so that an incident is raised once.
 */
export function identityConflict(parts: readonly FoldedView[], links: Links): Finding[] {
  const conflicting = parts.filter((part) => part.view.identityConflict);
  if (conflicting.length === 0) return [];
  const anchor = conflicting[0]!.view.partOf ?? conflicting[0]!.view.name;
  const rivals = links.rivalJtisOf(anchor);
  const tokens = conflicting.map((part) => part.view.name).sort();
  const { view } = conflicting[0]!;
  return [
    finding('D17', [anchor], {
      kind: 'identity conflict',
      severity: 'critical',
      provisional: false,
      tokens,
      summary:
        rivals.length > 0
          ? `one token shows ${rivals.length} different jtis: it joins none of them`
          : `one jti${view.jti === undefined ? '' : ` (${JSON.stringify(view.jti)})`} of ${view.issuer ?? 'one issuer'} names ${tokens.length} different tokens: kept as separate histories`,
      evidence: {
        jti: anchor,
        parts: tokens,
        ...(rivals.length > 0 ? { jtis: rivals } : {}),
        subjects: [...new Set(conflicting.map((part) => part.view.subject).filter((s) => s !== undefined))].sort(),
        unattributed: view.unattributed,
      },
    }),
  ];
}
