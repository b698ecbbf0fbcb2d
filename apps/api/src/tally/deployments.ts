import { activationsOf, describeScope, versionMatrix, type Interval } from '#deployments';
import { contractSchema, type TokenView } from '#lifecycle';
import { ownFact } from '#intake';
import { z } from 'zod';
import { componentOf, deploymentIntervals } from './cuts.js';
import { BadInput, NotFound } from './errors.js';
import type { Frame } from './frame.js';
import type { Frames } from './frames.js';
import type { Answer, ReadParams } from './questions.js';
import type { Stores } from './stores.js';
import { instant, shown } from './when.js';

/** One row an activation; `id` is what `tally deployment show` takes. */
export async function listDeployments(params: ReadParams<'deployment.list'>, frames: Frames): Promise<Answer> {
  const frame = await frames.frame(params);
  const all = activationRows(frame, frames).filter(
    (row) => params.component === undefined || row.component === params.component,
  );
  const skip = Number(params.after ?? 0);
  return {
    kind: 'rows',
    rows: all.slice(skip),
    keyOf: (_row, index) => String(skip + index + 1),
    pinned: { asKnownAt: `position:${frame.knownAt.position}` },
  };
}

export async function showDeployment(params: ReadParams<'deployment.show'>, frames: Frames): Promise<Answer> {
  const frame = await frames.frame(params);
  const rows = activationRows(frame, frames);
  const byId = rows.find((row) => row.id === params.id);
  const byVersion = rows.filter(
    (row) => row.version === params.id && (params.component === undefined || row.component === params.component),
  );
  const chosen = byId ?? byVersion.at(-1);
  const { world } = frame.history;
  if (chosen === undefined) {
    const component = params.component ?? 'gateway';
    const contract = world.contractOf(component, params.id);
    if (contract === undefined) throw new NotFound(`deployment ${params.id}`, 'See `tally deployment list`.');
    return { kind: 'value', value: { id: null, component, version: params.id, activations: [], contract } };
  }
  return {
    kind: 'value',
    value: {
      ...chosen,
      activations: rows.filter((row) => row.component === chosen.component && row.version === chosen.version),
      contract: world.contractOf(chosen.component, chosen.version) ?? null,
    },
  };
}

/** Issued version × validated version: the most telling table of a canary (DOMAIN §3.1). */
export async function showMatrix(params: ReadParams<'deployment.matrix'>, frames: Frames): Promise<Answer> {
  const frame = await frames.frame(params);
  const intervals = deploymentIntervals(frame.history, frames.sightingsOf(frame), frame.tenant);
  const component = componentOf(intervals, params.component);
  const own = intervals.filter((interval) => interval.component === component);
  const { resolver } = frame.history.world;
  function* views(): Generator<TokenView> {
    for (const { view } of frame.history.views(frame.cut, frame.borders, { order: 'any' })) {
      // What an issuer or another component made of the token says nothing of this one's versions.
      const uses = view.uses.filter((use) => resolver.profile(use.source)?.component === component);
      if (view.kind !== 'consumer') yield { ...view, uses };
    }
  }
  const cells = versionMatrix(views(), { issuing: own, validating: own });
  const skip = Number(params.after ?? 0);
  return {
    kind: 'rows',
    rows: cells.slice(skip).map((cell) => ({ ...cell })),
    keyOf: (_row, index) => String(skip + index + 1),
    pinned: { asKnownAt: `position:${frame.knownAt.position}` },
    end: () => ({ component, asOf: frame.asOf }),
  };
}

interface ActivationRow extends Record<string, unknown> {
  id: string;
  component: string;
  version: string;
}

