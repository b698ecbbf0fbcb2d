import type { Finding, Use } from '../view.js';
import { at, byGateway, finding, instantsOf, seconds, type FindingContext } from './context.js';

/**
 * Presented before its issue time: the issuer's clock runs ahead of a gateway's, or one of them lies. What a line
 * shows is a lower bound, issue time minus first presentation. Within the slack of a birth it is a skew, one incident
 * an issuer and gateway; an older sighting is about the token (MODEL §5.5).
 */
export function clockSkew({ view, state, world, watermarks, thresholds }: FindingContext): Finding[] {
  const issue = view.iat ?? view.issuedAt;
  if (issue === undefined) return [];
  const out: Finding[] = [];
  const issuer = view.issuer ?? 'the issuer';
  for (const [gateway, uses] of byGateway(view.uses.filter((use) => use.future !== true && use.shadow !== true))) {
    const early = uses.filter((use) => use.first < issue - world.clockError(use));
    if (early.length === 0) continue;
    const first = Math.min(...early.map((use) => use.first));
    const ahead = issue - first;
    const refused = early.filter((use) => use.outcome === 'refused');
    const shared = {
      provisional: !watermarks.reached(new Set(uses.map((use) => use.source)), first),
      tokens: [view.name],
      gateway,
      evidence: {
        issuer: view.issuer ?? null,
        aheadMs: { atLeast: ahead },
        iat: at(issue),
        firstPresented: at(first),
        refusals: refused.flatMap((use) => refusalsOf(use, view.name)),
        verified: state.verified,
      },
    };
    if (ahead > thresholds.birthSlack) {
      const summary = `seen at ${gateway} ${seconds(ahead)} before ${issuer} issued it: a clock or the claim is wrong`;
      const kind = 'seen before it was issued';
      out.push(finding('clock-skew', [view.name, gateway], { ...shared, kind, severity: 'medium', summary }));
    } else {
      const summary = `the clock of ${issuer} is at least ${seconds(ahead)} ahead of ${gateway}`;
      out.push(finding('clock-skew', [issuer, gateway], { ...shared, kind: 'clock skew', severity: 'low', summary }));
    }
  }
  return out;
}

/** Refusals without a reason, or as not yet valid, are the skew's; others keep their class. */
function refusalsOf(use: Use, token: string): { at: string; reason: string | null; class: string; token: string }[] {
  const bySkew = use.reason === undefined || use.reason === 'other' || use.reason === 'not-yet-valid';
  return instantsOf(use).map((instant) => ({
    at: at(instant),
    reason: use.reason ?? null,
    class: bySkew ? 'clock skew' : (use.class ?? 'who'),
    token,
  }));
}
