import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RecordedFact } from '#lifecycle';
import {
  aliased,
  DAY,
  expiresAt,
  fact,
  HOUR,
  ISSUER,
  MINUTE,
  named,
  SECOND,
  settingsFact,
  T0,
  use,
} from '../../../lifecycle/src/testing.js';
import { differenceOf, Filled, type RandomHistory, type Written } from './testing.js';

function asked(
  facts: readonly RecordedFact[],
  instants = [0, 10 * SECOND, HOUR, 40 * DAY],
  upTo = [1e9],
): RandomHistory {
  return {
    facts: [settingsFact(), ...facts].map((each) => ({ fact: each, recordedAt: T0 + 2 * HOUR })),
    asked: upTo.flatMap((n) => instants.map((at) => ({ upTo: n, T: T0 + at, gateways: [] }))),
  };
}

const issued = (jti: string, at: number, fam: string, more: Record<string, unknown> = {}): RecordedFact =>
  fact('token.issued', { at, names: { jti, fam, sub: `s-${jti}` }, data: more });
const fence = (at: number, cutoff: number, match: Record<string, unknown>): RecordedFact =>
  fact('fence.raised', { at, data: { cutoff: T0 + cutoff, match } });
const distrusted = (source: string): RecordedFact =>
  fact('source.distrusted', { at: 0, subject: source, source: 'tally', data: { source, by: ['a', 'b'] } });
const renewed = (at: number, exp: number, more: Record<string, unknown> = {}): RecordedFact =>
  fact('token.renewed', { at, names: { jti: 'j0' }, data: { verified: true, ...expiresAt(exp) }, ...more });
const family = (at: number, names: Record<string, string>, token?: string): RecordedFact =>
  fact('family.revoked', { at, names, data: token === undefined ? {} : { token: named('jti', token) } });

