import type { Contract, Finding, TokenView } from '#lifecycle';
import { activationsOf } from './activation.js';
import { attribute } from './attribution.js';
import type { Interval } from './intervals.js';
import type { PlanInput } from './plan.js';
import { predict } from './prediction.js';
import type { RuleContext, Under } from './rules/rule.js';
import { issuedUnder } from './rules/stores.js';

const NOWHERE: Under = { may: false, must: false, attribution: { kind: 'unknown' } };

/** Builds the rules' context token by token; what is the same for all tokens is worked out once. */
export function contextFor(input: PlanInput): (view: TokenView) => RuleContext {
  const { component, from, to, T, contracts } = input;
  const intervals = input.intervals.filter((i) => i.component === component);
  const activations = activationsOf(intervals, component, from);
  const base = {
    fromContract: contracts.from,
    toContract: contracts.to,
    store: storeBetween(contracts.from, contracts.to),
    firstActivation: activations[0]!.on,
    clockError: input.clockErrorOf?.(undefined) ?? 0,
    under: underOf(
      input,
      intervals,
      activations[0]!.on,
      activations.some((a) => a.inferred),
    ),
  } as const;
  const restrictingClaims = contracts.from?.restrictingClaims ?? [];
  return (view) => {
    const inStore = holdsToken(view, base);
    const key = view.kidName === undefined ? undefined : input.keys.get(view.kidName);
    const findings: readonly Finding[] = input.findingsOf(view);
    // Written out: a spread here took longer than all of the rules.
    return {
      component,
      from,
      to,
      T,
      fromContract: base.fromContract,
      toContract: base.toContract,
      store: base.store,
      firstActivation: base.firstActivation,
      clockError: base.clockError,
      prediction: predict(contracts.to, view, T, { restrictingClaims, inStore }),
      findings,
      reuseReported: view.family !== undefined && (input.reuseReported?.(view.family) ?? false),
      key,
      keyPublished: false,
      under: base.under,
    };
  };
}

function storeBetween(a: Contract | undefined, b: Contract | undefined): RuleContext['store'] {
  if (a?.store === undefined || b?.store === undefined) return 'unknown';
  return a.store === b.store ? 'shared' : 'separate';
}

/** Whether the target's store holds an opaque token: shared, or the token is older than the other store. */
function holdsToken(
  view: TokenView,
  context: Pick<RuleContext, 'store' | 'under' | 'fromContract' | 'toContract'>,
): boolean | undefined {
  if (context.store === 'shared') return true;
  const under = issuedUnder(view, context);
  if (!under?.may) return true;
  return context.store === 'separate' && under.must ? false : undefined;
}

function underOf(
  input: PlanInput,
  intervals: readonly Interval[],
  firstActivation: number,
  inferred: boolean,
): RuleContext['under'] {
  const { component, from } = input;
  return (fact) => {
    const owner = fact.source === undefined ? undefined : input.componentOf?.(fact.source);
    if (owner !== undefined && owner !== component) return NOWHERE;
    const clockError = input.clockErrorOf?.(fact.source) ?? 0;
    const attribution = attribute(fact, intervals, clockError);
    switch (attribution.kind) {
      case 'stamped':
      case 'derived':
        return { may: attribution.version === from, must: attribution.version === from, attribution };
      case 'ambiguous':
        return { may: attribution.candidates.includes(from), must: false, attribution };
      case 'unknown':
        // Declared intervals exclude it; sightings alone are too thin to.
        return { may: inferred && fact.last >= firstActivation - clockError, must: false, attribution };
    }
  };
}
