import {
  AskedWatermarks,
  everyValue,
  History,
  holderOf,
  RULES_VERSION,
  SourceClocks,
  turnAfter,
  WarmUnits,
  type FoldedUnit,
  type HistorySource,
  type Links,
  type Name,
  type RecordedFact,
  type Surroundings,
} from '#lifecycle';
import { changesReading, Stir, type Stirred } from './stir.js';
import type { JudgedUnit, TenantFindings, TenantState } from './tenant-findings.js';

/** What a step takes in: everything of one tenant between two positions. */
export interface Step {
  /** In order of position; undefined where they were too many to hold: then everything is judged. */
  facts: readonly RecordedFact[] | undefined;
  /** Whether a second variant of some record is among them: its first may stand anywhere. */
  conflicts: boolean;
  /** The history up to the end of the step, and up to its beginning. */
  source: HistorySource;
  before: () => HistorySource;
  /** The instant as of which to judge: now. */
  T: number;
}

/** Units are not judged one by one when they are more than this share of all streams (and than so many). */
const SHARE = 0.2;
const FEW = 200;
const LONG = 1000;
const UNITS_A_TURN = 200;
/** What belongs to no token is kept under this in place of a unit's name. */
const WORLD = 'world';

/**
 * Keeps what each unit of one tenant gives to findings equal to what the whole history would give, step by step. The
 * history stays warm between steps. It writes to the store alone; the follower says what came of it.
 */
export class Judge {
  private history: History | undefined;

  constructor(
    private readonly store: TenantFindings,
    /** An upper bound of the number of units. */
    private readonly streams: () => number,
    /** From how many facts on a unit is not read again at each step. */
    private readonly long = LONG,
  ) {}

  /** Yields between units so that other work has its turn; gives the ids of findings that may have changed. */
  *judge(step: Step): Generator<void, Set<string>> {
    try {
      return yield* this.judged(step);
    } catch (error) {
      this.forget();
      throw error;
    }
  }

  /** What names mean after the last step. */
  get links(): Links | undefined {
    return this.history?.links;
  }

  /** To be called when a step was not kept: the history is ahead of the store. */
  forget(): void {
    this.history = undefined;
  }

  private *judged({ facts, conflicts, source, before, T }: Step): Generator<void, Set<string>> {
    const state = this.store.state();
    if (
      state === undefined ||
      state.rules !== RULES_VERSION ||
      facts === undefined ||
      conflicts ||
      facts.some(changesReading)
    ) {
      this.history = new History(source, new WarmUnits(this.long));
      return yield* this.all(this.history, T);
    }
    this.history ??= new History(before(), new WarmUnits(this.long));
    const { history } = this;
    const stir = new Stir(history.links, facts);
    history.extend(source, facts);
    const stirred = stir.after(history, this.store);
    const issuing = history.watermarks.issuers();
    const isOther = JSON.stringify(issuing) !== JSON.stringify(state.issuing);
    const units = this.unitsOf(stirred, state, history, T);
    const many = Math.max(FEW, this.streams() * SHARE);
    if (stirred.all || isOther || (state.worldTurn ?? Infinity) <= T || units.size > many)
      return yield* this.all(history, T);
    const changed = new Set<string>();
    const context = new Judging(this.store, history, T, state);
    let judged = 0;
    for (const name of units) {
      if (++judged % UNITS_A_TURN === 0) yield;
      context.remove(name, changed);
      if (history.links.unitOf(name).center === name) context.put(history.unitOf(name, { T }), changed);
    }
    context.finish(changed);
    return changed;
  }

  /** Every unit whose findings may be others now. */
  private unitsOf(stirred: Stirred, state: TenantState, history: History, T: number): Set<Name> {
    const { store } = this;
    const { links, watermarks } = history;
    for (const unit of store.unitsTurnedBy(T)) for (const name of links.aliasesOf(unit)) stirred.tokens.add(name);
    const units = new Set<Name>();
    // A name that was a unit of its own may be part of another's now.
    const add = (name: Name): void => void units.add(name).add(links.unitOf(name).center);
    for (const name of stirred.tokens) add(name);
    for (const name of stirred.told) if (store.hasParts(name)) add(name);
    for (const key of [...stirred.tokens, ...stirred.keys]) for (const unit of store.unitsLookingAt(key)) add(unit);
    for (const [sources, known] of state.limits) {
      const [was, is] = [known ?? -Infinity, watermarks.limit(JSON.parse(sources) as string[])];
      if (was === is) continue;
      for (const unit of store.unitsAsking(sources, Math.min(was, is) - 1, Math.max(was, is) + 1)) add(unit);
    }
    units.delete(WORLD);
    return units;
  }

  private *all(history: History, T: number): Generator<void, Set<string>> {
    this.store.clear();
    const context = new Judging(this.store, history, T, undefined);
    let judged = 0;
    for (const unit of history.units({ T })) {
      if (++judged % UNITS_A_TURN === 0) yield;
      context.put(unit);
    }
    this.store.indexed();
    context.finish();
    return new Set(this.store.ids());
  }
}

