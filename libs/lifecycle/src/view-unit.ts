import { birthOf } from './birth.js';
import { evaluate, type FoldedToken } from './evaluate.js';
import { foldUnit, type FactsOf, type StreamState } from './fold.js';
import type { Links, Unit } from './links.js';
import { thresholdsOf } from './settings.js';
import { hasSpans, straddles, type Borders } from './uses.js';
import type { Cut, TokenView } from './view.js';
import type { WarmUnits } from './warm-units.js';
import type { World } from './world.js';

export interface FoldedView {
  token: FoldedToken;
  view: TokenView;
}

/** One unit as of a cut: what was folded, and what of it is known at the cut. */
export interface FoldedUnit {
  unit: Unit;
  tokens: FoldedToken[];
  views: FoldedView[];
  /** Every instant at which the answer turns; none where no bucket of uses holds more than one instant. */
  borders: Borders;
}

/** Learning a border can move another (a birth that a fence asks for); after these rounds the evidence says `within`. */
const ROUNDS = 4;

/**
 * Folds and evaluates a unit so that every use is known exactly on each side of every border that matters to an
 * answer; facts are read again only where a bucket straddles one (MODEL §5.4).
 * @param extra further borders, such as the switches between deployments.
 */
export function viewUnit(
  unit: Unit,
  factsOf: FactsOf,
  cut: Cut,
  world: World,
  links: Links,
  extra: Borders = [],
  streamState?: StreamState,
): FoldedView[] {
  return evaluateUnit(unit, factsOf, cut, world, links, extra, streamState).views;
}

/**
 * As `viewUnit`, with the tokens of which nothing is known at the cut.
 * @param warm remembers long units: their facts are read again only where a border asks for it.
 */
export function evaluateUnit(
  unit: Unit,
  factsOf: FactsOf,
  cut: Cut,
  world: World,
  links: Links,
  extra: Borders = [],
  streamState?: StreamState,
  warm?: WarmUnits,
): FoldedUnit {
  let borders: readonly number[] = [];
  for (let round = 0; ; round++) {
    const known = round === 0 ? warm?.get(unit, links) : undefined;
    const read = { facts: 0 };
    const reading = warm === undefined ? factsOf : counted(factsOf, read);
    const tokens = known === undefined ? foldUnit(unit, reading, links, borders, streamState) : [known];
    if (round === 0 && known === undefined) warm?.put(unit, tokens, read.facts);
    const views = evaluateAll(tokens, cut, world, links);
    if (!tokens.some(({ state }) => hasSpans(state.uses))) return { unit, tokens, views, borders };
    const needed = bordersOf(tokens, views, cut, world, [...extra, ...borders]);
    // Borders that are known need no further reading: a bucket over one is a summary, which no reading makes finer.
    const isFine = needed.length === borders.length || !tokens.some(({ state }) => straddles(state.uses, needed));
    if (isFine || round === ROUNDS) return { unit, tokens, views, borders: needed };
    borders = needed;
  }
}

function counted(factsOf: FactsOf, read: { facts: number }): FactsOf {
  return function* (name) {
    for (const fact of factsOf(name)) {
      read.facts++;
      yield fact;
    }
  };
}

function evaluateAll(tokens: FoldedToken[], cut: Cut, world: World, links: Links): FoldedView[] {
  const out: FoldedView[] = [];
  for (const token of tokens) {
    const view = evaluate(token, cut, world, links);
    if (view !== undefined) out.push({ token, view });
  }
  return out;
}

function bordersOf(
  tokens: readonly FoldedToken[],
  views: readonly FoldedView[],
  cut: Cut,
  world: World,
  known: Borders,
): number[] {
  const borders = new Set<number>(known);
  borders.add(cut.T + 1);
  for (const T of cut.gateways?.values() ?? []) borders.add(T + 1);
  const slack = thresholdsOf(world.settings).birthSlack;
  for (const { state, reach } of tokens) {
    for (const { issueTime } of [birthOf(state, slack), ...(reach === undefined ? [] : [birthOf(reach.state, slack)])])
      if (issueTime !== undefined) borders.add(issueTime).add(issueTime - slack);
  }
  for (const { view } of views) {
    for (const { at } of view.ends) {
      borders.add(at).add(at + 1);
      for (const use of view.uses)
        borders.add(at + 1 + world.propagationWindow(use)).add(at + 1 + world.clockError(use));
    }
    if (view.iat !== undefined) for (const use of view.uses) borders.add(view.iat - world.clockError(use));
    if (view.expiry.kind === 'at') {
      borders.add(view.expiry.at!);
      for (const use of view.uses) borders.add(view.expiry.at! + 1 + world.leeway(use) + world.clockError(use));
    }
  }
  return [...borders].sort((a, b) => a - b);
}