/** Histories of which each shows one rule that chance seldom meets. */
const CRAFTED: Readonly<Record<string, RandomHistory>> = {
  'one row of onsets has facts on both sides of K': asked(
    [use('j0', 40 * SECOND), use('j0', 5 * SECOND)],
    [4, 5, 39, 40].map((s) => s * SECOND),
    [2, 3],
  ),
  'each gateway has a cut of its own': {
    ...asked([
      use('j0', 10 * SECOND, { gateway: 'gw-a' }),
      use('j1', 10 * SECOND, { gateway: 'gw-b' }),
      fact('token.consumed', { at: 20 * SECOND, names: { jti: 'j0' }, source: 'envoy', gateway: 'gw-a' }),
    ]),
    asked: [5, 15, 25].map((at) => ({
      upTo: 1e9,
      T: T0 + 15 * SECOND,
      gateways: [['gw-a', T0 + at * SECOND]],
    })),
  },
  'of two renewals at one instant the earlier expiry holds': asked([
    issued('j0', 0, 'f0', expiresAt(5 * MINUTE)),
    renewed(SECOND, 90 * MINUTE),
    renewed(SECOND, 30 * MINUTE),
  ]),
  'a later renewal holds, whatever it says': asked([
    renewed(SECOND, 30 * MINUTE),
    renewed(2 * SECOND, 20 * MINUTE),
    renewed(5 * SECOND, 90 * MINUTE),
  ]),
  'a fence, a family end and a suspension by a source that turned out bad': asked([
    use('j0', 0, { names: { sub: 's-j0' } }),
    issued('j1', 0, 'f1'),
    fence(SECOND, MINUTE, { sub: named('sub', 's-j0') }),
    family(SECOND, { fam: 'f1' }),
    fact('subject.suspended', { at: SECOND, names: { sub: 's-j0' }, data: { reasonId: 'd' } }),
    fact('key.compromised', { at: SECOND, names: { kid: 'k0' } }),
    use('j2', 0, { names: { kid: 'k0' } }),
    distrusted('keycloak'),
  ]),
  'tokens of a source that turned out bad': asked([
    use('j0', 0),
    use('j1', 0, { source: 'kong' }),
    use('j1', SECOND),
    distrusted('envoy'),
  ]),
  'more lines describe it than are kept': asked(
    Array.from({ length: 10 }, (_each, n) => use('j0', n * SECOND, { data: { claims: [`c${n}`] } })),
  ),
  'variants of a record: an expiry, a reinstatement of a token and of a subject': asked([
    ...[60, 30].map((exp) =>
      fact('token.issued', { names: { jti: 'j0' }, data: expiresAt(exp * MINUTE), record: 'x0' }),
    ),
    fact('token.suspended', { names: { jti: 'j1' }, data: { reasonId: 'q' } }),
    ...['q', 'r'].map((reasonId) =>
      fact('token.reinstated', { at: SECOND, names: { jti: 'j1' }, data: { reasonId }, record: 'x1' }),
    ),
    use('j2', 0, { names: { sub: 's2' } }),
    fact('subject.suspended', { names: { sub: 's2' }, data: { reasonId: 'q' } }),
    ...['q', 'r'].map((reasonId) =>
      fact('subject.reinstated', { at: SECOND, names: { sub: 's2' }, data: { reasonId }, record: 'x2' }),
    ),
  ]),
  'parts of a jti are known by a fact that belongs to none of them': asked([
    issued('j0', HOUR, 'f0', { iat: T0 }),
    fact('token.issued', { at: HOUR, names: { jti: 'j0', fam: 'f0', sub: 's-other' } }),
    fact('legalhold.placed', { at: SECOND, names: { jti: 'j0' }, source: 'tally', data: { hold: 'h' } }),
  ]),
  'two families joined over an alias': asked([
    issued('j0', 0, 'f0'),
    fact('token.issued', { names: { tok: 't0', fam: 'f1' } }),
    ...aliased({ jti: 'j0', tok: 't0' }),
    issued('j1', 0, 'f1'),
    family(SECOND, { fam: 'f0' }),
  ]),
  'a family that ended at a token with two names, beside a broken alias': asked([
    issued('j0', 0, 'f0'),
    issued('j1', 0, 'f0'),
    ...aliased({ jti: 'j0', tok: 't0' }),
    family(SECOND, { tok: 't0' }),
    ...aliased({ jti: 'j2', tok: 't1' }),
    ...aliased({ jti: 'j3', tok: 't1' }),
  ]),
  'a fence on the new name of a subject': asked([
    use('j0', 0, { names: { sub: 's0' } }),
    fact('token.renamed', { data: { from: named('sub', 's0'), to: named('sub', 'new') }, subject: named('sub', 's0') }),
    fence(SECOND, MINUTE, { sub: named('sub', 'new') }),
  ]),
  'a fence between an old sighting and the issue time; one before every sighting': asked([
    use('j0', 0, { names: { sub: 's0' }, data: { iat: T0 + 20 * MINUTE } }),
    use('j1', 0, { names: { sub: 's0' }, data: { iat: T0 + 2 * MINUTE } }),
    use('j2', -T0 + 5, { names: { sub: 's0' } }),
    use('j2', MINUTE, { names: { sub: 's0' } }),
    use('j3', 30 * DAY, { names: { sub: 's0' } }),
    fence(SECOND, 10 * MINUTE, { sub: named('sub', 's0') }),
    fence(2 * SECOND, MINUTE, { sub: named('sub', 's0') }),
    fence(9 * SECOND, 40 * DAY, { sub: named('sub', 's0') }),
  ]),
  'a token that was born after the cutoff of one fence, and before that of another': asked(
    [
      use('j0', 30 * SECOND, { names: { sub: 's0' } }),
      fence(40 * SECOND, 30 * SECOND, { sub: named('sub', 's0') }),
      fence(50 * SECOND, 31 * SECOND, { sub: named('sub', 's0') }),
    ],
    [45, 50, 3600].map((s) => s * SECOND),
  ),
  'a revocation without authority': asked([
    use('j0', 0),
    fact('token.revoked', { at: SECOND, names: { jti: 'j0' }, source: 'envoy' }),
  ]),
  'fences by kind: a credential is an API key, offline grants are not online': asked([
    fact('token.validated', { names: { cred: 'r0', sub: 's0' }, data: { verified: true } }),
    use('j0', 0, { names: { sub: 's0' }, data: { kind: 'refresh', offline: true } }),
    use('j1', 0, { names: { sub: 's0' }, data: { kind: 'access', offline: false } }),
    fence(SECOND, MINUTE, { sub: named('sub', 's0'), tokenKind: 'apiKey' }),
    fence(2 * SECOND, MINUTE, { sub: named('sub', 's0'), offline: false }),
    fence(3 * SECOND, MINUTE, { sub: named('sub', 's0'), tokenKind: 'refresh', offline: true }),
  ]),
  'each part of what a fence names must match': asked([
    use('j0', 0, { names: { sub: 's0', cli: 'c0', kid: 'k0', ses: 'e0' } }),
    use('j1', 0, { names: { sub: 's0', cli: 'c1', kid: 'k1', ses: 'e1' } }),
    fence(SECOND, MINUTE, {
      ses: named('ses', 'e0'),
      sub: named('sub', 's0'),
      cli: named('cli', 'c0'),
      kid: named('kid', 'k0'),
    }),
    fence(2 * SECOND, MINUTE, { ses: named('ses', 'e1'), cli: named('cli', 'c0') }),
    fence(3 * SECOND, MINUTE, { cli: named('cli', 'c1'), kid: named('kid', 'k0') }),
    fence(4 * SECOND, MINUTE, { ses: named('ses', 'e1'), sub: named('sub', 's9') }),
    fence(5 * SECOND, MINUTE, { cli: named('cli', 'c1'), sub: named('sub', 's9') }),
    fence(6 * SECOND, MINUTE, {}),
  ]),
  'suspended and reinstated at one instant; two causes': asked([
    ...(['token.suspended', 'token.reinstated'] as const).map((type) =>
      fact(type, { at: SECOND, names: { jti: 'j0' }, data: { reasonId: 'q' } }),
    ),
    fact('token.suspended', { names: { jti: 'j1' }, data: { reasonId: 'q' } }),
    fact('token.suspended', { names: { jti: 'j1' }, data: { reason: 'r' } }),
    fact('token.reinstated', { at: SECOND, names: { jti: 'j1' }, data: { reason: 'r' } }),
    fact('token.suspended', { names: { jti: 'j2' }, data: { reason: '\ud800' } }),
    fact('token.reinstated', { at: SECOND, names: { jti: 'j2' }, data: { reason: '\ud801' } }),
  ]),
  'expiries: never, unknown, implausible, in a suspect unit, of lines that differ': asked([
    ...(['never', 'unknown', 'implausible'] as const).map((kind, n) =>
      use(`j${n}`, 0, { data: { expiry: { kind, raw: null, unit: 'none', flags: [] } } }),
    ),
    use('j3', 0, { data: { expiry: { kind: 'at', at: T0 + HOUR, raw: 1, unit: 'ms', flags: ['unit-suspect'] } } }),
    use('j4', 0, { data: { expiry: { kind: 'at', at: T0 + HOUR, raw: 1, unit: 'ms', flags: ['unit-suspect'] } } }),
    use('j4', 1, { data: expiresAt(HOUR) }),
    use('j5', 0, { data: expiresAt(HOUR) }),
    fact('token.issued', { names: { jti: 'j5' }, data: expiresAt(HOUR + 1) }),
  ]),
  'a tok with lines of its own, known late to be a jti': asked(
    [
      issued('j0', 10 * SECOND, 'f0'),
      fact('token.validated', {
        at: 2 * SECOND,
        names: { tok: 't0', sub: 's0' },
        data: { issuer: ISSUER, verified: true },
      }),
      fact('token.consumed', { at: HOUR, names: { tok: 't0' } }),
      ...aliased({ jti: 'j0', tok: 't0' }),
    ],
    undefined,
    [3, 4, 5, 6],
  ),
};

let filled: Filled;
const written = new Map<string, Written>();

beforeAll(async () => {
  filled = await Filled.open();
  for (const [n, [rule, of]] of Object.entries(CRAFTED).entries())
    written.set(rule, await filled.write(`t${n}`, of, false));
  await filled.analytics.catchUp();
}, 120_000);
afterAll(() => filled.close());

describe('a state out of ClickHouse is that of the replay', () => {
  it.each(Object.keys(CRAFTED))('%s', async (rule) => {
    for (const source of ['onsets', 'facts'] as const)
      expect(await differenceOf(filled, written.get(rule)!, { source })).toBeUndefined();
  });
});
