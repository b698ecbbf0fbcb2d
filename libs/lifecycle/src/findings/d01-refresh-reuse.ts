import type { Name } from '../names.js';
import { SEVERITIES, type Finding, type Severity, type Use } from '../view.js';
import type { ReuseReport } from '../world.js';
import { at, finding, instantsOf, type FindingContext } from './context.js';

interface Presentation {
  use: Use;
  at: number;
  gap: number;
  severity: Severity;
  kind: string;
}

const REUSE = 'refresh token reuse';

/** What the issuer itself says: reports that name this token, or its family alone (then its first member stands for it). */
function reportsOf({ view, world, links, T }: FindingContext): ReuseReport[] {
  if (view.family === undefined || world.reuseReports.size === 0) return [];
  const grants = [...links.grantsOf(view.family), view.family];
  const all = new Set(grants.flatMap((grant) => world.reuseReports.get(grant) ?? []));
  const reports = [...all]
    .filter((report) => report.at <= T)
    .sort((a, b) => a.at - b.at || (a.source < b.source ? -1 : 1));
  const stands = links.membersOf(view.family)[0] === view.name;
  return reports.filter(({ token }) => (token === undefined ? stands : view.names.includes(token)));
}

/** The issuer's word without a presentation that we saw: it knows its own tokens, so it is critical. */
function reportedAlone({ view, watermarks, links }: FindingContext, reports: readonly ReuseReport[]): Finding {
  const family = view.family === undefined ? [] : links.membersOf(view.family);
  const last = reports[reports.length - 1]!;
  return finding('D1', [view.name], {
    kind: REUSE,
    severity: 'critical',
    provisional: !watermarks.reached(new Set(reports.map((report) => report.source)), last.at),
    tokens: [view.name, ...family.filter((name) => name !== view.name)],
    family: view.family,
    summary: `${REUSE}: ${last.source} reported it at ${at(last.at)}`,
    evidence: { reported: reports.map(shownReport), members: family },
  });
}

function shownReport({ at: time, source }: ReuseReport): { at: string; source: string } {
  return { at: at(time), source };
}

/**
 * D1, refresh reuse (MODEL §6): presentations of a refresh token after it was rotated, each graded, the finding takes
 * the worst. Anchor: the rotated token.
 */
export function refreshReuse(context: FindingContext): Finding[] {
  const { view, world, watermarks, links } = context;
  const rotatedAt = view.ends.find((end) => end.kind === 'rotated')?.at;
  const reports = reportsOf(context);
  if (rotatedAt === undefined) return reports.length === 0 ? [] : [reportedAlone(context, reports)];
  const reference = view.uses.find((use) => use.via === 'rotated' && use.first <= rotatedAt && rotatedAt <= use.last);
  const grace = graceOf(context, reference);
  const presentations = presentationsOf(view.uses, rotatedAt)
    .map(({ use, instant }) => grade(use, instant, instant - rotatedAt, grace, reference, context))
    .sort((a, b) => a.at - b.at);
  const family = view.family === undefined ? [] : links.membersOf(view.family);
  const isReused = presentations.length > 0;
  const holders = isReused || view.successors.length > 1 ? twoLiveHolders(context, family, rotatedAt) : undefined;
  if (!isReused && holders === undefined) return reports.length === 0 ? [] : [reportedAlone(context, reports)];

  const worst = presentations.reduce<Presentation | undefined>(
    (a, b) => (a === undefined || rank(b.severity) > rank(a.severity) ? b : a),
    undefined,
  );
  const isReported = reports.length > 0;
  const severity = holders !== undefined || worst === undefined || isReported ? 'critical' : worst.severity;
  const graded = isReported ? REUSE : (worst?.kind ?? REUSE);
  const kind = holders !== undefined || worst === undefined ? 'two live holders' : graded;
  const last = presentations[presentations.length - 1]?.at ?? rotatedAt;
  const isExact = presentations.every((p) => p.use.exact);
  const evidence: Record<string, unknown> = {
    rotatedAt: at(rotatedAt),
    graceMs: grace,
    gapsMs: presentations.map((p) => p.gap),
    exact: isExact,
    presentations: presentations.map((p) => shown(p, reference)),
    members: family,
    ...(worst !== undefined && {
      network: networkWords(worst.use, reference),
      source: world.resolver.profile(worst.use.source)?.name,
    }),
    ...(holders !== undefined && { holders }),
    ...(isReported && { reported: reports.map(shownReport) }),
  };
  const words = [
    isReused
      ? `${kind}: presented ${isExact ? '' : 'at least '}${presentations.length} time(s) after rotation, ${gapWords(presentations)} later`
      : `${kind}: rotated twice at once, and both successors were used`,
  ];
  let settledAt = last;
  if (kind === 'concurrent rotation') {
    const relogin = forcedRelogin(context, presentations);
    settledAt = relogin.until;
    evidence['sameNetwork'] = presentations.every((p) => sameNetwork(p.use, reference));
    words.push('same client and network');
    if (relogin.login !== undefined) {
      evidence['forcedRelogin'] = relogin.login;
      words.push(`the user had to log in again ${relogin.login.afterMs} ms after the last of them`);
    }
  }
  const sources = new Set(watermarks.issuersOf(view.issuer));
  for (const { use } of presentations) sources.add(use.source);
  return [
    finding('D1', [view.name], {
      kind,
      severity,
      provisional: !watermarks.reached(sources, settledAt),
      tokens: [view.name, ...family.filter((name) => name !== view.name)],
      family: view.family,
      summary: words.join(', '),
      evidence,
    }),
  ];
}

