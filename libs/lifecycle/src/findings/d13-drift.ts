import type { Name } from '../names.js';
import type { Finding, Severity, TokenView } from '../view.js';
import { at, finding, type FindingContext } from './context.js';

/**
 * D13, drift of an exchanged or renewed token against what it came from: more scopes than its parent, an audience
 * outside the issuer's policy, too deep a chain of actors, or an exchange after the end of its subject (or of that
 * one's subject). Anchor: token.
 */
export function drift(context: FindingContext): Finding[] {
  const { view, world, around, thresholds, watermarks } = context;
  const reasons: { what: string; severity: Severity }[] = [];
  const origin = view.subjectToken ?? view.parent;
  const source = origin === undefined ? undefined : around.view(origin);
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

/**
 * What had ended before the exchange: its subject token, or that one's subject (least fixpoint: a circle ends
 * nothing). Without a named subject token, every access token of the subject's family that was issued by then.
 */
function endedBefore(
  view: TokenView,
  instant: number,
  context: FindingContext,
  path: ReadonlySet<Name> = new Set(),
): string | undefined {
  if (path.has(view.name)) return undefined;
  const seen = new Set([...path, view.name]);
  const { around, links } = context;
  if (view.subjectToken !== undefined) {
    const subject = around.view(view.subjectToken);
    if (subject === undefined) return undefined;
    const end = endedBy(subject, instant);
    if (end === undefined) return endedBefore(subject, instant, context, seen);
    return `exchanged ${instant - end.at} ms after its subject token was ${end.kind} (${end.cause})`;
  }
  if (view.subjectFamily === undefined) return undefined;
  const label = links.familyOf([view.subjectFamily]);
  const candidates = (label === undefined ? [] : links.membersOf(label))
    .filter((name) => name !== view.name)
    .map((name) => around.view(name))
    .filter((m) => m !== undefined && m.kind === 'access' && (m.issuedAt ?? Infinity) <= instant);
  const ended = (m: TokenView): boolean =>
    endedBy(m, instant) !== undefined || endedBefore(m, instant, context, seen) !== undefined;
  return candidates.length > 0 && candidates.every((m) => ended(m!))
    ? 'exchanged after every token that it may come from had ended'
    : undefined;
}

function endedBy(view: TokenView, instant: number): { at: number; kind: string; cause: string } | undefined {
  const end = view.ends.find((e) => e.kind !== 'rotated' && e.kind !== 'consumed' && e.at < instant);
  if (end !== undefined) return end;
  const { expiry } = view;
  return expiry.kind === 'at' && expiry.at! < instant
    ? { at: expiry.at!, kind: 'expired', cause: 'expired' }
    : undefined;
}
