import { OBSERVATIONS, shortType, type Fact, type Millis } from '#lifecycle';
import { covers, mayTouch, sameScope, scopeOf, type Scope } from './scope.js';

export type IntervalEnd = 'deactivated' | 'replaced' | 'weighted to nothing' | 'rolled back' | 'last sighting';

/** A part of an interval's scope that was somebody else's for a while. `to` is absent while it still is. */
export interface Carved {
  scope: Scope;
  from: Millis;
  to?: Millis;
}

/** One activation of a version on one scope: it serves from `on` (included) to `off` (excluded). */
export interface Interval {
  tenant: string;
  component: string;
  version: string;
  scope: Scope;
  on: Millis;
  /** Absent while the version is still active. Equal to `on`: it never served anything. */
  off?: Millis;
  endedBy?: IntervalEnd;
  /** Share of the traffic, 0 < weight ≤ 1, from each instant on; a ramp stays one interval. */
  weights: { at: Millis; weight: number }[];
  /** Narrower scopes that another version took over, or where this one was switched off. */
  carved: Carved[];
  /** Known only from versions stamped on lines: first to last sighting, both included (MODEL §7.1). */
  inferred: boolean;
  /** Whether a client stays with one version; absent if nobody said. */
  sticky?: boolean;
}

export type DeploymentFact = Pick<Fact, 'type' | 'tenant' | 'time' | 'data'> &
  Partial<Pick<Fact, 'gateway' | 'region'>>;

interface Step {
  at: Millis;
  kind: 'open' | 'close' | 'rollback';
  endedBy: IntervalEnd;
  version: string;
  to?: string;
  scope: Scope;
  weight: number;
  sticky?: boolean;
}

/**
 * Activation intervals that deployment facts declare, sorted by component, on, version. Facts come in any order and any
 * number of times. A version that takes the whole weight ends every other one on its scope (blue-green); a canary does
 * not. Facts of one millisecond: what was active before ends first, then activations in order of weight and version.
 */
export function declaredIntervals(facts: Iterable<DeploymentFact>): Interval[] {
  const groups = new Map<string, { tenant: string; component: string; steps: Map<string, Step> }>();
  for (const fact of facts) {
    const read = readStep(fact);
    if (!read) continue;
    const key = JSON.stringify([fact.tenant, read.component]);
    let group = groups.get(key);
    if (!group) groups.set(key, (group = { tenant: fact.tenant, component: read.component, steps: new Map() }));
    group.steps.set(stepKey(read.step), read.step);
  }
  const out: Interval[] = [];
  for (const { tenant, component, steps } of groups.values()) {
    const timeline = new Timeline(tenant, component);
    const byTime = new Map<Millis, Step[]>();
    for (const step of steps.values()) byTime.set(step.at, [...(byTime.get(step.at) ?? []), step]);
    for (const at of [...byTime.keys()].sort((a, b) => a - b)) timeline.apply(at, byTime.get(at)!);
    out.push(...timeline.intervals);
  }
  return out.sort(byStart);
}

/** By tenant, component, on, off (an active one last), version, scope: a total order on different intervals. */
export function byStart(a: Interval, b: Interval): number {
  const texts = (i: Interval): string => JSON.stringify([i.tenant, i.component]);
  const tie = (i: Interval): string => JSON.stringify([i.version, i.scope.gateway, i.scope.region, i.scope.cohort]);
  return (
    compare(texts(a), texts(b)) ||
    a.on - b.on ||
    compare(a.off ?? Infinity, b.off ?? Infinity) ||
    compare(tie(a), tie(b))
  );
}

function compare<T extends string | number>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function readStep(fact: DeploymentFact): { component: string; step: Step } | undefined {
  const kind = shortType(fact.type);
  const where = (data: {
    gateway?: string | undefined;
    region?: string | undefined;
    cohort?: string | undefined;
  }): Scope =>
    scopeOf({ gateway: data.gateway ?? fact.gateway, region: data.region ?? fact.region, cohort: data.cohort });
  switch (kind) {
    case 'deployment.activated':
    case 'deployment.weighted': {
      const parsed = OBSERVATIONS[kind].safeParse(fact.data);
      if (!parsed.success) return undefined;
      const { component, version, weight = 1 } = parsed.data;
      const step: Step = {
        at: fact.time,
        kind: weight > 0 ? 'open' : 'close',
        endedBy: 'weighted to nothing',
        version,
        scope: where(parsed.data),
        weight,
      };
      if (typeof parsed.data['sticky'] === 'boolean') step.sticky = parsed.data['sticky'];
      return { component, step };
    }
    case 'deployment.deactivated': {
      const parsed = OBSERVATIONS[kind].safeParse(fact.data);
      if (!parsed.success) return undefined;
      const { component, version } = parsed.data;
      const scope = where(parsed.data);
      return { component, step: { at: fact.time, kind: 'close', endedBy: 'deactivated', version, scope, weight: 0 } };
    }
    case 'deployment.rolledback': {
      const parsed = OBSERVATIONS[kind].safeParse(fact.data);
      if (!parsed.success) return undefined;
      const { component, from, to } = parsed.data;
      const scope = where({ gateway: parsed.data.gateway, region: parsed.data.region });
      return {
        component,
        step: { at: fact.time, kind: 'rollback', endedBy: 'rolled back', version: from, to, scope, weight: 1 },
      };
    }
    default:
      return undefined;
  }
}

