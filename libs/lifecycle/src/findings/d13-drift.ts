import type { Finding, Severity, TokenView } from '../view.js';
import { at, finding, type FindingContext } from './context.js';

/**
 * D13, drift of an exchanged or renewed token against what it came from: more scopes than its parent, an audience
 * outside the issuer's policy, too deep a chain of actors, or an exchange after the end of its subject (or of that
 * one's subject). Anchor: token.
 */
export function drift(context: FindingContext): Finding[] {
  const { view, world, around, thresholds, watermarks, links } = context;
  const reasons: { what: string; severity: Severity }[] = [];
  const origin = view.subjectToken ?? view.parent;
  const source = origin === undefined ? undefined : around.view(links.unitOf(origin).center);
  if (source !== undefined && view.scopes !== undefined && source.scopes !== undefined) {
    const more = view.scopes.filter((scope) => !source.scopes!.includes(scope));
    if (more.length > 0) reasons.push({ what: `scopes beyond its parent: ${more.join(' ')}`, severity: 'medium' });
  }
  const policy = view.issuer === undefined ? undefined : world.settings.issuers[view.issuer]?.audiences;
  const outside = policy === undefined ? [] : (view.audiences?.values ?? []).filter((aud) => !policy.includes(aud));
  if (outside.length > 0) reasons.push({ what: `audience outside policy: ${outside.join(' ')}`, severity: 'medium' });
  if ((view.actorDepth ?? 0) > thresholds.actorDepth) {
    reasons.push({ what: `chain of ${view.actorDepth} actors`, severity: 'medium' });
  }
  if (view.exchanged && view.issuedAt !== undefined) {
    const ended = endedBefore(view, view.issuedAt, context);
    if (ended !== undefined) reasons.push({ what: ended, severity: 'high' });
  }
  if (reasons.length === 0) return [];
  return [
    finding('D13', [view.name], {
      kind: reasons.some((r) => r.severity === 'high')
        ? 'exchange after the end of its subject'
        : 'scope or audience drift',
      severity: reasons.some((r) => r.severity === 'high') ? 'high' : 'medium',
      provisional: !watermarks.reached(watermarks.issuersOf(view.issuer), view.issuedAt ?? view.firstSeen),
      tokens: [view.name],
      family: view.family,
      summary: reasons.map((r) => r.what).join('; '),
      evidence: {
        reasons: reasons.map((r) => r.what),
        parent: origin,
        issuedAt: view.issuedAt === undefined ? null : at(view.issuedAt),
      },
    }),
  ];
}

/** Follows subject tokens (else the subject's family: all of its access tokens ended counts as ended). */
function endedBefore(view: TokenView, instant: number, { around, links }: FindingContext): string | undefined {
  const seen = new Set<string>();
  let at: TokenView | undefined = view;
  while (at !== undefined && !seen.has(at.name)) {
    seen.add(at.name);
    if (at.subjectToken === undefined) {
      if (at.subjectFamily === undefined) return undefined;
      const label = links.familyOf([at.subjectFamily]);
      const members = (label === undefined ? [] : links.membersOf(label)).map((name) => around.view(name));
      const candidates = members.filter(
        (m) => m !== undefined && m.kind === 'access' && (m.issuedAt ?? Infinity) <= instant,
      );
      const all = candidates.length > 0 && candidates.every((m) => endedBy(m!, instant) !== undefined);
      return all ? 'every token that it may come from had ended' : undefined;
    }
    at = around.view(links.unitOf(at.subjectToken).center);
    const end = at === undefined ? undefined : endedBy(at, instant);
    if (end !== undefined)
      return `exchanged ${instant - end.at} ms after its subject token was ${end.kind} (${end.cause})`;
  }
  return undefined;
}

function endedBy(view: TokenView, instant: number): { at: number; kind: string; cause: string } | undefined {
  const end = view.ends.find((e) => e.kind !== 'rotated' && e.kind !== 'consumed' && e.at < instant);
  if (end !== undefined) return end;
  const { expiry } = view;
  return expiry.kind === 'at' && expiry.at! < instant
    ? { at: expiry.at!, kind: 'expired', cause: 'expired' }
    : undefined;
}
