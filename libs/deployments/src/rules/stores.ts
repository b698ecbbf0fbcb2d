import type { TokenView } from '#lifecycle';
import type { Attributable } from '../attribution.js';
import { isSinceActivation } from './ends.js';
import { rule, type RuleContext, type Under } from './rule.js';

export const rotatedParent = rule({
  id: 'rotated, parent',
  title: 'rotated under the version that is rolled back, and the store is not shared',
  effects: { parent: { access: 'end', steps: ['pushEnd'] } },
  when(view, context) {
    if (context.store !== 'separate') return undefined;
    const rotated = view.ends.some((end) => end.kind === 'rotated' && isSinceActivation(end, context));
    return rotated
      ? { case: 'parent', text: `rotated under ${context.from}; ${context.to} still takes it for live` }
      : undefined;
  },
});

export const rotatedSuccessor = rule({
  id: 'rotated, successor',
  title: 'the successor of a token that was rotated under the version that is rolled back',
  effects: { seed: { steps: ['seedStore'] }, cannot: { reissue: true } },
  when(view, context) {
    if (context.store !== 'separate' || view.parent === undefined || view.kind === 'id') return undefined;
    if (view.kind !== 'refresh' && view.form !== 'opaque') return undefined;
    if (!issuedUnder(view, context)?.may) return undefined;
    return canTake(context)
      ? { case: 'seed', text: `born of a rotation under ${context.from}; ${context.to} does not know it yet` }
      : { case: 'cannot', text: `born of a rotation under ${context.from}; ${context.to} cannot take it` };
  },
});

export const orphan = rule({
  id: 'orphan',
  title: 'opaque, issued under the version that is rolled back, and the store is not shared',
  effects: { seed: { steps: ['seedStore'] }, cannot: { reissue: true } },
  when(view, context) {
    if (context.store !== 'separate' || view.form !== 'opaque' || !issuedUnder(view, context)?.may) return undefined;
    return canTake(context)
      ? { case: 'seed', text: `issued under ${context.from} into a store that ${context.to} does not share` }
      : { case: 'cannot', text: `issued under ${context.from}; the store of ${context.to} cannot take it` };
  },
});

/**
 * Whether the token was issued under `from`: as its issuance says, else by the first sighting. Undefined where the
 * component neither issues nor stores tokens, so that no issuance can be its version's unless it is stamped so.
 */
export function issuedUnder(
  view: TokenView,
  context: Pick<RuleContext, 'under' | 'fromContract' | 'toContract'>,
): Under | undefined {
  const at = view.issuedAt ?? view.firstSeen;
  const fact: Attributable = { first: at, last: at };
  if (view.issuedBy?.version !== undefined) fact.version = view.issuedBy.version;
  else if (!keepsTokens(context)) return undefined;
  if (view.issuedBy?.gateway !== undefined) fact.gateway = view.issuedBy.gateway;
  const under = context.under(fact);
  // A first sighting is no issuance: it may have been issued under an earlier version.
  return view.issuedAt === undefined ? { ...under, must: false } : under;
}

/** Whether either version is declared to issue or to store tokens. */
export function keepsTokens({ fromContract, toContract }: Pick<RuleContext, 'fromContract' | 'toContract'>): boolean {
  return [fromContract, toContract].some((contract) => {
    const roles = [contract?.role ?? []].flat();
    return contract?.store !== undefined || roles.includes('issuer') || roles.includes('store');
  });
}

/** The target can take a token into its store if it has one and would accept the token then. */
function canTake({ prediction, toContract }: RuleContext): boolean {
  const roles = [toContract?.role ?? 'store'].flat();
  const refused = prediction.issues.some((issue) => issue.kind === 'refuse' && issue.field !== 'store');
  return !refused && (roles.includes('store') || roles.includes('issuer'));
}