function stepKey(s: Step): string {
  const { gateway, region, cohort } = s.scope;
  return JSON.stringify([s.at, s.kind, s.endedBy, s.version, s.to, gateway, region, cohort, s.weight, s.sticky]);
}

/** What a removal states that names no version (CDEvents `service.removed`): whatever serves there ends. */
const ANY_VERSION = '*';

/** The versions of one component, step by step. */
class Timeline {
  readonly intervals: Interval[] = [];

  constructor(
    private readonly tenant: string,
    private readonly component: string,
  ) {}

  apply(at: Millis, steps: readonly Step[]): void {
    const closes = steps.filter((step) => step.kind === 'close').sort(byWidth);
    // A close in the millisecond of its own activation makes an empty interval; of an older one, a restart.
    const early = closes.filter((step) => this.open(step.version).some((i) => mayTouch(i.scope, step.scope)));
    for (const step of early) this.close(step, step.version);
    for (const step of steps.filter((s) => s.kind === 'open').sort(byWeight)) this.activate(step, step.version);
    for (const step of steps.filter((s) => s.kind === 'rollback').sort(byWeight)) {
      this.close(step, step.version);
      this.activate(step, step.to!);
    }
    for (const step of closes) if (!early.includes(step)) this.close(step, step.version);
    // Two facts of one instant may state two weights: the larger holds, whichever came first.
    for (const interval of this.intervals) {
      const now = interval.weights.filter((w) => w.at === at);
      if (now.length < 2) continue;
      const weight = Math.max(...now.map((w) => w.weight));
      interval.weights = [...interval.weights.filter((w) => w.at !== at), { at, weight }];
    }
  }

  private open(version?: string): Interval[] {
    const any = version === undefined || version === ANY_VERSION;
    return this.intervals.filter((i) => i.off === undefined && (any || i.version === version));
  }

  private activate(step: Step, version: string): void {
    const { at, scope, weight } = step;
    const standing = this.open(version).find(
      (i) =>
        sameScope(i.scope, scope) ||
        (covers(i.scope, scope) &&
          i.weights.at(-1)!.weight >= weight &&
          !i.carved.some((c) => c.to === undefined && mayTouch(c.scope, scope))),
    );
    if (!standing) {
      const interval: Interval = {
        tenant: this.tenant,
        component: this.component,
        version,
        scope,
        on: at,
        weights: [{ at, weight }],
        carved: [],
        inferred: false,
      };
      if (step.sticky !== undefined) interval.sticky = step.sticky;
      this.intervals.push(interval);
    } else if (sameScope(standing.scope, scope) && standing.weights.at(-1)!.weight !== weight) {
      standing.weights.push({ at, weight });
    }
    if (weight === 1) this.replaceOthers(at, scope, version);
  }

  /** The whole weight of a scope leaves nothing for other versions there. */
  private replaceOthers(at: Millis, scope: Scope, version: string): void {
    for (const other of this.open()) {
      if (other.version === version) continue;
      if (covers(scope, other.scope)) end(other, at, 'replaced');
      else if (covers(other.scope, scope)) carve(other, scope, at);
    }
  }

  private close(step: Step, version: string): void {
    for (const interval of this.open(version)) {
      if (covers(step.scope, interval.scope)) end(interval, step.at, step.endedBy);
      else if (covers(interval.scope, step.scope)) carve(interval, step.scope, step.at);
      else continue;
      // Where nobody holds the whole of a narrower scope any more, the wider activation serves it again.
      for (const wide of this.open()) {
        if (wide.version === version) continue;
        for (const part of wide.carved) {
          if (part.to === undefined && covers(step.scope, part.scope) && !this.isHeld(part.scope, wide))
            part.to = step.at;
        }
      }
    }
  }

  private isHeld(scope: Scope, besides: Interval): boolean {
    return this.open().some(
      (i) => i.version !== besides.version && covers(i.scope, scope) && i.weights.at(-1)!.weight === 1,
    );
  }
}

function end(interval: Interval, at: Millis, by: IntervalEnd): void {
  interval.off = at;
  interval.endedBy = by;
}

function carve(interval: Interval, scope: Scope, from: Millis): void {
  if (interval.carved.some((c) => c.to === undefined && sameScope(c.scope, scope))) return;
  interval.carved.push({ scope, from });
}

/** Wide scopes first, so that what they end is not carved before. */
function byWidth(a: Step, b: Step): number {
  return Object.keys(a.scope).length - Object.keys(b.scope).length || compare(stepKey(a), stepKey(b));
}

function byWeight(a: Step, b: Step): number {
  return a.weight - b.weight || byWidth(a, b);
}
