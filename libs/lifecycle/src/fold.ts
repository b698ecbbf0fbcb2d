import { createHash } from 'node:crypto';
import { everyValue, type Attribute } from './attributes.js';
import type { FoldedToken } from './evaluate.js';
import type { Links, Unit } from './links.js';
import { kindOfName, type Name } from './names.js';
import type { ResolvedFact } from './resolve.js';
import { absorb, emptyState, join, mergeRestrictions, type TokenState } from './state.js';
import { coarsen, type Borders } from './uses.js';

/** The facts of one name's stream, resolved; may be read more than once. */
export type FactsOf = (name: Name) => Iterable<ResolvedFact>;
/** The state of one name's stream by itself, for restrictions that cross streams; a caller may remember it. */
export type StreamState = (name: Name) => TokenState;

/** Folds a unit to its tokens: one, or the parts of a conflicting identity or of a key changed in place. */
export function foldUnit(
  unit: Unit,
  factsOf: FactsOf,
  links: Links,
  borders: Borders = [],
  streamState: StreamState = (name) => stateOfStream(name, factsOf),
): FoldedToken[] {
  const tokens =
    unit.parts.length > 0 ? foldParts(unit, factsOf, links, borders) : foldWhole(unit, factsOf, links, borders);
  for (const name of unit.restrictedBy) {
    const restrictions = streamState(name);
    for (const token of tokens) mergeRestrictions(token.state, restrictions);
  }
  for (const token of tokens) {
    token.state.uses = coarsen(token.state.uses);
    if (unit.restrictedBy.length > 0) token.reach = reachOver(unit, token);
  }
  return tokens;
}

/** The state that one stream's facts alone give. */
export function stateOfStream(name: Name, factsOf: FactsOf): TokenState {
  const state = emptyState();
  for (const fact of factsOf(name)) absorb(state, fact);
  return state;
}

/** Families that reach a name which was aliased to this unit reach the unit, too. */
function reachOver(unit: Unit, token: FoldedToken): { state: TokenState; names: Name[] } {
  const { state, names } = token.reach ?? token;
  return { state, names: [...names, ...unit.restrictedBy] };
}

function foldWhole(unit: Unit, factsOf: FactsOf, links: Links, borders: Borders): FoldedToken[] {
  const { center } = unit;
  const names = [center, ...unit.leaves];
  const state = emptyState();
  for (const name of names) for (const fact of factsOf(name)) absorb(state, fact, borders);
  if (!isOneToken(center, unit.leaves, state, links)) {
    const by = holdersOf(state, 'subject', links).size > 1 ? 'subject' : 'iat';
    return foldByHolder(center, by, factsOf(center), links, borders);
  }
  return [{ name: center, names, identityConflict: links.rivalJtisOf(center).length > 0, unattributed: 0, state }];
}

/** A jti without any tok is several tokens if it shows two subjects, or two issue times (MODEL §1.4). */
export function isOneToken(center: Name, leaves: readonly Name[], state: TokenState, links: Links): boolean {
  if (kindOfName(center) !== 'jti' || leaves.length > 0) return true;
  return holdersOf(state, 'subject', links).size <= 1 && holdersOf(state, 'iat', links).size <= 1;
}

/**
 * Parts are the toks: each is a history of its own. Ends of the jti, or of a credential, reach each of its parts;
 * what names another part's tok reaches it in a conflict, but not where a key was changed in place.
 */
function foldParts(unit: Unit, factsOf: FactsOf, links: Links, borders: Borders): FoldedToken[] {
  const isConflict = kindOfName(unit.center) === 'jti';
  const parts = new Map<Name, Part>();
  for (const tok of unit.parts) parts.set(tok, { name: tok, state: emptyState() });
  const shared = emptyState();
  const loose: ResolvedFact[] = [];
  for (const stream of [unit.center, ...unit.leaves]) {
    for (const fact of factsOf(stream)) {
      const tok = fact.names.tok === undefined ? undefined : links.current(fact.names.tok);
      const part = tok === undefined ? undefined : parts.get(tok);
      if (isConflict || part === undefined) absorb(shared, fact, borders);
      if (part !== undefined) absorb(part.state, fact, borders);
      // A line that shows a tok which is none of the parts belongs to no part.
      else loose.push(fact);
    }
  }
  return partsOf(unit.center, parts.values(), shared, loose, isConflict, links, borders, !isConflict);
}

