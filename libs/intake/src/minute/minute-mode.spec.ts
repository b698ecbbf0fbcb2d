import { describe, expect, it } from '@jest/globals';
import { stateLine, stateOfStream, type Finding, type History, type TokenState } from '#lifecycle';
import { busyTraffic, eventsOf, historyOf, takeAll, withUses } from './testing.js';

/** What minute mode may lose, and nothing else: MODEL §2.5. */
const MINUTE = 60_000;
const START = Date.UTC(2026, 2, 10, 9);
const END = START + 60 * MINUTE;
const RECORDED = END + 10 * MINUTE;

/** Seed, records a range, how often each request comes again. */
const CASES: [number, number, number][] = [
  [1, 64, 5],
  [2, 512, 12],
  [3, 8192, 30],
];

describe.each(CASES)('a history in minute mode (seed %i, ranges of %i)', (seed, size, times) => {
  const { lines, settings } = busyTraffic({ seed, sessions: 25, minutes: 60 }, times);
  const modes = { each: withUses(settings, 'each'), minute: withUses(settings, 'minute') };
  const each = takeAll(lines, modes.each, size);
  const minute = takeAll(lines, modes.minute, size);
  // Both are read under one mode's settings: the other word would be another settings digest.
  const [a, b] = [each, minute].map((prepared) => historyOf(prepared, modes.minute, RECORDED)) as [History, History];

  it('is of fewer events, and counts every record', () => {
    const [all, folded] = [eventsOf(each).length, eventsOf(minute).length];
    expect(folded).toBeLessThan(all * (size < 100 ? 0.95 : 0.6));
    const records = minute.reduce((sum, one) => sum + (one.kind === 'facts' ? (one.records ?? 1) : 1), 0);
    expect(records).toBe(each.length);
  });

  it('folds to the same state of every token, but for instants between first and last of a minute', () => {
    const names = [...a.source.streams()].map(({ name }) => name);
    expect([...b.source.streams()].map(({ name }) => name)).toEqual(names);
    for (const name of names) {
      const [x, y] = [a, b].map((history) => shown(stateOfStream(name, (of) => history.factsOf(of))));
      expect(y!.rest).toEqual(x!.rest);
      expect([...y!.spans.keys()].sort()).toEqual([...x!.spans.keys()].sort());
      for (const [bucket, span] of y!.spans) {
        const known = x!.spans.get(bucket)!;
        expect([bucket, span.first, span.last]).toEqual([bucket, known.first, known.last]);
        // What is claimed to be exact is.
        if (span.exact) expect(known.exact).toBe(true);
      }
    }
  });

  it('gives the same state lines as of any instant', () => {
    for (let T = START; T <= END; T += 7 * MINUTE + 23_457) expect(linesAt(b, T)).toEqual(linesAt(a, T));
  });

  it('gives the same findings: rule, anchor, kind, severity, tokens and gateway', () => {
    const told = (history: History): unknown[] => history.findings({ T: RECORDED }).map(tellable).sort(byText);
    expect(told(b)).toEqual(told(a));
    const rules = new Set(a.findings({ T: RECORDED }).map(({ rule }) => rule));
    for (const rule of ['D2', 'D3', 'D6', 'conflicting-duplicate']) expect(rules).toContain(rule);
  });
});

const byText = (x: unknown, y: unknown): number => (JSON.stringify(x) < JSON.stringify(y) ? -1 : 1);

/** Without counts and instants in words and evidence, and without whether it is final: see docs/uses.md. */
function tellable({ id, rule, kind, severity, tokens, gateway }: Finding): unknown[] {
  return [rule, id, kind, severity, [...tokens].sort(), gateway ?? null];
}

function linesAt(history: History, T: number): string[] {
  return [...history.views({ T })].map(({ view }) => stateLine(view));
}

interface Shown {
  rest: unknown;
  spans: Map<string, { first: number; last: number; exact: boolean }>;
}

/** A state as data: its uses by bucket, and everything else that is part of the state. */
function shown(state: TokenState): Shown {
  const { uses, attributes, recentAcceptances: _a, recentPresentation: _p, ...others } = state;
  const spans: Shown['spans'] = new Map();
  for (const [group, { buckets }] of uses.groups) {
    for (const [bucket, span] of buckets) spans.set(`${group}\t${bucket}`, span);
  }
  const values = [...attributes].map(([name, { values: all, overflow }]) => [
    name,
    overflow,
    all.map(({ json, authority }) => `${json} ${authority}`),
  ]);
  return { rest: sortedMaps({ ...others, latest: uses.latest, attributes: values.sort(byText) }), spans };
}

/** Maps and sets in order of their keys: in which order facts came is no part of a state. */
function sortedMaps(value: unknown): unknown {
  if (value instanceof Map) return [...value].map(([k, v]) => [k, sortedMaps(v)]).sort(byText);
  if (value instanceof Set) return [...value].sort();
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, sortedMaps(v)]));
}
