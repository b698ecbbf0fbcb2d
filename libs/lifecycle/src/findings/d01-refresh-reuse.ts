import type { Name } from '../names.js';
import type { Finding, Severity, Use } from '../view.js';
import { at, finding, instantsOf, type FindingContext } from './context.js';

interface Presentation {
  use: Use;
  at: number;
  gap: number;
  severity: Severity;
  kind: string;
}

/**
 * D1, refresh reuse (MODEL §6): presentations of a refresh token after it was rotated, each graded, the finding takes
 * the worst. Anchor: the rotated token.
 */
export function refreshReuse(context: FindingContext): Finding[] {
  const { view, world, thresholds, around, watermarks } = context;
  const rotations = view.ends.filter((end) => end.kind === 'rotated');
  if (rotations.length === 0) return [];
  const rotatedAt = rotations[0]!.at;
  const reference = view.uses.find((use) => use.via === 'rotated' && use.first <= rotatedAt && rotatedAt <= use.last);
  const grace = graceOf(context);
  const presentations: Presentation[] = [];
  for (const use of view.uses) {
    if (use.shadow === true || use.via === 'observed') continue;
    for (const instant of instantsOf(use)) {
      if (instant < rotatedAt || (use === reference && instant === rotatedAt)) continue;
      if (use.via === 'rotated' && instant === rotatedAt) continue;
      presentations.push(grade(use, instant, instant - rotatedAt, grace, reference, context));
    }
  }
  const holders = twoLiveHolders(context, rotatedAt);
  if (presentations.length === 0 && holders === undefined) return [];
  presentations.sort((a, b) => a.at - b.at);

  const family = view.family === undefined ? [] : context.links.membersOf(view.family);
  const tokens = [view.name, ...family.filter((name) => name !== view.name)];
  const worstOne = presentations.reduce<Presentation | undefined>(
    (worst, p) => (worst === undefined || rank(p.severity) > rank(worst.severity) ? p : worst),
    undefined,
  );
  const severity = holders !== undefined ? 'critical' : worstOne!.severity;
  const kind = holders !== undefined ? 'two live holders' : worstOne!.kind;
  const evidence: Record<string, unknown> = {
    rotatedAt: at(rotatedAt),
    graceMs: grace,
    gapsMs: presentations.map((p) => p.gap),
    presentations: presentations.map((p) => ({
      at: at(p.at),
      gapMs: p.gap,
      grade: p.severity,
      sameNetwork: sameNetwork(p.use, reference),
      sameClient: sameClient(p.use, reference),
      sameAgent: sameAgent(p.use, reference),
      outcome: p.use.outcome,
      ...(p.use.reason === undefined ? {} : { reason: p.use.reason }),
    })),
    members: family,
  };
  if (holders !== undefined) evidence['holders'] = holders;
  let summary = `${kind}: presented ${presentations.length} time(s) after rotation, ${gapWords(presentations)} later`;
  const windowEnd = lastAt(presentations, rotatedAt);
  let settledAt = windowEnd;
  if (kind === 'concurrent rotation') {
    settledAt = windowEnd + thresholds.forcedRelogin;
    const login =
      view.subject === undefined || view.client === undefined
        ? undefined
        : around.loginWithin(view.subject, view.client, rotatedAt, settledAt, view.family);
    evidence['sameNetwork'] = presentations.every((p) => sameNetwork(p.use, reference));
    if (login !== undefined) {
      evidence['forcedRelogin'] = { at: at(login.at), afterMs: login.at - windowEnd, family: login.family };
      summary += `, same client and network; the user had to log in again ${login.at - windowEnd} ms after the last of them`;
    } else summary += ', same client and network';
  }
  return [
    finding('D1', [view.name], {
      kind,
      severity,
      provisional: !watermarks.reached(watermarks.issuersOf(view.issuer), settledAt),
      tokens,
      family: view.family,
      summary,
      evidence: {
        ...evidence,
        network: worstOne === undefined ? undefined : networkWords(worstOne.use, reference),
        source: world.resolver.profile(worstOne?.use.source ?? '')?.name,
      },
    }),
  ];
}

function grade(
  use: Use,
  instant: number,
  gap: number,
  grace: number,
  reference: Use | undefined,
  { thresholds }: FindingContext,
): Presentation {
  const base = { use, at: instant, gap };
  if (gap <= grace && grace > 0) return { ...base, severity: 'info', kind: 'reuse within grace' };
  if (gap <= thresholds.concurrentRotation && sameClient(use, reference) && sameNetwork(use, reference)) {
    return { ...base, severity: 'low', kind: 'concurrent rotation' };
  }
  const kind = 'refresh token reuse';
  if (!sameNetwork(use, reference)) return { ...base, severity: 'critical', kind };
  return { ...base, severity: sameAgent(use, reference) ? 'medium' : 'high', kind };
}

/** Two successors of one refresh token, both used: somebody else holds one of them. */
function twoLiveHolders({ view, around }: FindingContext, rotatedAt: number): Name[] | undefined {
  if (view.successors.length < 2) return undefined;
  const used = view.successors.filter((name) =>
    around.view(name)?.uses.some((use) => use.outcome === 'accepted' && use.last > rotatedAt),
  );
  return used.length >= 2 ? used : undefined;
}

function graceOf({ view, world }: FindingContext): number {
  const issuer = view.issuer === undefined ? undefined : world.settings.issuers[view.issuer]?.rotationGrace;
  if (issuer !== undefined) return issuer;
  const source = view.uses.find((use) => use.via === 'rotated')?.source;
  return (source === undefined ? undefined : world.resolver.profile(source)?.rotationGrace) ?? 0;
}

function sameNetwork(a: Use, b: Use | undefined): boolean {
  return a.net !== undefined && a.net === b?.net;
}
function sameClient(a: Use, b: Use | undefined): boolean {
  return a.client !== undefined && a.client === b?.client;
}
/** An unknown agent counts as different. */
function sameAgent(a: Use, b: Use | undefined): boolean {
  return a.agent !== undefined && a.agent === b?.agent;
}

function networkWords(use: Use, reference: Use | undefined): string {
  return sameNetwork(use, reference) ? 'same network' : use.net === undefined ? 'unknown network' : 'other network';
}

function gapWords(presentations: readonly Presentation[]): string {
  const gaps = presentations.map((p) => p.gap);
  if (gaps.length === 0) return 'both successors were used';
  return gaps.length <= 4 ? `${gaps.join('/')} ms` : `${Math.min(...gaps)} to ${Math.max(...gaps)} ms`;
}

function lastAt(presentations: readonly Presentation[], otherwise: number): number {
  return presentations.length === 0 ? otherwise : presentations[presentations.length - 1]!.at;
}

function rank(severity: Severity): number {
  return ['info', 'low', 'medium', 'high', 'critical'].indexOf(severity);
}
