import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { History } from './history.js';
import { isName, type Name } from './names.js';
import type { RecordedFact } from './observations.js';
import { DAY, fact, historyOf, MINUTE, SECOND, T0 } from './testing.js';
import { someFacts } from './testing-histories.js';
import type { TokenView } from './view.js';

const SEED = 20260310;
const cuts = [20 * SECOND, 30 * MINUTE, 80 * DAY];

/** What the secrets of the next version call the same thing: here in the same order, so that ties are decided alike. */
const next = (name: Name): Name => `${name[0]}2${name.slice(2)}`;
const isOld = (text: string): boolean => isName(text) && text[1] === '1';

/** Replaces every text of a value. */
function mapped<T>(value: T, of: (text: string) => string): T {
  if (typeof value === 'string') return of(value) as T;
  if (Array.isArray(value)) return value.map((each: unknown) => mapped(each, of)) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, mapped<unknown>(each, of)])) as T;
}

/** As intake takes facts in after a rotation: under new names, each of which is stated to be the old one. */
function renamedFacts(facts: readonly RecordedFact[]): RecordedFact[] {
  const stated = new Set<Name>();
  const out: RecordedFact[] = [];
  for (const each of facts) {
    const { names, subject, data } = each;
    const said = mapped({ names, subject, data }, (text) => {
      if (!isOld(text)) return text;
      stated.add(text);
      return next(text);
    });
    out.push({ ...each, ...said });
  }
  return [...out, ...[...stated].map(renameOf)];
}

function namesIn(facts: readonly RecordedFact[]): Set<Name> {
  const names = new Set<Name>();
  const said = facts.map(({ names: own, subject, data }) => ({ own, subject, data }));
  mapped(said, (text) => {
    if (isOld(text)) names.add(text);
    return text;
  });
  return names;
}

function renameOf(from: Name): RecordedFact {
  return fact('token.renamed', { subject: from, data: { from, to: next(from) } });
}

/** A mapping that an operator corrected is another matter: these histories are renamed by the rotation alone. */
const histories = someFacts.map((facts) => facts.filter(({ type }) => !type.includes('renamed')));
/** A history, and which of its facts came in under the new secrets. */
const rotated = fc.tuple(histories, fc.double({ min: 0, max: 1, noNaN: true }), fc.infiniteStream(fc.boolean()));

function rotate([facts, share, strays]: [RecordedFact[], number, Stream<boolean>]): RecordedFact[] {
  const at = Math.floor(facts.length * share);
  // Another process may name with the old secrets for a while.
  const late = facts.slice(at).map((each): [RecordedFact, boolean] => [each, strays.next().value === true]);
  return [
    ...facts.slice(0, at),
    ...late.filter(([, stray]) => stray).map(([each]) => each),
    ...renamedFacts(late.filter(([, stray]) => !stray).map(([each]) => each)),
  ];
}
type Stream<T> = { next(): IteratorResult<T> };

/** The token, or the part of a conflicting identity; parts that no tok names are told apart by what they hold. */
function labels(history: History, T: number): Map<Name, string> {
  const out = new Map<Name, string>();
  for (const { view } of history.views({ T })) {
    if (view.partOf === undefined || history.links.unitOf(view.partOf).parts.includes(view.name)) continue;
    out.set(view.name, `part of ${old(view.partOf)} ${old(view.subject ?? '')} ${view.iat}`);
  }
  return out;
}
const old = (text: string): string => (isName(text) && text[1] === '2' ? `${text[0]}1${text.slice(2)}` : text);

