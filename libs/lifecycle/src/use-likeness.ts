import type { RefusalReason } from './refusal-reasons.js';
import type { ResolvedFact } from './resolve.js';
import type { Outcome, Use } from './view.js';

/** First and last instant of the uses in one bucket; `exact`: no other lies between. */
export interface Span {
  first: number;
  last: number;
  exact: boolean;
}
/** Everything that a use shows but its time. */
export type Likeness = Omit<Use, keyof Span>;
const OUTCOMES: Record<string, Outcome> = {
  'token.validated': 'accepted',
  'token.renewed': 'accepted',
  'token.rotated': 'accepted',
  'token.consumed': 'accepted',
  'token.rejected': 'refused',
  'token.observed': 'observed',
};

/** The use that a fact states, or undefined for facts that are none (issuance, ends). */
export function outcomeOf(fact: Pick<ResolvedFact, 'kind' | 'data'>): Outcome | undefined {
  if (fact.kind === undefined) return undefined;
  const outcome = OUTCOMES[fact.kind];
  return outcome === 'accepted' && fact.data['anonymous'] === true ? 'observed' : outcome;
}

/** Whether a fact's use differs from a known one in time alone. Mirrors `likenessOf`; `textOf` says the same in text. */
export function isAlike(use: Likeness, fact: ResolvedFact, outcome: Outcome): boolean {
  const { data, names } = fact;
  const proof = data['proof'] as Use['proof'];
  return (
    use.gateway === fact.gateway &&
    use.version === fact.version &&
    use.net === names.net &&
    use.status === data['status'] &&
    use.outcome === outcome &&
    use.source === fact.source &&
    use.agent === data['agent'] &&
    use.reason === data['reason'] &&
    use.class === data['class'] &&
    use.client === names.cli &&
    use.region === fact.region &&
    use.scheme === data['scheme'] &&
    use.kind === data['kind'] &&
    use.typ === data['typ'] &&
    use.via === viaOf(fact.kind) &&
    use.country === countryOf(data) &&
    (use.shadow ?? false) === (data['shadow'] === true) &&
    (use.future ?? false) === fact.future &&
    (use.proof === undefined) === (proof === undefined) &&
    (proof === undefined ||
      (use.proof!.present === (proof.present ?? true) && use.proof!.jkt === proof.jkt && use.proof!.x5t === proof.x5t))
  );
}

export function textOf(use: Likeness): string {
  const { proof } = use;
  return [
    use.outcome,
    use.via,
    use.source,
    use.gateway,
    use.region,
    use.version,
    use.reason,
    use.class,
    use.status,
    use.net,
    use.agent,
    use.client,
    use.country,
    proof === undefined ? '' : `${proof.present} ${proof.jkt} ${proof.x5t}`,
    use.scheme,
    use.kind,
    use.typ,
    `${use.shadow === true ? 's' : ''}${use.future === true ? 'f' : ''}`,
  ].join('\t');
}

function viaOf(kind: ResolvedFact['kind']): string {
  return VIA.get(kind) ?? '';
}
const VIA = new Map<string | undefined, string>(
  Object.keys(OUTCOMES).map((kind) => [kind, kind.slice('token.'.length)]),
);

function countryOf(data: Record<string, unknown>): string | undefined {
  return (data['geo'] as { country?: string } | undefined)?.country;
}

export function likenessOf(fact: ResolvedFact, outcome: Outcome): Likeness {
  const { data, names } = fact;
  const proof = data['proof'] as (Use['proof'] & object) | undefined;
  const use: Likeness = { outcome, via: viaOf(fact.kind), source: fact.source };
  if (fact.gateway !== undefined) use.gateway = fact.gateway;
  if (fact.region !== undefined) use.region = fact.region;
  if (fact.version !== undefined) use.version = fact.version;
  if (data['reason'] !== undefined) use.reason = data['reason'] as RefusalReason;
  if (data['class'] !== undefined) use.class = data['class'] as 'who' | 'may';
  if (data['status'] !== undefined) use.status = data['status'] as number;
  if (names.net !== undefined) use.net = names.net;
  if (data['agent'] !== undefined) use.agent = data['agent'] as string;
  if (names.cli !== undefined) use.client = names.cli;
  const country = countryOf(data);
  if (country !== undefined) use.country = country;
  if (proof !== undefined) {
    use.proof = { present: proof.present ?? true };
    if (proof.jkt !== undefined) use.proof.jkt = proof.jkt;
    if (proof.x5t !== undefined) use.proof.x5t = proof.x5t;
  }
  if (data['scheme'] !== undefined) use.scheme = data['scheme'] as string;
  if (data['kind'] !== undefined) use.kind = data['kind'] as string;
  if (data['typ'] !== undefined) use.typ = data['typ'] as string;
  if (data['shadow'] === true) use.shadow = true;
  if (fact.future) use.future = true;
  return use;
}

/** Field by field: answers make one for each bucket, and a spread costs four times as much. */
export function useOf(like: Likeness, { first, last, exact }: Span): Use {
  const use: Use = { outcome: like.outcome, via: like.via, source: like.source, first, last, exact };
  if (like.gateway !== undefined) use.gateway = like.gateway;
  if (like.region !== undefined) use.region = like.region;
  if (like.version !== undefined) use.version = like.version;
  if (like.reason !== undefined) use.reason = like.reason;
  if (like.class !== undefined) use.class = like.class;
  if (like.status !== undefined) use.status = like.status;
  if (like.net !== undefined) use.net = like.net;
  if (like.agent !== undefined) use.agent = like.agent;
  if (like.client !== undefined) use.client = like.client;
  if (like.country !== undefined) use.country = like.country;
  if (like.proof !== undefined) use.proof = like.proof;
  if (like.scheme !== undefined) use.scheme = like.scheme;
  if (like.kind !== undefined) use.kind = like.kind;
  if (like.typ !== undefined) use.typ = like.typ;
  if (like.shadow !== undefined) use.shadow = like.shadow;
  if (like.future !== undefined) use.future = like.future;
  return use;
}
