import { worst, type Finding, type Severity, type Use } from '../view.js';
import { acceptedUses, at, byGateway, finding, instantsOf, seconds, type FindingContext } from './context.js';

const ENDS: ReadonlySet<string> = new Set(['revoked', 'compromised', 'fenced', 'familyEnded']);

/**
 * D2, use after revocation: accepted later than the revocation plus the gateway's clock error. Up to the gateway's
 * propagation window it is lag, beyond it a gap; a gap with a network or agent never seen before the revocation is a
 * sign of theft. Anchor: token + gateway. The measured lag lies between last acceptance and first refusal.
 */
export function useAfterRevocation(context: FindingContext): Finding[] {
  const { view, world, watermarks } = context;
  const end = view.ends.find((e) => ENDS.has(e.kind));
  if (end === undefined) return [];
  const before = acceptedUses(view).filter((use) => use.first <= end.at);
  const out: Finding[] = [];
  for (const [gateway, uses] of byGateway(view.uses)) {
    const late: { at: number; kind: string; severity: Severity; theft: boolean; window: number }[] = [];
    for (const use of uses) {
      if (use.outcome !== 'accepted' || use.shadow === true) continue;
      for (const instant of instantsOf(use)) {
        if (instant <= end.at + world.clockError(use)) continue;
        const window = world.propagationWindow(use);
        const lag = instant <= end.at + window;
        const theft = !lag && isNew(use, before);
        late.push({
          at: instant,
          window,
          theft,
          kind: lag ? 'propagation lag' : 'enforcement gap',
          severity: lag ? 'info' : theft ? 'critical' : 'high',
        });
      }
    }
    if (late.length === 0) continue;
    late.sort((a, b) => a.at - b.at);
    const lastAccept = late[late.length - 1]!.at;
    const denies = uses
      .filter((use) => use.outcome === 'refused')
      .flatMap(instantsOf)
      .filter((t) => t > lastAccept);
    const firstDeny = denies.length === 0 ? undefined : Math.min(...denies);
    const severity = late.map((l) => l.severity).reduce(worst);
    const kind = late.some((l) => l.kind === 'enforcement gap') ? 'enforcement gap' : 'propagation lag';
    const lagWords =
      firstDeny === undefined
        ? `at least ${seconds(lastAccept - end.at)}`
        : `between ${seconds(lastAccept - end.at)} and ${seconds(firstDeny - end.at)}`;
    const sources = new Set(uses.map((use) => use.source));
    out.push(
      finding('D2', [view.name, gateway], {
        kind,
        severity,
        provisional: !watermarks.reached(sources, Math.max(lastAccept, end.at + late[0]!.window)),
        tokens: [view.name],
        family: view.family,
        gateway,
        summary: `${kind}: accepted ${late.length} time(s) after ${end.cause}; the lag at ${gateway} is ${lagWords} (window ${seconds(late[0]!.window)})`,
        evidence: {
          endedAt: at(end.at),
          cause: end.cause,
          windowMs: late[0]!.window,
          lagMs: { atLeast: lastAccept - end.at, ...(firstDeny === undefined ? {} : { atMost: firstDeny - end.at }) },
          uses: late.map((l) => ({ at: at(l.at), afterMs: l.at - end.at, class: l.kind, newNetworkOrAgent: l.theft })),
          theftIndicator: late.some((l) => l.theft),
          exact: uses.every((use) => use.exact),
        },
      }),
    );
  }
  return out;
}

/** A network or agent that no acceptance before the revocation shows; without any such, nothing is new. */
function isNew(use: Use, before: readonly Use[]): boolean {
  const nets = new Set(before.map((b) => b.net).filter((n) => n !== undefined));
  const agents = new Set(before.map((b) => b.agent).filter((a) => a !== undefined));
  return (
    (use.net !== undefined && nets.size > 0 && !nets.has(use.net)) ||
    (use.agent !== undefined && agents.size > 0 && !agents.has(use.agent))
  );
}
