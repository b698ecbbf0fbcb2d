import { indexFindings, planRollback, type FamilyMember } from '#deployments';
import { RULES_VERSION, thresholdsOf, type Contract, type History, type Name, type TokenView } from '#lifecycle';
import { deploymentIntervals } from './cuts.js';
import type { Frame } from './frame.js';
import type { Frames } from './frames.js';
import type { Answer, ReadParams } from './questions.js';
import { inTurns, stepByStep } from './turns.js';

/** The rollback plan (MODEL §8) by full replay: one pass for the findings, one for the decisions. */
export async function planOf(params: ReadParams<'rollback.plan'>, frames: Frames): Promise<Answer> {
  const frame = await frames.frame(params);
  const { history } = frame;
  const { world } = history;
  const { component, from, to } = params;
  const findingsOf = indexFindings(await stepByStep(history.findingsInSteps(frame.cut)));
  const plan = await planRollback({
    component,
    from,
    to,
    T: frame.cut.T,
    K: frame.knownAt.position,
    position: frame.knownAt.position,
    intervals: deploymentIntervals(history, frames.sightingsOf(frame), frame.tenant),
    contracts: { from: world.contractOf(component, from), to: world.contractOf(component, to) },
    declared: declaredVersions(history, component),
    settingsDigest: world.settingsDigest,
    rulesVersion: RULES_VERSION,
    watermarks: history.watermarks.toJSON(),
    views: inTurns(viewsOf(frame)),
    findingsOf,
    keys: world.keys,
    membersOf: (family) => membersOf(family, frame),
    reuseReported: (family) =>
      history.links
        .grantsOf(family)
        .some((grant) => (world.reuseReports.get(grant) ?? []).some((report) => report.at <= frame.cut.T)),
    componentOf: (source) => world.resolver.profile(source)?.component,
    clockErrorOf: (source) =>
      source === undefined ? largestClockError(history) : (world.resolver.profile(source)?.clockError ?? 0),
    observedOnlyShare: thresholdsOf(world.settings).observedOnlyShare,
    peers: peersOf(frame, component),
  });
  return { kind: 'value', value: plan, verdict: plan.verdict };
}

function* viewsOf(frame: Frame): Generator<TokenView> {
  for (const { view } of frame.history.views(frame.cut, frame.borders, { order: 'any' }))
    if (view.kind !== 'consumer') yield view;
}

function* membersOf(family: Name, { history, cut }: Frame): Generator<FamilyMember> {
  for (const name of history.links.membersOf(history.links.familyOf([family]) ?? family)) {
    const view = history.view(name, cut);
    if (view !== undefined) yield view;
  }
}

function declaredVersions(history: History, component: string): string[] {
  const out = new Set<string>();
  for (const fact of history.world.deployments) {
    if (fact.kind === 'deployment.declared' && fact.data['component'] === component)
      out.add(String(fact.data['version']));
  }
  return [...out].sort();
}

function largestClockError({ world, watermarks }: History): number {
  return Math.max(
    0,
    ...Object.keys(watermarks.toJSON()).map((source) => world.resolver.profile(source)?.clockError ?? 0),
  );
}

/** Other components' versions that serve at T, for the pairwise check of contracts (DOMAIN §3.2). */
function peersOf(frame: Frame, component: string): { component: string; version: string; contract: Contract }[] {
  const { history, cut } = frame;
  const out = new Map<string, { component: string; version: string; contract: Contract }>();
  for (const interval of deploymentIntervals(history, undefined, frame.tenant)) {
    const active = interval.on <= cut.T && (interval.off === undefined || interval.off > cut.T);
    const contract = history.world.contractOf(interval.component, interval.version);
    if (interval.component === component || !active || contract === undefined) continue;
    out.set(`${interval.component} ${interval.version}`, {
      component: interval.component,
      version: interval.version,
      contract,
    });
  }
  return [...out.values()];
}
