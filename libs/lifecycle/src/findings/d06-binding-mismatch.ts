import type { Finding, Use } from '../view.js';
import { at, finding, instantsOf, type FindingContext } from './context.js';

/**
 * D6, sender-constraint mismatch: the token is bound (cnf) and a line shows that the proof was missing, of another
 * key, or that the token was used as Bearer. Accepted is critical; several refused within the window are medium.
 * A line that says nothing of a proof is no mismatch. Anchor: token.
 */
export function bindingMismatch(context: FindingContext): Finding[] {
  const { view, thresholds, watermarks } = context;
  if (view.cnf === undefined) return [];
  const bad = view.uses.filter((use) => use.shadow !== true && mismatch(use, view.cnf!) !== undefined);
  const accepted = bad.filter((use) => use.outcome === 'accepted');
  const refused = bad
    .filter((use) => use.outcome === 'refused')
    .flatMap(atLeast)
    .sort((a, b) => a - b);
  const crowd = refused.find(
    (t, i) => (refused[i + thresholds.bindingRefusals - 1] ?? Infinity) - t <= thresholds.bindingWindow,
  );
  if (accepted.length === 0 && crowd === undefined) return [];
  const last = Math.max(...bad.map((use) => use.last));
  return [
    finding('D6', [view.name], {
      kind: accepted.length > 0 ? 'sender constraint not enforced' : 'sender constraint refused',
      severity: accepted.length > 0 ? 'critical' : 'medium',
      provisional: !watermarks.reached(new Set(bad.map((use) => use.source)), last),
      tokens: [view.name],
      family: view.family,
      gateway: (accepted[0] ?? bad[0])!.gateway,
      summary:
        accepted.length > 0
          ? `a bound token was accepted without its key: ${mismatch(accepted[0]!, view.cnf)}`
          : `at least ${refused.length} presentations of a bound token without its key were refused`,
      evidence: {
        cnf: view.cnf,
        uses: bad.map((use) => ({
          first: at(use.first),
          last: at(use.last),
          outcome: use.outcome,
          mismatch: mismatch(use, view.cnf!),
        })),
      },
    }),
  ];
}

/** Instants that are known of a use; where more lie between first and last, one more at least. */
function atLeast(use: Use): number[] {
  return use.exact ? instantsOf(use) : [use.first, use.last, use.last];
}

function mismatch(use: Use, cnf: { jkt?: string; x5t?: string }): string | undefined {
  if (use.reason === 'binding') return 'binding refused';
  if (cnf.jkt !== undefined && use.scheme === 'bearer') return 'used as Bearer';
  if (use.proof === undefined) return undefined;
  if (!use.proof.present) return 'proof missing';
  if (cnf.jkt !== undefined && use.proof.jkt !== undefined && use.proof.jkt !== cnf.jkt) return 'proof of another key';
  if (cnf.x5t !== undefined && use.proof.x5t !== undefined && use.proof.x5t !== cnf.x5t) return 'another certificate';
  return undefined;
}
