import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { StateDigest } from './digest.js';
import type { History } from './history.js';
import { kindOfName } from './names.js';
import type { RecordedFact } from './observations.js';
import { absorb, emptyState, join, stateOf, type TokenState } from './state.js';
import { DAY, historyOf, MINUTE, resolvedFacts, SECOND, T0 } from './testing.js';
import { factsOfOneToken, instant, someFacts } from './testing-histories.js';
import { coarsen } from './uses.js';
import { STATUSES, type TokenView } from './view.js';

const SEED = 20260310;
const cuts = [5 * SECOND, 20 * SECOND, 30 * MINUTE, 80 * DAY];

/** Everything that a history answers at one cut. */
function answer(history: History, at: number) {
  const cut = { T: T0 + at };
  const views = [...history.views(cut)].map(({ view }) => view);
  const digest = new StateDigest();
  for (const view of views) digest.add(view);
  return { views, digest: digest.hex(), findings: history.findings(cut) };
}

/** What a state holds, without the memory of what was absorbed last, in an order of its own. */
function plain(state: TokenState) {
  const sorted = <V>(map: Map<string, V>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    ...state,
    recentAcceptances: undefined,
    recentPresentation: undefined,
    onsets: sorted(state.onsets),
    attributes: sorted(state.attributes).map(([name, { values, overflow }]) => [
      name,
      values.map(({ json, authority }) => [json, authority]),
      overflow,
    ]),
    renewals: sorted(state.renewals),
    contestedExpiries: sorted(state.contestedExpiries),
    suspensions: sorted(state.suspensions).map(([cause, toggles]) => [cause, sorted(toggles)]),
    uses: [
      sorted(state.uses.groups).map(([text, { buckets }]) => [text, [...buckets].sort(([a], [b]) => a - b)]),
      state.uses.latest,
    ],
    proofs: sorted(state.proofs),
    notes: sorted(state.notes),
    families: [...state.families].sort(),
    marks: [...state.marks].sort(),
  };
}

function absorbed(facts: readonly RecordedFact[]): TokenState {
  const state = emptyState();
  for (const fact of resolvedFacts(facts)) absorb(state, fact);
  state.uses = coarsen(state.uses);
  return state;
}

describe('a state is the least upper bound of its facts', () => {
  it('whatever their order, however often they come', () => {
    fc.assert(
      fc.property(
        factsOfOneToken.chain((facts) =>
          fc.tuple(
            fc.constant(facts),
            fc.shuffledSubarray([...facts, ...facts], { minLength: 2 * facts.length, maxLength: 2 * facts.length }),
          ),
        ),
        ([facts, shuffled]) => {
          expect(plain(absorbed(shuffled))).toEqual(plain(absorbed(facts)));
        },
      ),
      { seed: SEED, numRuns: 400 },
    );
  });

  it('whether facts that repeat one another share what they say or not', () => {
    fc.assert(
      fc.property(factsOfOneToken, fc.array(fc.tuple(fc.nat(), fc.nat({ max: 3 * DAY }))), (facts, repeats) => {
        const shared = [...facts];
        for (const [which, later] of repeats) {
          const fact = facts[which % facts.length];
          if (fact !== undefined) shared.push({ ...fact, time: fact.time + later });
        }
        const apart = shared.map((fact) => ({ ...fact, data: { ...fact.data }, names: { ...fact.names } }));
        expect(plain(absorbed(shared))).toEqual(plain(absorbed(apart)));
      }),
      { seed: SEED, numRuns: 400 },
    );
  });

  it('however they are split and grouped, coarsened on the way or not', () => {
    fc.assert(
      fc.property(factsOfOneToken, fc.infiniteStream(fc.nat()), (facts, choices) => {
        const whole = absorbed(facts);
        const parts = resolvedFacts(facts).map((fact) => stateOf(fact));
        while (parts.length > 1) {
          const a = parts.splice(choices.next().value! % parts.length, 1)[0]!;
          const at = choices.next().value! % parts.length;
          parts[at] = choices.next().value! % 2 === 0 ? join(a, parts[at]!) : join(parts[at]!, a);
        }
        expect(plain(parts[0]!)).toEqual(plain(whole));
        expect(plain(join(whole, whole))).toEqual(plain(whole));
      }),
      { seed: SEED, numRuns: 400 },
    );
  });
});

describe('answers of a history', () => {
  it('do not depend on the order of its facts, nor on repeats', () => {
    fc.assert(
      fc.property(
        someFacts.chain((facts) =>
          fc.tuple(
            fc.constant(facts),
            fc.shuffledSubarray([...facts, ...facts], { minLength: facts.length * 2, maxLength: facts.length * 2 }),
          ),
        ),
        fc.constantFrom(...cuts),
        ([facts, shuffled], at) => {
          expect(answer(historyOf(shuffled), at)).toEqual(answer(historyOf(facts), at));
        },
      ),
      { seed: SEED, numRuns: 300 },
    );
  });

  it('come in order of name, each token once, in whatever ranges they are asked for', () => {
    fc.assert(
      fc.property(someFacts, fc.array(fc.nat(), { maxLength: 3 }), (facts, choices) => {
        const history = historyOf(facts);
        const cut = { T: T0 + 80 * DAY };
        const names = [...history.views(cut)].map(({ view }) => view.name);
        expect(names).toEqual([...new Set(names)].sort());
        const bounds = [
          ...new Set(choices.map((c) => names[c % Math.max(1, names.length)]).filter((n) => n !== undefined)),
        ].sort();
        const ranges = [undefined, ...bounds].map((from, i) => ({
          ...(from !== undefined && { from }),
          ...(bounds[i] !== undefined && { before: bounds[i] }),
        }));
        const split = ranges.flatMap((range) => [...history.views(cut, [], range)].map(({ view }) => view.name));
        expect(split).toEqual(names);
      }),
      { seed: SEED, numRuns: 200 },
    );
  });

  it('are the same one by one as all at once', () => {
    fc.assert(
      fc.property(someFacts, fc.constantFrom(...cuts), (facts, at) => {
        const history = historyOf(facts);
        for (const { view } of history.views({ T: T0 + at })) {
          expect(history.view(view.name, { T: T0 + at })).toEqual(view);
        }
      }),
      { seed: SEED, numRuns: 150 },
    );
  });
});

