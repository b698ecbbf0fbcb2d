import { Links } from './links.js';
import type { ResolvedFact } from './resolve.js';

/** Renames are known before anything that they change is compared (MODEL §1.5): with any, the facts are read twice. */
export function linksOf(facts: () => Iterable<ResolvedFact>): Links {
  let links = new Links();
  const renames: ResolvedFact[] = [];
  for (const fact of facts()) {
    if (fact.kind === 'token.renamed') renames.push(fact);
    links.add(fact);
  }
  if (!links.hasRenames) return links;
  links = new Links();
  for (const fact of renames) links.add(fact);
  for (const fact of facts()) if (fact.kind !== 'token.renamed') links.add(fact);
  return links;
}
