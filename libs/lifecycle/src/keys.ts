import type { Name } from './names.js';
import type { ResolvedFact } from './resolve.js';

/** What was stated of a signing key; each time is the earliest. */
export interface KeyFacts {
  kid?: string;
  published?: number;
  activated?: number;
  retired?: number;
  removed?: number;
  distrusted?: number;
  compromised?: number;
  alg?: string;
  symmetric?: boolean;
}

export function addKeyFact(into: Map<Name, KeyFacts>, fact: ResolvedFact, current: (name: Name) => Name): void {
  if (fact.names.kid === undefined) return;
  const kid = current(fact.names.kid);
  const facts = into.get(kid) ?? {};
  const { data } = fact;
  const earliest = (key: 'published' | 'activated' | 'retired' | 'removed' | 'distrusted' | 'compromised'): void => {
    facts[key] = Math.min(facts[key] ?? Infinity, fact.time);
  };
  const smallest = (key: 'kid' | 'alg'): void => {
    const said = data[key];
    if (typeof said === 'string' && (facts[key] === undefined || said < facts[key])) facts[key] = said;
  };
  earliest(fact.kind!.slice('key.'.length) as 'published');
  if (data['distrusted'] === true) earliest('distrusted');
  smallest('kid');
  smallest('alg');
  const isShared = typeof data['alg'] === 'string' && data['alg'].startsWith('HS');
  if (data['symmetric'] === true || isShared) facts.symmetric = true;
  into.set(kid, facts);
}