/** Uses at or after the rotation, without the one that rotated. An observation without a judgement is none. */
function presentationsOf(uses: readonly Use[], rotatedAt: number): { use: Use; instant: number }[] {
  return uses
    .filter((use) => use.shadow !== true && use.via !== 'observed')
    .flatMap((use) => instantsOf(use).map((instant) => ({ use, instant })))
    .filter(({ instant }) => instant >= rotatedAt)
    .filter(({ use, instant }) => instant > rotatedAt || use.via !== 'rotated');
}

/** The rows of MODEL §6, first match. */
function grade(
  use: Use,
  instant: number,
  gap: number,
  grace: number,
  reference: Use | undefined,
  { thresholds }: FindingContext,
): Presentation {
  const base = { use, at: instant, gap };
  if (gap <= grace) return { ...base, severity: 'info', kind: 'reuse within grace' };
  if (gap <= thresholds.concurrentRotation && sameClient(use, reference) && sameNetwork(use, reference)) {
    return { ...base, severity: 'low', kind: 'concurrent rotation' };
  }
  const kind = 'refresh token reuse';
  if (!sameNetwork(use, reference)) return { ...base, severity: 'critical', kind };
  return { ...base, severity: sameAgent(use, reference) ? 'medium' : 'high', kind };
}

/** Two successors of one refresh token, both used after the rotation: somebody else holds one of them. */
function twoLiveHolders({ view, around }: FindingContext, family: Name[], rotatedAt: number): Name[] | undefined {
  const children = family.filter((name) => {
    const member = name === view.name ? undefined : around.view(name);
    return member?.parent === view.name && member.kind === 'refresh';
  });
  const successors = [...new Set([...view.successors, ...children])].sort();
  if (successors.length < 2) return undefined;
  const used = successors.filter((name) =>
    around.view(name)?.uses.some((use) => use.outcome === 'accepted' && use.shadow !== true && use.last > rotatedAt),
  );
  return used.length >= 2 ? used : undefined;
}

/** The first login of the same subject and client after a refused presentation, until the window after the last. */
function forcedRelogin(
  { view, thresholds, around }: FindingContext,
  presentations: readonly Presentation[],
): { until: number; login?: { at: string; afterMs: number; family: Name | undefined } } {
  const first = presentations.find((p) => p.use.outcome === 'refused') ?? presentations[0]!;
  const last = presentations[presentations.length - 1]!.at;
  const until = last + thresholds.forcedRelogin;
  if (view.subject === undefined || view.client === undefined) return { until };
  const login = around.loginWithin(view.subject, view.client, first.at, until, view.family);
  if (login === undefined) return { until };
  const before = presentations.filter((p) => p.at < login.at);
  const since = before[before.length - 1]?.at ?? first.at;
  return { until, login: { at: at(login.at), afterMs: login.at - since, family: login.family } };
}

function graceOf({ view, world }: FindingContext, reference: Use | undefined): number {
  const issuer = view.issuer === undefined ? undefined : world.settings.issuers[view.issuer]?.rotationGrace;
  if (issuer !== undefined) return issuer;
  return (reference === undefined ? undefined : world.resolver.profile(reference.source)?.rotationGrace) ?? 0;
}

function shown(p: Presentation, reference: Use | undefined): Record<string, unknown> {
  return {
    at: at(p.at),
    gapMs: p.gap,
    grade: p.severity,
    sameNetwork: sameNetwork(p.use, reference),
    sameClient: sameClient(p.use, reference),
    sameAgent: sameAgent(p.use, reference),
    outcome: p.use.outcome,
    ...(p.use.reason !== undefined && { reason: p.use.reason }),
  };
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
  return gaps.length <= 4 ? `${gaps.join('/')} ms` : `${Math.min(...gaps)} to ${Math.max(...gaps)} ms`;
}

function rank(severity: Severity): number {
  return SEVERITIES.indexOf(severity);
}
