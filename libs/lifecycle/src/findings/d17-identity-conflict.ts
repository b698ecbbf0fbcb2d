import type { FoldedView } from '../view-unit.js';
import type { Links } from '../links.js';
import type { Name } from '../names.js';
import type { Finding } from '../view.js';
import { finding } from './context.js';

/**
 * D17, identity conflict: one jti with several tokens behind it, or one tok that shows several jtis. At once, critical.
 * Anchor: the jti (or the tok). Takes all parts of a unit, so that an incident is raised once; a tok's is raised from
 * each of its jtis under the same id, since the tok itself may have no fact of its own.
 */
export function identityConflict(parts: readonly FoldedView[], links: Links): Finding[] {
  const out: Finding[] = [];
  const conflicting = parts.filter((part) => part.view.partOf !== undefined && part.view.identityConflict);
  const { view } = conflicting[0] ?? parts[0] ?? {};
  if (view === undefined) return [];
  if (conflicting.length > 0) {
    const tokens = conflicting.map((part) => part.view.name).sort();
    const subjects = conflicting.map((part) => part.view.subject).filter((s) => s !== undefined);
    out.push(
      finding('D17', [view.partOf!], {
        kind: 'identity conflict',
        severity: 'critical',
        provisional: false,
        tokens,
        summary: `one jti${view.jti === undefined ? '' : ` (${JSON.stringify(view.jti)})`} of ${view.issuer ?? 'one issuer'} names ${tokens.length} different tokens: kept as separate histories`,
        evidence: {
          jti: view.partOf,
          parts: tokens,
          subjects: [...new Set(subjects)].sort(),
          unattributed: view.unattributed,
        },
      }),
    );
  }
  for (const tok of rivalToks(view.partOf ?? view.name, links)) {
    const jtis = links.rivalJtisOf(tok);
    out.push(
      finding('D17', [tok], {
        kind: 'identity conflict',
        severity: 'critical',
        provisional: false,
        tokens: [tok, ...jtis],
        summary: `one token shows ${jtis.length} different jtis: it joins none of them`,
        evidence: { tok, jtis },
      }),
    );
  }
  return out;
}

function rivalToks(center: Name, links: Links): Name[] {
  return links.rivalJtisOf(center).length > 0 ? [center] : links.rivalToksOf(center);
}
