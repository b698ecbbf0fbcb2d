import type { Finding } from '../view.js';
import { at, byGateway, finding, instantsOf, seconds, type FindingContext } from './context.js';

/**
 * Issuer clock ahead of a gateway's: presented before its own issue time. What the file shows is a lower bound,
 * iat minus first presentation. Refusals as *not yet valid* are classed so and join their token. Anchor: token + gateway.
 */
export function clockSkew({ view, state, world, watermarks, thresholds }: FindingContext): Finding[] {
  if (view.iat === undefined) return [];
  const out: Finding[] = [];
  for (const [gateway, uses] of byGateway(view.uses.filter((use) => use.future !== true))) {
    const early = uses.filter((use) => use.first < view.iat! - world.clockError(use));
    if (early.length === 0) continue;
    const first = Math.min(...early.map((use) => use.first));
    const ahead = view.iat - first;
    const tooOld = ahead > thresholds.birthSlack;
    const refused = early.filter((use) => use.outcome === 'refused');
    out.push(
      finding('clock-skew', [view.name, gateway], {
        kind: tooOld ? 'seen before it was issued' : 'clock skew',
        severity: tooOld ? 'medium' : 'low',
        provisional: !watermarks.reached(new Set(uses.map((use) => use.source)), first),
        tokens: [view.name],
        gateway,
        summary: `the clock of ${view.issuer ?? 'the issuer'} is at least ${seconds(ahead)} ahead of ${gateway}; ${refused.length === 0 ? 'no refusal came of it' : `refused ${refused.flatMap(instantsOf).length} time(s) as not yet valid`}`,
        evidence: {
          issuer: view.issuer ?? null,
          aheadMs: { atLeast: ahead },
          iat: at(view.iat),
          firstPresented: at(first),
          refusals: refused.flatMap((use) =>
            instantsOf(use).map((t) => ({ at: at(t), reason: use.reason ?? null, class: 'clock skew' })),
          ),
          verified: state.verified,
        },
      }),
    );
  }
  return out;
}
