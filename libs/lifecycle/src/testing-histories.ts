import fc from 'fast-check';
import type { ObservationType, RecordedFact } from './observations.js';
import { aliased, DAY, expiresAt, fact, ISSUER, MINUTE, named, SECOND, type FactFields } from './testing.js';

/** For specs: random histories over a few names and instants, so that collisions of every kind are common. */

const pick = <T>(...values: T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined, freq: 2 });

/** Near instants with ties, a few that lie days apart. */
export const instant = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 40 }).map((n) => n * SECOND) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 90 }).map((n) => n * MINUTE) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 70 }).map((n) => n * DAY) },
);

const jti = pick('j0', 'j1', 'j2');
const tok = pick('t0', 't1', 't2');
const sub = pick('s0', 's1');
const cli = pick('c0', 'c1');
const fam = pick('f0', 'f1');
const kid = pick('k0', 'k1');
const ses = pick('e0', 'e1');

const tokenNames = fc.oneof(
  { weight: 4, arbitrary: fc.record({ jti, tok: maybe(tok) }) },
  { weight: 2, arbitrary: fc.record({ tok }) },
  { weight: 1, arbitrary: fc.record({ cred: pick('r0', 'r1'), tok: maybe(tok) }) },
  { weight: 1, arbitrary: fc.record({ con: pick('n0') }) },
);
const context = fc.record({ sub: maybe(sub), cli: maybe(cli), kid: maybe(kid), ses: maybe(ses) });
const shown = fc.record({
  iat: maybe(fc.integer({ min: 0, max: 20 })),
  exp: maybe(fc.integer({ min: 1, max: 60 })),
  kind: maybe(pick('access', 'refresh')),
  offline: maybe(fc.boolean()),
  scopes: maybe(pick(['a'], ['b', 'a'], ['offline_access'])),
});

function dataOf(s: { iat?: number | undefined; exp?: number | undefined; [key: string]: unknown }) {
  const { iat, exp, ...rest } = s;
  const out: Record<string, unknown> = { issuer: ISSUER, verified: true };
  for (const [key, value] of Object.entries(rest)) if (value !== undefined) out[key] = value;
  if (iat !== undefined) out['iat'] = 1_773_133_200_000 + iat * SECOND;
  if (exp !== undefined) Object.assign(out, expiresAt(exp * SECOND));
  return out;
}

const useFields = fc.record({
  gateway: maybe(pick('gw-a', 'gw-b')),
  version: maybe(pick('v1', 'v2')),
  source: pick('envoy', 'kong'),
});

const useFact = fc
  .tuple(instant, tokenNames, context, shown, useFields, maybe(pick('a0', 'a1')), pick(...uses()))
  .map(([at, token, around, said, where, net, [type, data]]) =>
    fact(type, { at, names: { ...token, ...around, net }, data: { ...dataOf(said), ...data }, ...present(where) }),
  );

function uses(): [ObservationType, Record<string, unknown>][] {
  return [
    ['token.validated', {}],
    ['token.validated', {}],
    ['token.validated', { shadow: true }],
    ['token.rejected', { class: 'who' }],
    ['token.rejected', { class: 'who', reason: 'expired' }],
    ['token.observed', {}],
    ['token.consumed', {}],
  ];
}

function present<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, v]) => v !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

const record = maybe(pick('x0', 'x1'));

const issued = fc
  .tuple(
    instant,
    tokenNames,
    context,
    shown,
    maybe(fam),
    record,
    pick('token.issued', 'token.renewed', 'token.exchanged'),
  )
  .map(([at, token, around, said, family, variant, type]) =>
    fact(type as ObservationType, {
      at,
      names: { ...token, ...around, fam: family },
      data: dataOf(said),
      ...present({ record: variant }),
    }),
  );

const statements: [ObservationType, Record<string, unknown>][] = [
  ['token.revoked', { cause: 'asked' }],
  ['token.revoked', { cause: 'policy', scope: 'token' }],
  ['token.compromised', {}],
  ['token.rotated', { successor: named('jti', 'j1') }],
  ['token.rotated', { successor: named('jti', 'j2') }],
  ['token.suspended', { reasonId: 'q' }],
  ['token.reinstated', { reasonId: 'q' }],
  ['token.expired', {}],
];
const stated = fc
  .tuple(instant, tokenNames, maybe(fam), record, pick(...statements))
  .map(([at, token, family, variant, [type, data]]) =>
    fact(type, { at, names: { ...token, fam: family }, data, ...present({ record: variant }) }),
  );

const world = fc.oneof(
  fc.tuple(instant, fam).map(([at, f]) => fact('family.revoked', { at, names: { fam: f } })),
  fc
    .tuple(instant, instant, fc.oneof(context), maybe(pick('access', 'refresh')), maybe(fc.boolean()))
    .map(([at, cutoff, of, tokenKind, offline]) => {
      const match: Record<string, unknown> = {};
      for (const [kind, text] of Object.entries(of)) {
        if (text !== undefined) match[kind] = named(kind as 'sub', text);
      }
      if (tokenKind !== undefined) match['tokenKind'] = tokenKind;
      if (offline !== undefined) match['offline'] = offline;
      return fact('fence.raised', { at, data: { cutoff: 1_773_133_200_000 + cutoff, match } });
    }),
  fc.tuple(instant, kid).map(([at, k]) => fact('key.compromised', { at, names: { kid: k } })),
  fc
    .tuple(instant, sub, pick<ObservationType>('subject.suspended', 'subject.reinstated'))
    .map(([at, s, type]) => fact(type, { at, names: { sub: s }, data: { reasonId: 'd' } })),
);

const alias = fc.oneof(
  fc.record({ jti, tok }).map((names) => aliased(names)),
  fc.record({ cred: pick('r0', 'r1'), tok }).map((names) => aliased(names)),
);

const claimed = fc
  .tuple(instant, tokenNames)
  .map(([at, names]) => fact('token.revoked', { at, names, source: 'envoy' } satisfies FactFields));

const rename = fc.tuple(pick('j0', 's0', 'f0'), pick('new')).map(([from, to]) => {
  const kind = from.startsWith('j') ? 'jti' : from.startsWith('s') ? 'sub' : 'fam';
  return fact('token.renamed', { data: { from: named(kind, from), to: named(kind, to) }, subject: named(kind, from) });
});

const one = (facts: fc.Arbitrary<RecordedFact>): fc.Arbitrary<RecordedFact[]> => facts.map((each) => [each]);

/** Facts that weaken nothing by rule: no distrust, no settings. */
export const someFacts: fc.Arbitrary<RecordedFact[]> = fc
  .array(
    fc.oneof(
      { weight: 6, arbitrary: one(useFact) },
      { weight: 4, arbitrary: one(issued) },
      { weight: 4, arbitrary: one(stated) },
      { weight: 3, arbitrary: one(world) },
      { weight: 3, arbitrary: alias },
      { weight: 1, arbitrary: one(claimed) },
      { weight: 1, arbitrary: one(rename) },
    ),
    { minLength: 1, maxLength: 14 },
  )
  .map((groups) => groups.flat());

/** Facts of one token, for the state alone. */
export const factsOfOneToken: fc.Arbitrary<RecordedFact[]> = fc.array(fc.oneof(useFact, issued, stated), {
  minLength: 1,
  maxLength: 16,
});