/** Everything that a history answers, under old names, in an order that names do not decide. */
function answers(history: History, T: number, known: ReadonlySet<Name>): unknown {
  const parts = labels(history, T);
  const named = (text: string): string => parts.get(text) ?? old(text);
  const sorted = <V>(values: V[]): V[] => values.sort((a, b) => (text(a) < text(b) ? -1 : 1));
  const inOrder = (value: unknown): unknown => {
    if (Array.isArray(value)) return sorted(value.map(inOrder));
    if (value instanceof Map || value instanceof Set) return inOrder([...value]);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, inOrder(each)]));
  };
  const text = (value: unknown): string =>
    JSON.stringify(value, (_key, each: unknown) => (typeof each === 'bigint' ? String(each) : each)) ?? '';
  const views = [...history.views({ T })].map(({ view }) => mapped(inOrder(view), named));
  // A finding's id is a hash of its anchor's name.
  // What no part can claim goes to the first by its hash; so findings name the identity, with which a part shares half.
  const identity = (name: string): string =>
    isName(name) && !known.has(old(name)) ? old(name).slice(0, 16) : old(name);
  const findings = history.findings({ T }).map(({ id: _id, ...finding }) => mapped(inOrder(finding), identity));
  return inOrder(JSON.parse(text({ views, findings })));
}

describe('naming secrets that are rotated in the middle of a history', () => {
  it('change no answer but names, once everything was seen again', () => {
    fc.assert(
      fc.property(rotated, fc.constantFrom(...cuts), ([facts, share, strays], at) => {
        const names = namesIn(facts);
        const after = historyOf([...rotate([facts, share, strays]), ...[...names].map(renameOf)]);
        expect(answers(after, T0 + at, names)).toEqual(answers(historyOf(facts), T0 + at, names));
      }),
      { seed: SEED, numRuns: 500 },
    );
  });

  it('change no status, end or expiry at any time, whatever was seen again', () => {
    const lines = (history: History, T: number): string[] =>
      [...history.views({ T })].map(({ view }) => lineOf(view, labels(history, T))).sort();
    fc.assert(
      fc.property(rotated, fc.constantFrom(...cuts), (made, at) => {
        const before = historyOf(made[0]);
        expect(lines(historyOf(rotate(made)), T0 + at)).toEqual(lines(before, T0 + at));
      }),
      { seed: SEED, numRuns: 500 },
    );
  });

  it('would part what belongs together if the renames were lost', () => {
    const facts = [
      fact('token.issued', { names: { jti: 'j', sub: 's' } }),
      fact('token.revoked', { at: SECOND, names: { jti: 'j' } }),
      fact('token.validated', { at: MINUTE, names: { jti: 'j' }, data: { verified: true } }),
    ];
    const statusOf = (all: RecordedFact[]): string[] =>
      [...historyOf(all).views({ T: T0 + DAY })].map(({ view }) => view.status);
    const after = [...facts.slice(0, 2), ...renamedFacts(facts.slice(2))];
    expect(statusOf(after)).toEqual(['revoked']);
    expect(statusOf(after.filter(({ type }) => !type.includes('renamed')))).toEqual(['revoked', 'active']);
  });

  it('keep the mapping of an issuer that an operator had corrected before', () => {
    const [wrong, right] = [
      fact('token.issued', { names: { jti: 'w' } }),
      fact('token.revoked', { names: { jti: 'r' } }),
    ];
    const correction = fact('token.renamed', {
      subject: wrong.subject,
      data: { from: wrong.subject, to: right.subject },
    });
    const seenAgain = renamedFacts([fact('token.validated', { at: MINUTE, names: { jti: 'r' } })]);
    const views = [...historyOf([wrong, right, correction, ...seenAgain]).views({ T: T0 + DAY })];
    expect(views.map(({ view }) => [view.name, view.status])).toEqual([[next(right.subject), 'revoked']]);
  });
});

function lineOf(view: TokenView, parts: ReadonlyMap<Name, string>): string {
  const kinds = view.ends.map(({ kind, at }) => `${kind} ${at}`).sort();
  return [
    parts.get(view.name) ?? old(view.name),
    view.status,
    view.endedAt,
    JSON.stringify(view.expiry),
    ...kinds,
  ].join(' ');
}