function activationRows(frame: Frame, frames: Frames): ActivationRow[] {
  const intervals = deploymentIntervals(frame.history, frames.sightingsOf(frame), frame.tenant);
  const pairs = new Map<string, { component: string; version: string }>();
  for (const { component, version } of intervals) pairs.set(`${component}\n${version}`, { component, version });
  const rows: (ActivationRow & { at: number })[] = [];
  for (const { component, version } of pairs.values()) {
    for (const activation of activationsOf(intervals, component, version)) {
      rows.push({
        id: `${component}/${version}/${activation.n}`,
        component,
        version,
        on: shown(activation.on),
        off: shown(activation.off),
        active: activation.off === undefined,
        inferred: activation.inferred,
        contract: frame.history.world.contractOf(component, version) !== undefined,
        intervals: activation.intervals.map(intervalRow),
        at: activation.on,
      });
    }
  }
  rows.sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1));
  return rows.map(({ at: _at, ...row }) => row);
}

function intervalRow(interval: Interval): Record<string, unknown> {
  return {
    scope: describeScope(interval.scope),
    on: shown(interval.on),
    off: shown(interval.off),
    endedBy: interval.endedBy ?? null,
    weight: interval.weights.at(-1)?.weight ?? null,
    inferred: interval.inferred,
  };
}

export const declarationSchema = z.strictObject({
  component: z.string().min(1),
  version: z.string().min(1),
  contract: contractSchema.optional(),
  artifact: z.string().optional(),
  lineage: z.array(z.string()).optional(),
  at: z.string().optional(),
});

/** Records what a version accepts: its contract. Several declarations may stand in one document. */
export async function declareDeployment(params: ReadParams<'deployment.declare'>, stores: Stores): Promise<Answer> {
  const documents = Array.isArray(params.declaration) ? params.declaration : [params.declaration];
  const declarations = documents.map((document, i) => {
    const parsed = declarationSchema.safeParse(document);
    if (parsed.success) return parsed.data;
    const where = documents.length > 1 ? `declaration ${i + 1}` : 'declaration';
    const faults = parsed.error.issues.map((issue) => `${issue.path.join('.') || '(document)'} ${issue.message}`);
    throw new BadInput(where, faults.join('; '), 'Mend these fields; nothing was recorded.');
  });
  const facts = declarations.map(({ at, ...data }) =>
    ownFact({
      type: 'deployment.declared',
      tenant: params.tenant,
      subject: data.component,
      time: at === undefined ? stores.clock() : instant('at', at),
      data,
    }),
  );
  await stores.intake!.state(facts);
  return {
    kind: 'value',
    value: declarations.map(({ component, version }) => ({ declared: `${component}/${version}` })),
  };
}

/** Takes a version out. @throws NotFound if it is not active then: a mistyped version would change nothing, silently */
export async function deactivateDeployment(
  params: ReadParams<'deployment.deactivate'>,
  stores: Stores,
  frames: Frames,
): Promise<Answer> {
  const { tenant, component, version } = params;
  const at = params.at === undefined ? stores.clock() : instant('--at', params.at);
  const frame = await frames.frame({ tenant });
  const intervals = deploymentIntervals(frame.history, frames.sightingsOf(frame), tenant);
  // Of inferred intervals only the sightings are known: the version may have served on.
  const isActive = intervals.some(
    (each) =>
      each.component === component &&
      each.version === version &&
      each.on <= at &&
      (each.inferred || each.off === undefined || each.off >= at),
  );
  if (version !== '*' && !isActive)
    throw new NotFound(
      `an activation of ${version} on ${component} at ${shown(at)}`,
      'See `tally deployment list`; nothing was recorded. Version `*` means whichever is active.',
    );
  return stepDeployment('deactivated', params, stores);
}

export async function stepDeployment(
  kind: 'activated' | 'deactivated',
  params: ReadParams<'deployment.activate'>,
  stores: Stores,
): Promise<Answer> {
  const { tenant, at, ...step } = params;
  const data = Object.fromEntries(Object.entries(step).filter(([, value]) => value !== undefined));
  const time = at === undefined ? stores.clock() : instant('--at', at);
  await stores.intake!.state([ownFact({ type: `deployment.${kind}`, tenant, subject: params.component, time, data })]);
  return { kind: 'value', value: { [kind]: `${params.component}/${params.version}`, at: shown(time), ...data } };
}
