import type { Finding } from '../view.js';
import { acceptedUses, at, byGateway, finding, instantsOf, seconds, type FindingContext } from './context.js';

/**
 * D3, use after expiry: accepted at or after exp. Within leeway plus clock error it is noted; beyond, a violation.
 * Where the expiry was read in another unit than declared, what passed is the *intended* expiry. Anchor: token + gateway.
 */
export function useAfterExpiry(context: FindingContext): Finding[] {
  const { view, world, watermarks } = context;
  if (view.expiry.kind !== 'at') return [];
  const exp = view.expiry.at!;
  const intended = view.expiry.flags.includes('unit-suspect');
  const violation = intended ? 'accepted after intended expiry' : 'accepted after expiry';
  const out: Finding[] = [];
  for (const [gateway, uses] of byGateway(acceptedUses(view))) {
    const late = uses.flatMap((use) =>
      instantsOf(use)
        .filter((instant) => instant >= exp && use.future !== true)
        .map((instant) => ({
          at: instant,
          kind: instant > exp + world.leeway(use) + world.clockError(use) ? violation : 'accepted within leeway',
          leeway: world.leeway(use),
        })),
    );
    if (late.length === 0) continue;
    late.sort((a, b) => a.at - b.at);
    const violates = late.some((l) => l.kind === violation);
    const last = late[late.length - 1]!;
    out.push(
      finding('D3', [view.name, gateway], {
        kind: violates ? violation : 'accepted within leeway',
        severity: violates ? 'high' : 'info',
        provisional: !watermarks.reached(new Set(uses.map((use) => use.source)), last.at),
        tokens: [view.name],
        family: view.family,
        gateway,
        summary: `${violates ? violation : 'accepted within leeway'}: last ${seconds(last.at - exp)} past expiry at ${gateway} (leeway ${seconds(last.leeway)})`,
        evidence: {
          expiry: at(exp),
          raw: view.expiry.raw,
          leewayMs: last.leeway,
          uses: late.map((l) => ({ at: at(l.at), lateMs: l.at - exp, class: l.kind })),
          exact: uses.every((use) => use.exact),
        },
      }),
    );
  }
  return out;
}