/** Parts of a jti without any tok: by subject, else by iat (MODEL §1.4). */
function foldByHolder(
  center: Name,
  by: 'subject' | 'iat',
  facts: Iterable<ResolvedFact>,
  links: Links,
  borders: Borders,
): FoldedToken[] {
  const parts = new Map<string, Part>();
  const shared = emptyState();
  const loose: ResolvedFact[] = [];
  for (const fact of facts) {
    absorb(shared, fact, borders);
    const holder = fact.authority === 'claimed' ? undefined : holderOf(fact, by, links);
    if (holder === undefined) {
      loose.push(fact);
      continue;
    }
    let part = parts.get(holder);
    if (part === undefined) parts.set(holder, (part = { name: partName(center, by, holder), state: emptyState() }));
    absorb(part.state, fact, borders);
  }
  const sorted = [...parts.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return partsOf(center, sorted, shared, loose, true, links, borders, false);
}

interface Part {
  name: Name;
  state: TokenState;
}

/** Gives each loose fact to the one part that it does not contradict, and what reaches the identity to every part. */
function partsOf(
  center: Name,
  parts: Iterable<Part>,
  shared: TokenState,
  loose: readonly ResolvedFact[],
  identityConflict: boolean,
  links: Links,
  borders: Borders,
  reachByPart: boolean,
): FoldedToken[] {
  const all = [...parts];
  const known = all.map(({ state }) => ({
    subjects: holdersOf(state, 'subject', links),
    iats: holdersOf(state, 'iat', links),
  }));
  let unattributed = 0;
  let unattributedFrom = Infinity;
  for (const fact of loose) {
    if (fact.kind === 'token.aliased' || fact.authority === 'claimed') {
      absorb(all[0]!.state, fact, borders);
      continue;
    }
    const fitting = fact.names.tok === undefined ? all.filter((_part, i) => admits(known[i]!, fact, links)) : [];
    if (fitting.length === 1) absorb(fitting[0]!.state, fact, borders);
    else {
      unattributed++;
      unattributedFrom = Math.min(unattributedFrom, fact.time);
    }
  }
  return all.map(({ name, state }) => {
    const reach = reachByPart ? join(state, shared) : shared;
    mergeRestrictions(state, shared);
    const names = [name, center];
    const part = { name, names, partOf: center, identityConflict, unattributed, unattributedFrom, state };
    return { ...part, reach: { state: reach, names } };
  });
}

function admits(known: { subjects: Set<string>; iats: Set<string> }, fact: ResolvedFact, links: Links): boolean {
  const subject = holderOf(fact, 'subject', links);
  const iat = holderOf(fact, 'iat', links);
  if (subject !== undefined && known.subjects.size > 0 && !known.subjects.has(subject)) return false;
  return iat === undefined || known.iats.size === 0 || known.iats.has(iat);
}

/** The subjects, or issue times, that a history shows. */
function holdersOf(state: TokenState, by: Attribute & ('subject' | 'iat'), links: Links): Set<string> {
  const values = everyValue<string | number>(state.attributes, by);
  return new Set(values.map((value) => (typeof value === 'string' ? links.current(value) : String(value))));
}

function holderOf(fact: ResolvedFact, by: 'subject' | 'iat', links: Links): string | undefined {
  if (by === 'iat') {
    const { iat, verified } = fact.data;
    return typeof iat === 'number' && verified !== false ? String(iat) : undefined;
  }
  return fact.names.sub === undefined ? undefined : links.current(fact.names.sub);
}

/**
 * The name of a part that no tok names. It begins as its jti's name does, so that parts stand where their jti would
 * in a list sorted by name (ADR 0003).
 */
function partName(center: Name, by: string, holder: string): Name {
  const hash = createHash('sha256').update(`${center}\n${by}\n${holder}`).digest('hex');
  return center.slice(0, 16) + hash.slice(0, 16);
}
