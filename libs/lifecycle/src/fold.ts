import { createHash } from 'node:crypto';
import { attribute } from './attributes.js';
import { evaluate, type FoldedToken } from './evaluate.js';
import type { Links, Unit } from './links.js';
import { kindOfName, type Name } from './names.js';
import type { ResolvedFact } from './resolve.js';
import { thresholdsOf } from './settings.js';
import { absorb, emptyState, mergeRestrictions, type TokenState } from './state.js';
import { coarsen, straddles, type Borders } from './uses.js';
import type { Cut, TokenView } from './view.js';
import type { World } from './world.js';

/** The facts of one name's stream, resolved; may be read more than once. */
export type FactsOf = (name: Name) => Iterable<ResolvedFact>;

/** Folds a unit to its tokens: one, or the parts of a conflicting identity or of a key changed in place. */
export function foldUnit(unit: Unit, factsOf: FactsOf, links: Links, borders: Borders = []): FoldedToken[] {
  const tokens =
    unit.parts.length > 0 ? foldParts(unit, factsOf, links, borders) : foldWhole(unit, factsOf, links, borders);
  if (unit.restrictedBy.length > 0) {
    const restrictions = emptyState();
    for (const name of unit.restrictedBy) for (const fact of factsOf(name)) absorb(restrictions, fact);
    for (const token of tokens) mergeRestrictions(token.state, restrictions);
  }
  for (const token of tokens) token.state.uses = coarsen(token.state.uses);
  return tokens;
}

function foldWhole(unit: Unit, factsOf: FactsOf, links: Links, borders: Borders): FoldedToken[] {
  const state = emptyState();
  const holders = new Holders();
  for (const name of [unit.center, ...unit.leaves]) {
    for (const fact of factsOf(name)) {
      absorb(state, fact, borders);
      holders.add(fact, links);
    }
  }
  if (kindOfName(unit.center) === 'jti' && unit.leaves.length === 0) {
    const by = holders.conflict();
    if (by !== undefined) return foldByHolder(unit.center, by, factsOf, links, borders);
  }
  const names = [unit.center, ...unit.leaves];
  return [
    { name: unit.center, names, identityConflict: links.rivalJtisOf(unit.center).length > 0, unattributed: 0, state },
  ];
}

/** Parts are the toks; each is a history of its own, ends of the jti (or of any sibling of a jti) reach all. */
function foldParts(unit: Unit, factsOf: FactsOf, links: Links, borders: Borders): FoldedToken[] {
  const isConflict = kindOfName(unit.center) === 'jti';
  const parts = new Map<Name, { state: TokenState; holders: Holders }>();
  for (const part of unit.parts) parts.set(part, { state: emptyState(), holders: new Holders() });
  const restrictions = emptyState();
  const loose: ResolvedFact[] = [];
  for (const stream of [unit.center, ...unit.leaves]) {
    for (const fact of factsOf(stream)) {
      const tok = fact.names.tok === undefined ? undefined : links.current(fact.names.tok);
      const part = tok === undefined ? undefined : parts.get(tok);
      if (isConflict || tok === undefined) absorb(restrictions, fact);
      if (part === undefined) loose.push(fact);
      else {
        absorb(part.state, fact, borders);
        part.holders.add(fact, links);
      }
    }
  }
  let unattributed = 0;
  for (const fact of loose) {
    if (fact.kind === 'token.aliased') continue;
    const fitting = [...parts.values()].filter((part) => part.holders.admits(fact, links));
    if (fitting.length === 1) absorb(fitting[0]!.state, fact, borders);
    else unattributed++;
  }
  return [...parts].map(([name, { state }]) => {
    mergeRestrictions(state, restrictions);
    return { name, names: [name, unit.center], partOf: unit.center, identityConflict: isConflict, unattributed, state };
  });
}

/** Parts of a jti without any tok: by subject, else by iat (MODEL §1.4). */
function foldByHolder(
  center: Name,
  by: 'sub' | 'iat',
  factsOf: FactsOf,
  links: Links,
  borders: Borders,
): FoldedToken[] {
  const parts = new Map<string, { state: TokenState; holders: Holders; name: Name }>();
  const restrictions = emptyState();
  const loose: ResolvedFact[] = [];
  for (const fact of factsOf(center)) {
    absorb(restrictions, fact);
    const holder = fact.authority === 'claimed' ? undefined : holderOf(fact, by, links);
    if (holder === undefined) {
      loose.push(fact);
      continue;
    }
    let part = parts.get(holder);
    if (part === undefined) {
      part = { state: emptyState(), holders: new Holders(), name: partName(center, by, holder) };
      parts.set(holder, part);
    }
    absorb(part.state, fact, borders);
    part.holders.add(fact, links);
  }
  let unattributed = 0;
  for (const fact of loose) {
    const fitting = [...parts.values()].filter((part) => part.holders.admits(fact, links));
    if (fitting.length === 1) absorb(fitting[0]!.state, fact, borders);
    else unattributed++;
  }
  return [...parts.values()]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ state, name }) => {
      mergeRestrictions(state, restrictions);
      return { name, names: [name, center], partOf: center, identityConflict: true, unattributed, state };
    });
}

