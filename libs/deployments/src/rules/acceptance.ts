import { formatTime, type TokenView } from '#lifecycle';
import { END_FIELDS, type ContractField } from '../checks.js';
import { wordsOf, type Issue } from '../prediction.js';
import { badKeyWord } from './ends.js';
import { rule, type RuleContext } from './rule.js';

export const accepts = rule({
  id: 'accepts',
  title: 'the target accepts it',
  effects: { accepts: {} },
  when: (_view, { prediction, to }) =>
    prediction.kind === 'accept' ? { case: 'accepts', text: `${to} accepts it` } : undefined,
});

export const outlives = rule({
  id: 'outlives',
  title: 'the target reads a later expiry than we do',
  effects: { valid: {}, expired: { access: 'end', steps: ['pushEnd'] } },
  when(view, { prediction, T, to }) {
    const misread = prediction.issues.find((i) => i.kind === 'misread' && i.claim === 'exp');
    const at = view.expiry.at;
    if (misread?.kind !== 'misread' || at === undefined) return undefined;
    const text = `${to} would accept it past its expiry (${misread.effect})`;
    return T < at ? { case: 'valid', text, notAfter: at } : { case: 'expired', text: `${text}, and it has expired` };
  },
});

export const widened = rule({
  id: 'widened',
  title: 'a claim restricts access and the target ignores it',
  effects: { widened: { access: 'suspend', reissue: true } },
  when(_view, { prediction, to }) {
    const claims = misreadClaims(prediction.issues, 'restrictingClaims');
    return claims === undefined
      ? undefined
      : { case: 'widened', text: `${to} ignores the restricting claim ${claims}` };
  },
});

function misreadClaims(issues: readonly Issue[], field: ContractField): string | undefined {
  const claims = issues.flatMap((i) => (i.kind === 'misread' && i.field === field ? [i.claim] : []));
  return claims.length > 0 ? claims.sort().join(', ') : undefined;
}

export const unknownScopeOrAudience = rule({
  id: 'unknown scope or audience',
  title: 'the target does not know its scope or audience',
  effects: { unknown: { access: 'suspend', reissue: true } },
  when(_view, { prediction, to }) {
    const fields = refusedFields(prediction.issues).filter((f) => f === 'scopes' || f === 'audiences');
    if (fields.length === 0) return undefined;
    const what = fields.map((f) => (f === 'scopes' ? 'scope' : 'audience')).join(' and ');
    return { case: 'unknown', text: `${to} does not know its ${what}` };
  },
});

const VERIFYING: ReadonlySet<ContractField> = new Set(['issuers', 'kids', 'algorithms', 'typs', 'requiredClaims']);
const KEY_ALONE: ReadonlySet<ContractField> = new Set(['kids', 'algorithms']);

export const unverifiable = rule({
  id: 'unverifiable',
  title: 'issuer, kid, alg or typ that the target does not accept, or a claim that it requires is missing',
  effects: {
    publish: { steps: ['publishKey'] },
    cannot: { access: 'suspend', reissue: true },
  },
  when(view, context) {
    const blocking = refusedFields(context.prediction.issues).filter((field) => VERIFYING.has(field));
    if (blocking.length === 0) return undefined;
    const why = context.prediction.issues
      .flatMap((i) => (i.kind === 'refuse' && VERIFYING.has(i.field) ? [i.reason] : []))
      .join(', ');
    const onlyKey = blocking.every((field) => KEY_ALONE.has(field));
    if (onlyKey && !badKeyWord(context) && (context.keyPublished || isPublishable(view, context))) {
      return { case: 'publish', text: `${context.to} can verify it once its key is published (${why})` };
    }
    return { case: 'cannot', text: `${context.to} cannot verify it: ${why}` };
  },
});

/** Whether the token's only hindrance, if it has one, could be a key that the target does not have. */
export function isBlockedByKey(context: Pick<RuleContext, 'prediction'>): boolean {
  return refusedFields(context.prediction.issues).some((field) => KEY_ALONE.has(field));
}

/**
 * The verifying half of an asymmetric key may be published; a shared secret never. The key must be known from the
 * issuer, or vouched for by somebody who verified a token of it.
 */
function isPublishable(view: TokenView, { key, T }: RuleContext): boolean {
  const alg = key?.alg ?? view.alg;
  if (view.kid === undefined && view.kidName === undefined) return false;
  if (alg === undefined || key?.symmetric === true || !/^(RS|PS|ES|EdDSA|Ed25519|Ed448)/.test(alg)) return false;
  if (view.alg !== undefined && !/^(RS|PS|ES|EdDSA|Ed25519|Ed448)/.test(view.alg)) return false;
  const published = [key?.published, key?.activated].some((at) => at !== undefined && at <= T);
  return published || (view.verifiedClaims && (view.accepted.length > 0 || view.issuedAt !== undefined));
}

export const tooLong = rule({
  id: 'too long',
  title: "its lifetime exceeds the target's maximum",
  effects: { limited: {} },
  when(_view, { prediction, to }) {
    const limit = prediction.issues.find((i) => i.kind === 'limit');
    if (limit?.kind !== 'limit') return undefined;
    const text = `its lifetime exceeds the maximum of ${to}, which ends it at ${formatTime(limit.notAfter)}`;
    return { case: 'limited', text, notAfter: limit.notAfter };
  },
});

export const unbound = rule({
  id: 'unbound',
  title: 'the target requires sender constraint and the token has none',
  effects: { unbound: { access: 'suspend', reissue: true } },
  when: (_view, { prediction, to }) =>
    refusedFields(prediction.issues).includes('cnf')
      ? { case: 'unbound', text: `${to} requires a sender-constrained token` }
      : undefined,
});

export const boundUnchecked = rule({
  id: 'bound, unchecked',
  title: 'the token is sender-constrained and the target does not check it',
  effects: { unchecked: { access: 'suspend' } },
  when(_view, { prediction, to, toContract }) {
    if (!misreadClaims(prediction.issues, 'cnf')) return undefined;
    // What stands in for the check is declared by a name that begins with the claim: `cnf-at-proxy`.
    if (toContract?.compensatingControls?.some((control) => control.startsWith('cnf'))) return undefined;
    return { case: 'unchecked', text: `${to} does not check its sender constraint` };
  },
});

export const silent = rule({
  id: 'contract silent',
  title: 'what the target would do is not known',
  effects: { silent: { verdict: 'hold' } },
  when(view, { prediction, toContract, to }) {
    if (isNobodys(view)) return undefined;
    if (!toContract) return { case: 'silent', text: `${to} declares no contract` };
    const [first, ...also] = silences(prediction.issues).map(wordsOf);
    return first === undefined ? undefined : { case: 'silent', text: first, also };
  },
});

/** What the contract leaves open about acceptance; ends are decided by *ended*, whatever the contract says of them. */
export function silences(issues: readonly Issue[]): Issue[] {
  return issues.filter((issue) => issue.kind === 'unknown' && !END_FIELDS.has(issue.field));
}

/** Nobody accepted it and nobody issued it: what was presented may be no token at all. */
export function isNobodys(view: TokenView): boolean {
  return view.accepted.length === 0 && view.issuedAt === undefined;
}

function refusedFields(issues: readonly Issue[]): ContractField[] {
  return issues.flatMap((issue) => (issue.kind === 'refuse' ? [issue.field] : []));
}
