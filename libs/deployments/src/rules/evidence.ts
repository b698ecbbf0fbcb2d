import { formatTime, refusalClass, type RefusalReason, type TokenView, type Use } from '#lifecycle';
import { isNobodys } from './acceptance.js';
import { rule, type RuleContext, type Under } from './rule.js';
import { issuedUnder } from './stores.js';

/** Reasons for which a version may refuse a good token; an absent reason is one too. */
const DOUBTFUL: ReadonlySet<RefusalReason | undefined> = new Set<RefusalReason | undefined>([
  undefined,
  'kid',
  'signature',
  'issuer',
  'audience',
  'configuration',
]);

export const wronglyRefused = rule({
  id: 'wrongly refused',
  title: 'refused by the version that is rolled back although it was good',
  effects: { restore: { steps: ['clearLockout'] } },
  when(view, context) {
    if (context.fromContract?.securityFix === true) return undefined;
    const uses = view.uses.filter((use) => use.shadow !== true && use.future !== true);
    const refusals = uses.filter((use) => isDoubtful(use, view) && context.under(use).may);
    if (refusals.length === 0) return undefined;
    // An answer about the token's own state is no mistake of the version.
    if (uses.some((use) => use.outcome === 'refused' && isState(use) && context.under(use).may)) return undefined;
    const last = Math.max(...refusals.map((use) => use.last));
    const accepted = uses.filter((use) => use.outcome === 'accepted');
    if (accepted.some((use) => use.last >= last && context.under(use).must)) return undefined;
    const first = Math.min(...refusals.map((use) => use.first));
    const before = accepted.find((use) => use.first < last && !context.under(use).must);
    const issued = view.issuedAt !== undefined && view.issuedAt <= last;
    if (!before && !issued) return undefined;
    const evidence = before ? 'accepted by another version before' : 'its issuance was seen';
    return { case: 'restore', text: `refused by ${context.from} from ${formatTime(first)}, though ${evidence}` };
  },
});

function isDoubtful(use: Use, view: TokenView): boolean {
  if (use.outcome !== 'refused' || !DOUBTFUL.has(use.reason)) return false;
  return (use.class ?? refusalClass(use.reason, use.status, view.verifiedClaims)) === 'who';
}

function isState(use: Use): boolean {
  return use.reason === 'expired' || use.reason === 'inactive';
}

export const unconfirmed = rule({
  id: 'unconfirmed',
  title: 'its issuance may not have committed, and it was never used',
  effects: { flagged: {} },
  when: (view) =>
    view.unconfirmed && view.accepted.length === 0
      ? { case: 'flagged', text: 'its issuance may not have committed, and nobody has used it' }
      : undefined,
});

export const observedOnly = rule({
  id: 'observed only',
  title: 'never issued as far as known, accepted somewhere',
  effects: { counted: {} },
  when: (view) => (isObservedOnly(view) ? { case: 'counted', text: 'its issuance was never seen' } : undefined),
});

export function isObservedOnly(view: TokenView): boolean {
  return view.issuedAt === undefined && view.accepted.length > 0;
}

export const versionUnknown = rule({
  id: 'version unknown or ambiguous',
  title: 'some of its facts may have been made under the version that is rolled back: decided over all candidates',
  effects: { joined: {} },
  when(view, context) {
    const doubtful = firstDoubtful(view, context);
    if (!doubtful) return undefined;
    return {
      case: 'joined',
      text: `some of its facts were made under ${candidateWords(doubtful.attribution, context)}`,
    };
  },
});

function firstDoubtful(view: TokenView, context: RuleContext): Under | undefined {
  for (const use of view.uses) {
    if (use.version !== undefined) continue;
    const under = context.under(use);
    if (under.may && !under.must) return under;
  }
  const issued = issuedUnder(view, context);
  return issued?.may && !issued.must && issued.attribution.kind !== 'stamped' ? issued : undefined;
}

function candidateWords(attribution: { kind: string; candidates?: string[] }, { from }: RuleContext): string {
  return attribution.candidates ? attribution.candidates.join(' or ') : `an unknown version, perhaps ${from}`;
}

export const none = rule({
  id: 'none',
  title: 'never accepted by anyone and not issued, or no other row matched',
  effects: { nobodys: {} },
  when: (view) =>
    isNobodys(view) ? { case: 'nobodys', text: 'nobody accepted it and nobody is known to have issued it' } : undefined,
});
