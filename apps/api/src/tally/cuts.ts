import { intervalsOf, timeCut, type Interval } from '#deployments';
import type { Borders, Cut, History } from '#lifecycle';
import type { Sighting } from '#ledger';
import { NotFound, WrongUse } from './errors.js';
import { shown } from './when.js';

/** The versions that lines were stamped with, as known at K. */
export interface Seen {
  readonly versions: ReadonlyMap<string, Sighting>;
}

/** Every activation interval that a history knows; versions stamped on lines are read only when asked for. */
export function deploymentIntervals(history: History, sightings: Seen | undefined, tenant: string): Interval[] {
  const { resolver } = history.world;
  const seen = [...(sightings?.versions.values() ?? [])].map(({ source, version, gateway, region, first, last }) => ({
    tenant,
    component: resolver.profile(source)?.component ?? 'gateway',
    version,
    first,
    last,
    ...(gateway === undefined ? {} : { gateway }),
    ...(region === undefined ? {} : { region }),
  }));
  return intervalsOf(history.world.deployments, seen);
}

/** The instants at which declared deployments switch: uses are known exactly on each side of them. */
export function switchesOf(history: History): Borders {
  const out = new Set<number>();
  for (const fact of history.world.deployments) out.add(fact.time);
  return [...out].sort((a, b) => a - b);
}

/** The component that a question means: as asked, else the only one there is. */
export function componentOf(intervals: readonly Interval[], asked: string | undefined): string {
  if (asked !== undefined) return asked;
  const known = [...new Set(intervals.map((interval) => interval.component))];
  if (known.length === 1) return known[0]!;
  if (known.length === 0)
    throw new NotFound('a deployment', 'No version was declared, and none is stamped on any line.');
  throw new WrongUse('--component', `must be one of ${known.join(', ')}`);
}

export interface VersionQuestion {
  history: History;
  tenant: string;
  sightings(): Seen | Promise<Seen>;
  version: string;
  component: string | undefined;
  interval: number | undefined;
  now: number;
}

/** The time cut of a version (MODEL §7.3), and how the answer tells of it. */
export async function cutOfVersion(asked: VersionQuestion): Promise<{ cut: Cut; asOf: Record<string, unknown> }> {
  const { history, version, now } = asked;
  const isDeclared = history.world.deployments.some(
    (fact) => fact.data['version'] === version && fact.kind !== 'deployment.declared',
  );
  const intervals = deploymentIntervals(history, isDeclared ? undefined : await asked.sightings(), asked.tenant);
  const component = componentOf(intervals, asked.component);
  const found = timeCut(intervals, {
    component,
    version,
    now,
    ...(asked.interval === undefined ? {} : { n: asked.interval }),
  });
  if (!found.applicable) throw new NotFound(`${version} on ${component}`, found.why);
  const { cut, activation, stillActive, notes } = found;
  return {
    cut,
    asOf: {
      time: shown(cut.T),
      version,
      component,
      activation: `${activation.n} of ${activation.of}`,
      inferred: activation.inferred,
      stillActive,
      ...(cut.gateways === undefined
        ? {}
        : { gateways: Object.fromEntries([...cut.gateways].map(([gateway, at]) => [gateway, shown(at)])) }),
      notes,
    },
  };
}