/** Ends that no further fact may take back; rotations and uses are split among the parts of a conflict (MODEL §1.4). */
const STANDING = new Set(['revoked', 'compromised', 'fenced', 'familyEnded']);

function endOf(view: TokenView, without: ReadonlySet<string> = new Set()): number {
  return Math.min(Infinity, ...view.ends.filter((e) => STANDING.has(e.kind) && !without.has(e.kind)).map((e) => e.at));
}

describe('adding facts', () => {
  it('never weakens an end at the same or a later time', () => {
    fc.assert(
      fc.property(someFacts, someFacts, fc.constantFrom(...cuts), instant, (facts, more, at, later) => {
        const before = historyOf(facts);
        const after = historyOf([...facts, ...more]);
        for (const { view } of before.views({ T: T0 + at })) {
          if (endOf(view) === Infinity) continue;
          const cut = { T: T0 + at + later };
          const name = after.links.current(view.partOf ?? view.name);
          // A tok that turned out to show several jtis stands by itself, one that shows a jti beside a credential goes
          // with the jti: with all that its lines alone say.
          const isMoved = view.names.some((each) => after.links.unitOf(each).center !== name);
          // Restrictions follow one broken alias, not two: a part whose tok turns out to show several jtis is left out.
          if (isMoved && view.partOf !== undefined) continue;
          const units = isMoved ? view.names : [name];
          const own = units
            .flatMap((each) => after.unitViews(each, cut).map((part) => part.view))
            .filter((part) => units.some((each) => part.names.includes(after.links.current(each))));
          expect(own).not.toEqual([]);
          const same = own.filter((part) => part.name === after.links.current(view.name));
          // The exception: an issue time learned later.
          const relaxed = (part: TokenView): boolean =>
            isMoved || (part.birth ?? Infinity) > (view.birth ?? Infinity) || part.flags.includes('seenBeforeIssue');
          const weakened = (part: TokenView): boolean => {
            const byMarks = isMoved
              ? ['compromised', 'familyEnded']
              : kindOfName(name) === 'cred'
                ? ['familyEnded']
                : [];
            const without = new Set([...(relaxed(part) ? ['fenced'] : []), ...byMarks]);
            return endOf(part, without) > endOf(view, without);
          };
          // An end that names one value of a key changed in place is that value's alone.
          if (same.length === 0 && kindOfName(name) === 'cred') expect(own.every(weakened)).toBe(false);
          else expect((same.length > 0 ? same : own).filter(weakened)).toEqual([]);
        }
      }),
      { seed: SEED, numRuns: 600 },
    );
  });

  it('that lie after T changes no status and no end at T', () => {
    const afterwards = someFacts.map((facts) =>
      facts
        .filter(({ type }) => /revoked|compromised|rotated|consumed|suspended|reinstated|fence/.test(type))
        .filter(({ names, data }) => names.tok === undefined && data['successor'] === undefined)
        .filter(({ data }) => Object.keys(data).every((key) => STATES_AN_END.has(key)))
        .map((fact) => ({ ...fact, time: fact.time + 100 * DAY, names: stripped(fact), id: `${fact.id}+` })),
    );
    fc.assert(
      fc.property(someFacts, afterwards, (facts, more) => {
        const at = 80 * DAY;
        const status = (history: History) =>
          [...history.views({ T: T0 + at })].map(({ view }) => `${view.name} ${view.status} ${view.endedAt}`);
        const renamed = facts.some(({ type }) => type.includes('renamed'));
        const before = status(historyOf(facts));
        const after = status(historyOf([...facts, ...more.filter((f) => !isConflicting(f, facts))]));
        if (!renamed) expect(after).toEqual(before);
      }),
      { seed: SEED, numRuns: 200 },
    );
  });
});

/** Attributes are timeless: what a later line says of them counts at each T. */
const STATES_AN_END = new Set(['issuer', 'cause', 'scope', 'reasonId', 'cutoff', 'match']);

function stripped({ names, type }: RecordedFact): RecordedFact['names'] {
  if (!type.includes('.token.')) return names;
  const { jti, cred, con } = names;
  return { ...(jti !== undefined && { jti }), ...(cred !== undefined && { cred }), ...(con !== undefined && { con }) };
}

function isConflicting(fact: RecordedFact, facts: readonly RecordedFact[]): boolean {
  return facts.some(({ record }) => record.key === fact.record.key && record.digest !== fact.record.digest);
}

describe('the display order', () => {
  it('is that of the statuses: a stronger end never gives a weaker status', () => {
    fc.assert(
      fc.property(someFacts, fc.constantFrom(...cuts), (facts, at) => {
        for (const { view } of historyOf(facts).views({ T: T0 + at })) {
          const ofEnds = view.ends.map(({ kind }) =>
            STATUSES.indexOf(kind === 'fenced' || kind === 'familyEnded' ? 'revoked' : kind),
          );
          if (ofEnds.length > 0) expect(STATUSES.indexOf(view.status)).toBe(Math.min(...ofEnds));
          expect(view.endedAt).toBe(view.ends.length === 0 ? undefined : Math.min(...view.ends.map((e) => e.at)));
        }
      }),
      { seed: SEED, numRuns: 150 },
    );
  });
});