/**
 * The name of a part that no tok names. It begins as its jti's name does, so that parts stand where their jti would
 * in a list sorted by name (ADR 0003).
 */
function partName(center: Name, by: string, holder: string): Name {
  const hash = createHash('sha256').update(`${center}\n${by}\n${holder}`).digest('hex');
  return center.slice(0, 16) + hash.slice(0, 16);
}

/** The subjects and issue times that a history shows. */
class Holders {
  private readonly subs = new Set<string>();
  private readonly iats = new Set<string>();

  add(fact: ResolvedFact, links: Links): void {
    if (fact.authority === 'claimed') return;
    const sub = holderOf(fact, 'sub', links);
    const iat = holderOf(fact, 'iat', links);
    if (sub !== undefined) this.subs.add(sub);
    if (iat !== undefined) this.iats.add(iat);
  }

  conflict(): 'sub' | 'iat' | undefined {
    if (this.subs.size > 1) return 'sub';
    return this.iats.size > 1 ? 'iat' : undefined;
  }

  /** Whether a fact's subject and iat contradict nothing seen here. */
  admits(fact: ResolvedFact, links: Links): boolean {
    const sub = holderOf(fact, 'sub', links);
    const iat = holderOf(fact, 'iat', links);
    if (sub !== undefined && this.subs.size > 0 && !this.subs.has(sub)) return false;
    return iat === undefined || this.iats.size === 0 || this.iats.has(iat);
  }
}

function holderOf(fact: ResolvedFact, by: 'sub' | 'iat', links: Links): string | undefined {
  if (by === 'iat') return typeof fact.data['iat'] === 'number' ? String(fact.data['iat']) : undefined;
  return fact.names.sub === undefined ? undefined : links.current(fact.names.sub);
}

export interface FoldedView {
  token: FoldedToken;
  view: TokenView;
}

/**
 * Folds and evaluates a unit so that every use is known exactly on each side of every border that matters to an
 * answer; facts are read a second time only where a bucket straddles one (MODEL §5.4).
 * @param extra further borders, such as the switches between deployments.
 */
export function viewUnit(
  unit: Unit,
  factsOf: FactsOf,
  cut: Cut,
  world: World,
  links: Links,
  extra: Borders = [],
): FoldedView[] {
  let tokens = foldUnit(unit, factsOf, links);
  let views = evaluateAll(tokens, cut, world, links);
  const borders = bordersOf(views, cut, world, extra);
  if (tokens.some((token) => straddles(token.state.uses, borders))) {
    tokens = foldUnit(unit, factsOf, links, borders);
    views = evaluateAll(tokens, cut, world, links);
  }
  return views;
}

function evaluateAll(tokens: FoldedToken[], cut: Cut, world: World, links: Links): FoldedView[] {
  const out: FoldedView[] = [];
  for (const token of tokens) {
    const view = evaluate(token, cut, world, links);
    if (view !== undefined) out.push({ token, view });
  }
  return out;
}

function bordersOf(views: readonly FoldedView[], cut: Cut, world: World, extra: Borders): number[] {
  const borders = new Set<number>(extra);
  borders.add(cut.T + 1);
  for (const T of cut.gateways?.values() ?? []) borders.add(T + 1);
  const slack = thresholdsOf(world.settings).birthSlack;
  for (const { token, view } of views) {
    const iat = attribute<number>(token.state.attributes, 'iat');
    for (const at of [iat, view.issuedAt]) if (at !== undefined) borders.add(at).add(at - slack);
    for (const end of view.ends) {
      borders.add(end.at + 1);
      for (const use of view.uses)
        borders.add(end.at + 1 + world.propagationWindow(use)).add(end.at + 1 + world.clockError(use));
    }
    if (view.expiry.kind === 'at') {
      borders.add(view.expiry.at!);
      for (const use of view.uses) borders.add(view.expiry.at! + 1 + world.leeway(use) + world.clockError(use));
    }
  }
  return [...borders].sort((a, b) => a - b);
}