/** One step's judging: what it has in common for all units, and the tenant's state at its end. */
class Judging {
  private readonly around: Surroundings;
  private readonly clocks: SourceClocks;
  private readonly watermarks: AskedWatermarks;
  private readonly issuers: Map<string, number>;
  private readonly sources: Set<string>;

  constructor(
    private readonly store: TenantFindings,
    private readonly history: History,
    private readonly T: number,
    state: TenantState | undefined,
  ) {
    this.around = history.surroundings({ T });
    this.clocks = history.source.clocks();
    this.watermarks = new AskedWatermarks(this.clocks, history.world);
    this.issuers = new Map(state?.issuers);
    this.sources = new Set(state?.limits.map(([sources]) => sources));
  }

  remove(unit: Name, changed: Set<string>): void {
    const { issuers, ids } = this.store.remove(unit);
    for (const id of ids) changed.add(id);
    for (const issuer of issuers) this.count(issuer, -1);
  }

  put(unit: FoldedUnit, changed?: Set<string>): void {
    const judged = this.judgedUnit(unit);
    this.store.put(judged);
    for (const issuer of judged.issuers) this.count(issuer, 1);
    for (const { sources } of judged.asks) this.sources.add(sources);
    if (changed !== undefined) for (const { id } of judged.findings) changed.add(id);
  }

  private count(issuer: string, by: number): void {
    const count = (this.issuers.get(issuer) ?? 0) + by;
    if (count === 0) this.issuers.delete(issuer);
    else this.issuers.set(issuer, count);
  }

  private judgedUnit(unit: FoldedUnit): JudgedUnit {
    const { history, T, around } = this;
    const { links } = history;
    const looks = new Set<string>();
    const looking: Surroundings = {
      view: (name) => {
        looks.add(name);
        return around.view(name);
      },
      loginWithin: (subject, client, ...within) => {
        looks.add(holderOf(subject, client));
        const login = around.loginWithin(subject, client, ...within);
        if (login?.family !== undefined) looks.add(login.family);
        return login;
      },
    };
    const findings = history.findingsOfUnit(unit, { T }, this.watermarks, looking);
    const marks = new Set<Name>();
    let turn = Infinity;
    for (const token of unit.tokens) {
      const { state, reach } = token;
      turn = Math.min(turn, turnAfter(token, T));
      for (const mark of [...state.marks, ...(reach?.state.marks ?? [])]) marks.add(links.current(mark));
      for (const attribute of ['parent', 'subjectToken', 'subjectFamily'] as const)
        for (const name of everyValue<Name>(state.attributes, attribute)) looks.add(links.current(name));
      for (const { kind, qualifier } of state.onsets.values())
        if (kind === 'rotated' && qualifier !== '') looks.add(links.current(qualifier));
    }
    // Of no sources, nothing is awaited.
    const asked = this.watermarks.take().filter(({ sources }) => sources.length > 0);
    const asks = asked.map(({ sources, instant }) => ({ sources: JSON.stringify(sources), instant }));
    const issuers = new Set(unit.views.map(({ view }) => view.issuer).filter((issuer) => issuer !== undefined));
    return { center: unit.unit.center, marks, turn, issuers, looks, asks, findings };
  }

  /** Judges what belongs to no token, and keeps what the next step begins with. */
  finish(changed?: Set<string>): void {
    const { history, store, T } = this;
    const { watermarks, world } = history;
    for (const id of store.remove(WORLD).ids) changed?.add(id);
    const findings = history.findingsOfWorld({ T }, [...this.issuers.keys()]);
    store.put({ center: WORLD, marks: [], turn: Infinity, issuers: [], looks: [], asks: [], findings });
    for (const { id } of findings) changed?.add(id);
    const turn = world.turnAfter(T);
    store.setState({
      rules: RULES_VERSION,
      T,
      worldTurn: turn === Infinity ? null : turn,
      issuing: watermarks.issuers(),
      issuers: [...this.issuers],
      limits: [...this.sources].map((sources) => {
        const limit = watermarks.limit(JSON.parse(sources) as string[]);
        return [sources, Number.isFinite(limit) ? limit : null];
      }),
      ...clocksState(this.clocks),
    });
  }
}

type ClocksState = Pick<TenantState, 'clocks' | 'lastRecorded'>;

function clocksState({ clocks, lastRecorded }: SourceClocks): ClocksState {
  const finite = (at: number): number | null => (Number.isFinite(at) ? at : null);
  return {
    clocks: [...clocks].map(([source, clock]) => [source, finite(clock.high), clock.lastRecorded]),
    lastRecorded: finite(lastRecorded),
  };
}

/** The clocks that a step begins with. */
export function clocksOf(state: ClocksState | undefined): SourceClocks {
  const out = new SourceClocks();
  for (const [source, high, lastRecorded] of state?.clocks ?? [])
    out.clocks.set(source, { high: high ?? -Infinity, lastRecorded });
  out.lastRecorded = state?.lastRecorded ?? -Infinity;
  return out;
}
