import fc from 'fast-check';
import { type ObservationType, type RecordedFact } from '#lifecycle';
import { aliased, expiresAt, fact, ISSUER, named, SECOND, SETTINGS, T0 } from '../../../lifecycle/src/testing.js';
import { someFacts } from '../../../lifecycle/src/testing-histories.js';

/** For specs: random histories in which every rule finds something now and then, and tokens rest on each other. */

const pick = <T>(...values: T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
const at = fc.integer({ min: 0, max: 60 }).map((n) => n * SECOND);
const token = pick('j0', 'j1', 'j2', 'j3');
const net = pick('a0', 'a1', undefined);
const use = { source: 'envoy', gateway: 'gw-a' } as const;

const one = (each: RecordedFact): RecordedFact[] => [each];

const rotation = fc
  .tuple(at, token, token, pick('f0', 'f1', undefined), net)
  .filter(([, a, b]) => a !== b)
  .map(([when, a, b, fam, from]) => [
    fact('token.rotated', {
      at: when,
      names: { jti: a, fam, sub: 's0', cli: 'c0', net: from },
      data: { issuer: ISSUER, verified: true, kind: 'refresh', successor: named('jti', b) },
    }),
    fact('token.issued', {
      at: when,
      names: { jti: b, fam, sub: 's0', cli: 'c0', net: from },
      data: { issuer: ISSUER, verified: true, kind: 'refresh', parent: named('jti', a), grantType: 'refresh_token' },
    }),
  ]);
const login = fc.tuple(at, token, pick('f0', 'f1', 'f2')).map(([when, jti, fam]) =>
  one(
    fact('token.issued', {
      at: when,
      names: { jti, fam, sub: 's0', cli: 'c0' },
      data: { issuer: ISSUER, verified: true, kind: 'refresh', ...expiresAt(30 * SECOND) },
    }),
  ),
);
const presented = fc
  .tuple(at, token, net, pick<ObservationType>('token.validated', 'token.rejected'), pick('envoy', 'kong', 'keycloak'))
  .map(([when, jti, from, type, source]) =>
    one(
      fact(type, {
        at: when,
        names: { jti, sub: 's0', cli: 'c0', net: from },
        data: { issuer: ISSUER, verified: true, ...(type === 'token.rejected' ? { class: 'who' } : {}) },
        source,
        ...(source === 'keycloak' ? {} : { gateway: use.gateway }),
      }),
    ),
  );
const exchanged = fc
  .tuple(
    at,
    pick('x0', 'x1'),
    fc.oneof(
      token.map((jti) => ({ subjectToken: named('jti', jti) })),
      pick('f0', 'f1').map((fam) => ({ subjectFamily: named('fam', fam) })),
      pick('t0', 't1').map((tok) => ({ subjectToken: named('tok', tok) })),
    ),
  )
  .map(([when, jti, from]) =>
    one(
      fact('token.exchanged', {
        at: when,
        names: { jti },
        data: { issuer: ISSUER, verified: true, scopes: ['a', 'b'], ...from },
      }),
    ),
  );
const accessOf = fc.tuple(at, token, pick('f0', 'f1')).map(([when, jti, fam]) =>
  one(
    fact('token.issued', {
      at: when,
      names: { jti, fam },
      data: { issuer: ISSUER, verified: true, kind: 'access', scopes: ['a'], ...expiresAt(20 * SECOND) },
    }),
  ),
);
const bound = fc.tuple(at, token, pick('bearer', 'dpop')).map(([when, jti, scheme]) =>
  one(
    fact('token.validated', {
      at: when,
      names: { jti },
      data: { issuer: ISSUER, verified: true, cnf: { jkt: 'k' }, scheme },
      ...use,
    }),
  ),
);
const proof = fc.tuple(at, token, pick('p0', 'p1')).map(([when, jti, id]) =>
  one(
    fact('token.validated', {
      at: when,
      names: { jti },
      data: { issuer: ISSUER, proof: { present: true, id: named('tok', id), htu: 'u' } },
      ...use,
    }),
  ),
);
const never = fc.tuple(at, token).map(([when, jti]) =>
  one(
    fact('token.validated', {
      at: when,
      names: { jti },
      data: { issuer: ISSUER, verified: true, expiry: { kind: 'never', raw: null, unit: 'none', flags: [] } },
      ...use,
    }),
  ),
);
const quality = fc
  .tuple(at, token, pick(['headers.authorization'], ['query.token']), pick('envoy', 'kong'))
  .map(([when, jti, raw, source]) =>
    one(
      fact('token.validated', {
        at: when,
        names: { jti },
        data: { issuer: 'https://IDP.example.com/realms/shop', raw, notes: ['jti:integer'] },
        source,
      }),
    ),
  );
const early = fc.tuple(at, token).map(([when, jti]) =>
  one(
    fact('token.validated', {
      at: when,
      names: { jti },
      data: { issuer: ISSUER, verified: true, iat: T0 + 70 * SECOND },
      ...use,
    }),
  ),
);
const report = fc.tuple(at, pick('f0', 'f1'), fc.option(token, { nil: undefined })).map(([when, fam, jti]) =>
  one(
    fact('family.reusereported', {
      at: when,
      names: { fam },
      data: { issuer: ISSUER, ...(jti === undefined ? {} : { token: named('jti', jti) }) },
    }),
  ),
);
const ofSource = fc.tuple(at, pick('envoy', 'kong', 'keycloak'), pick(0, 1, 2, 3)).map(([when, source, what]) => {
  if (what === 0)
    return one(fact('source.closed', { at: when, subject: source, data: { source, watermark: T0 + when } }));
  if (what === 1)
    return one(fact('source.gap', { at: when, subject: source, data: { source, from: T0 + 10 * SECOND } }));
  if (what === 2)
    return one(
      fact('source.gap', {
        at: when,
        subject: source,
        data: { source, from: T0 + 10 * SECOND, to: T0 + 20 * SECOND, closed: true },
      }),
    );
  return one(
    fact('source.distrusted', {
      at: when,
      subject: source,
      source: 'tally',
      data: { source, from: T0, to: T0 + 20 * SECOND, by: ['a', 'b'] },
    }),
  );
});
const declared = fc.tuple(at, pick(0, 5, 20)).map(([when, seconds]) =>
  one(
    fact('settings.declared', {
      at: when,
      subject: 'default',
      source: 'tally',
      data: { settings: { ...SETTINGS, thresholds: { issuanceLateness: seconds * SECOND } } },
    }),
  ),
);
const deployed = fc.tuple(at, pick(0, 15)).map(([when, revocationWindowSeconds]) =>
  one(
    fact('deployment.declared', {
      at: when,
      subject: 'gateway',
      data: { component: 'gateway', version: 'v1', contract: { revocationWindowSeconds } },
    }),
  ),
);
const joined = fc.tuple(token, pick('t0', 't1', 't2')).map(([jti, tok]) => aliased({ jti, tok }));
const half = joined.map(([first]) => [first!]);

const some = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: rotation },
    { weight: 4, arbitrary: login },
    { weight: 6, arbitrary: presented },
    { weight: 3, arbitrary: exchanged },
    { weight: 3, arbitrary: accessOf },
    { weight: 1, arbitrary: bound },
    { weight: 1, arbitrary: proof },
    { weight: 1, arbitrary: never },
    { weight: 1, arbitrary: quality },
    { weight: 1, arbitrary: early },
    { weight: 1, arbitrary: report },
    { weight: 2, arbitrary: ofSource },
    { weight: 2, arbitrary: joined },
    { weight: 1, arbitrary: half },
    { weight: 1, arbitrary: deployed },
    { weight: 3, arbitrary: someFacts.map((facts) => facts.slice(0, 3)) },
  ),
  { minLength: 2, maxLength: 16 },
);

/** In an order of their own, each with its position; recorded one after another. */
export const tellingFacts: fc.Arbitrary<RecordedFact[]> = fc
  .tuple(some, fc.boolean(), fc.boolean(), fc.option(declared, { nil: [] }))
  .chain(([groups, shuffled, known, again]) => {
    const start = known
      ? [fact('settings.declared', { at: -SECOND, subject: 'default', source: 'tally', data: { settings: SETTINGS } })]
      : [];
    const facts = [...groups.flat(), ...again];
    return (shuffled ? fc.shuffledSubarray(facts, { minLength: facts.length }) : fc.constant(facts)).map((list) =>
      distinct([...start, ...list]).map((each, i) => ({
        ...each,
        position: BigInt(i + 1),
        recordedAt: T0 + 61_000 + i * 1000,
      })),
    );
  });

/** A ledger holds a fact once in a stream. */
function distinct(facts: readonly RecordedFact[]): RecordedFact[] {
  return [...new Map(facts.map((each) => [`${each.subject} ${each.id}`, each])).values()];
}
