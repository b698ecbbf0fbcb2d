import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Contract, Finding, KeyFacts, TokenView, Use } from '#lifecycle';
import { decide, effectOf, isTouched, labelOf } from './decide.js';
import {
  bare,
  deployment,
  FULL,
  jti,
  MINUTE,
  name,
  NOW,
  planInput,
  SWITCH,
  T0,
  unissued,
  use,
  view,
  without,
} from './fixtures.js';
import { contextFor } from './plan-context.js';
import { declaredIntervals, type Interval } from './intervals.js';
import type { PlanInput } from './plan.js';
import { join, NO_EFFECT, settle, type Effect } from './rules/effect.js';
import type { RuleContext } from './rules/rule.js';
import { RULES } from './rules/table.js';
import { inferredIntervals } from './sightings.js';

/** One case of one rule: how an ordinary token and its plan must be changed for the rule to match, and what it does. */
interface Case {
  rule: string;
  token?: Partial<TokenView>;
  to?: Contract | null;
  from?: Contract | null;
  finding?: Partial<Finding>;
  key?: KeyFacts;
  reused?: boolean;
  /** Nobody saw its issuance. */
  unseen?: boolean;
  expects: Partial<Pick<Effect, 'access' | 'notAfter' | 'reissue' | 'steps' | 'verdict'>>;
}

type End = TokenView['ends'][number];
const end = (kind: End['kind'], at: number, more: Partial<End> = {}): End[] => [
  { kind, at, cause: 'x', authority: 'issuer', ...more },
];
const LATE = SWITCH + MINUTE;
const expiry = T0 + 60 * MINUTE;
const inMillis = (at: number): TokenView['expiry'] => ({
  kind: 'at',
  at,
  raw: at,
  unit: 'ms',
  flags: ['unit-suspect'],
});
const refused = (more: object = {}) => [
  use({ first: T0 + MINUTE, version: 'v1' }),
  use({ first: LATE, version: 'v2', outcome: 'refused', class: 'who', ...more }),
];
const APART: Contract = { ...FULL, store: 'redis-2', role: ['validator', 'store'] };
const opaque: Partial<TokenView> = {
  form: 'opaque',
  issuedAt: LATE,
  issuedBy: { at: LATE, authority: 'issuer', version: 'v2' },
};

const CASES: Case[] = [
  { rule: 'accepts', expects: {} },
  { rule: 'ended', token: { ends: end('revoked', T0 + MINUTE) }, expects: { access: 'end' } },
  { rule: 'ended', token: { ends: end('fenced', LATE) }, expects: { access: 'end' } },
  { rule: 'ended', token: { ends: end('revoked', SWITCH) }, to: APART, expects: { access: 'end', steps: ['pushEnd'] } },
  { rule: 'ended', token: { ends: end('revoked', SWITCH - 1) }, to: APART, expects: { access: 'end' } },
  {
    rule: 'ended',
    token: { ends: end('revoked', T0, { version: 'v2' }) },
    to: APART,
    expects: { access: 'end', steps: ['pushEnd'] },
  },
  {
    rule: 'ended',
    token: { ends: end('familyEnded', LATE) },
    from: without('store'),
    expects: { access: 'end', verdict: 'blocked' },
  },
  { rule: 'reuse', finding: { rule: 'D1', severity: 'critical' }, expects: { access: 'end', reissue: true } },
  {
    rule: 'reuse',
    finding: { rule: 'D1', severity: 'critical', provisional: true },
    expects: { access: 'suspend', verdict: 'hold' },
  },
  { rule: 'reuse', token: { family: name('10', 7) }, reused: true, expects: { access: 'end', reissue: true } },
  {
    rule: 'misused',
    finding: { rule: 'D6', severity: 'critical' },
    expects: { access: 'suspend', reissue: true, verdict: 'hold' },
  },
  {
    rule: 'misused',
    finding: { rule: 'D2', severity: 'critical', evidence: { theftIndicator: true } },
    expects: { access: 'suspend', reissue: true, verdict: 'hold' },
  },
  { rule: 'bad key', key: { compromised: T0 }, expects: { access: 'end', reissue: true } },
  { rule: 'bad key', key: { distrusted: T0 }, expects: { access: 'end', reissue: true } },
  { rule: 'outlives', token: { expiry: inMillis(expiry) }, expects: { notAfter: expiry } },
  {
    rule: 'outlives',
    token: { expiry: inMillis(NOW), status: 'expired' },
    expects: { access: 'end', steps: ['pushEnd'] },
  },
  { rule: 'wrongly refused', token: { uses: refused() }, expects: { steps: ['clearLockout'] } },
  {
    rule: 'wrongly refused',
    token: { uses: refused({ reason: 'kid' }), accepted: [] },
    expects: { steps: ['clearLockout'] },
  },
  {
    rule: 'false revocation',
    token: { ends: end('revoked', T0), attestations: [{ statement: 'False revocation', at: NOW }] },
    expects: { access: 'end', reissue: true },
  },
  {
    rule: 'widened',
    token: { claims: ['may_act', 'sub'] },
    from: { ...FULL, restrictingClaims: ['may_act'] },
    expects: { access: 'suspend', reissue: true },
  },
  { rule: 'unknown scope or audience', token: { scopes: ['admin'] }, expects: { access: 'suspend', reissue: true } },
  {
    rule: 'unknown scope or audience',
    token: { audiences: { kind: 'set', values: ['web'] } },
    expects: { access: 'suspend', reissue: true },
  },
  { rule: 'unverifiable', to: { ...FULL, kids: ['k0'] }, expects: { steps: ['publishKey'] } },
  { rule: 'unverifiable', to: { ...FULL, typs: ['JWT'] }, expects: { access: 'suspend', reissue: true } },
  { rule: 'unverifiable', to: { ...FULL, issuers: ['i'] }, expects: { access: 'suspend', reissue: true } },
  { rule: 'unverifiable', to: { ...FULL, requiredClaims: ['act'] }, expects: { access: 'suspend', reissue: true } },
  {
    rule: 'unverifiable',
    to: { ...FULL, kids: ['k0'] },
    key: { symmetric: true },
    expects: { access: 'suspend', reissue: true },
  },
  {
    rule: 'unverifiable',
    to: { ...FULL, kids: ['k0'], algorithms: ['HS256'] },
    token: { alg: 'HS256' },
    expects: { access: 'suspend', reissue: true },
  },
  { rule: 'too long', to: { ...FULL, maxLifetimeSeconds: 2400 }, expects: { notAfter: T0 + 2_400_000 } },
  { rule: 'unbound', to: { ...FULL, cnf: { required: true } }, expects: { access: 'suspend', reissue: true } },
  {
    rule: 'bound, unchecked',
    token: { cnf: { jkt: 'x' } },
    to: { ...FULL, cnf: { checked: false } },
    expects: { access: 'suspend' },
  },
  {
    rule: 'rotated, parent',
    token: { kind: 'refresh', ends: end('rotated', LATE) },
    to: APART,
    expects: { access: 'end', steps: ['pushEnd'] },
  },
  {
    rule: 'rotated, successor',
    token: { ...opaque, kind: 'refresh', parent: jti(9) },
    to: APART,
    expects: { steps: ['seedStore'] },
  },
  {
    rule: 'rotated, successor',
    token: { ...opaque, kind: 'refresh', parent: jti(9), scopes: ['admin'] },
    to: APART,
    expects: { access: 'suspend', reissue: true },
  },
  { rule: 'orphan', token: opaque, to: APART, expects: { steps: ['seedStore'] } },
  { rule: 'orphan', token: opaque, to: { ...APART, role: 'validator' }, expects: { reissue: true } },
  { rule: 'suspended', token: { suspended: true, suspendedBy: ['operator:x'] }, expects: { access: 'suspend' } },
  { rule: 'unconfirmed', token: { unconfirmed: true, accepted: [], uses: [] }, expects: {} },
  { rule: 'observed only', unseen: true, expects: {} },
  { rule: 'conflict', token: { identityConflict: true }, expects: { access: 'suspend', reissue: true } },
  {
    rule: 'version unknown or ambiguous',
    token: { uses: [use({ first: SWITCH - 5, last: SWITCH + 5 })] },
    expects: {},
  },
  { rule: 'contract silent', to: null, expects: { verdict: 'hold' } },
  { rule: 'contract silent', to: without('kids'), expects: { verdict: 'hold' } },
  { rule: 'none', unseen: true, token: { accepted: [] }, expects: {} },
];

function build(...cases: Case[]): { token: TokenView; context: RuleContext } {
  const whole = view(Object.assign({}, ...cases.map((c) => c.token ?? {})) as Partial<TokenView>);
  const token = cases.some((c) => c.unseen) ? unissued(whole) : whole;
  const contract = (side: 'from' | 'to'): Contract | undefined => {
    if (cases.some((c) => c[side] === null)) return undefined;
    const parts = cases.flatMap((c) => c[side] ?? []);
    const base = parts.length === 0 ? FULL : parts[0]!;
    const changed = parts
      .slice(1)
      .flatMap((p) => Object.entries(p).filter(([k, v]) => v !== FULL[k as keyof Contract]));
    return { ...base, ...Object.fromEntries(changed) };
  };
  const findings = cases.flatMap((c): Finding[] =>
    c.finding
      ? [
          {
            id: 'f',
            rule: '',
            kind: 'k',
            severity: 'low',
            provisional: false,
            tokens: [token.name],
            summary: '',
            evidence: {},
            ...c.finding,
          },
        ]
      : [],
  );
  const key = cases.find((c) => c.key)?.key;
  const input: Partial<PlanInput> = {
    contracts: { from: contract('from'), to: contract('to') },
    findingsOf: () => findings,
    reuseReported: () => cases.some((c) => c.reused),
    keys: new Map(key ? [[token.kidName!, key]] : []),
  };
  return { token, context: contextFor(planInput([], input))(token) };
}

function bareUse(u: Use): Use {
  const { version: _version, ...rest } = u;
  return rest;
}

const matched = (effect: Effect): Set<string> => new Set(effect.reasons.map((r) => r.rule));
const label = (c: Case): string => `${c.rule}: ${JSON.stringify(c.expects)}`;

describe('each rule of the table', () => {
  it.each(CASES.map((c, i) => [i, label(c), c] as const))('%i %s', (_i, _label, c) => {
    const { token, context } = build(c);
    const effect = decide(token, context);
    expect(matched(effect)).toContain(c.rule);
    const expected = { access: 'keep', reissue: false, steps: [], verdict: 'pass', ...c.expects };
    expect({ access: effect.access, reissue: effect.reissue, steps: effect.steps, verdict: effect.verdict }).toEqual({
      access: expected.access,
      reissue: expected.reissue,
      steps: expected.steps,
      verdict: expected.verdict,
    });
    expect(effect.notAfter).toBe(c.expects.notAfter);
  });

  it('has a case for every row, and only rows have cases', () => {
    expect(new Set(CASES.map((c) => c.rule))).toEqual(new Set(RULES.map((row) => row.id)));
  });

  it('an ordinary token is kept, and not touched', () => {
    const { token, context } = build();
    const effect = decide(token, context);
    expect(labelOf(effect)).toBe('keep');
    expect(isTouched(effect)).toBe(false);
  });
});

describe('rules do not match', () => {
  const effectOfCase = (c: Omit<Case, 'rule' | 'expects'>): Set<string> => {
    const { token, context } = build({ rule: '', expects: {}, ...c });
    return matched(decide(token, context));
  };
  const WRONGLY = 'wrongly refused';
  const recovered = [...refused(), use({ first: LATE + MINUTE, version: 'v2' })];

  it.each<[string, string, Omit<Case, 'rule' | 'expects'>]>([
    ['a may-you refusal', WRONGLY, { token: { uses: refused({ class: 'may', reason: 'scope' }) } }],
    ['a refusal as expired', WRONGLY, { token: { uses: refused({ reason: 'expired' }) } }],
    ['a refusal as inactive', WRONGLY, { token: { uses: refused({ reason: 'inactive' }) } }],
    ['a refusal by the old version', WRONGLY, { token: { uses: refused({ version: 'v1' }) } }],
    ['shadow traffic', WRONGLY, { token: { uses: refused({ shadow: true }) } }],
    ['accepted by the new version since', WRONGLY, { token: { uses: recovered } }],
    ['no evidence that it was good', WRONGLY, { unseen: true, token: { accepted: [], uses: refused().slice(1) } }],
    ['a security fix', WRONGLY, { token: { uses: refused() }, from: { ...FULL, securityFix: true } }],
    ['a line from the future', WRONGLY, { token: { uses: refused({ future: true }) } }],
    [
      'accepted elsewhere only after the refusal',
      WRONGLY,
      { unseen: true, token: { uses: [...refused().slice(1), use({ first: LATE + 1, version: 'v1' })] } },
    ],
    [
      'a claim that makes V1 refuse instead of ignoring it',
      'widened',
      {
        token: { claims: ['may_act', 'sub'] },
        from: { ...FULL, restrictingClaims: ['may_act'] },
        to: { ...FULL, unknownClaims: 'reject', knownClaims: ['sub'] },
      },
    ],
    ['D1 below critical', 'reuse', { finding: { rule: 'D1', severity: 'high' } }],
    [
      'D2 without a sign of theft',
      'misused',
      { finding: { rule: 'D2', severity: 'high', evidence: { theftIndicator: false } } },
    ],
    ['D6 still provisional', 'misused', { finding: { rule: 'D6', severity: 'critical', provisional: true } }],
    ['a key retired or removed in the normal course', 'bad key', { key: { retired: T0, removed: T0 } }],
    ['a key compromised later than T', 'bad key', { key: { compromised: NOW + 1 } }],
    ['an expiry read alike', 'outlives', {}],
    [
      'an attestation without an end',
      'false revocation',
      { token: { attestations: [{ statement: 'false-revocation', at: NOW }] } },
    ],
    [
      'a compensating control',
      'bound, unchecked',
      {
        token: { cnf: { jkt: 'x' } },
        to: { ...FULL, cnf: { checked: false }, compensatingControls: ['cnf-at-proxy'] },
      },
    ],
    ['an opaque token of a shared store', 'orphan', { token: opaque }],
    ['a JWT of a store that is not shared', 'orphan', { token: { ...opaque, form: 'jwt' }, to: APART }],
    [
      'an opaque token of the old version',
      'orphan',
      { token: { ...opaque, issuedBy: { at: LATE, authority: 'issuer', version: 'v1' } }, to: APART },
    ],
    ['a missing contract of the version rolled back', 'contract silent', { from: null }],
    ['nobody’s token and a silent contract', 'contract silent', { unseen: true, token: { accepted: [] }, to: null }],
  ])('for %s (%s)', (_what, rule, c) => {
    expect(effectOfCase(c).has(rule)).toBe(false);
  });

  it('an ambiguous refusal counts as the new version’s, an ambiguous acceptance does not', () => {
    const near = { first: SWITCH - 5, last: SWITCH + 5 };
    const uses = [use({ first: T0 + MINUTE }), use({ ...near, outcome: 'refused', class: 'who' })];
    expect(effectOfCase({ token: { uses } })).toContain(WRONGLY);
    const maybe = use({ first: SWITCH - 5, last: SWITCH + 9 });
    expect(effectOfCase({ token: { uses: [...uses, maybe] } })).toContain(WRONGLY);
  });

  it('an end just before the activation counts as after it within the clock error', () => {
    const token = view({ ends: end('revoked', SWITCH - 400) });
    const steps = (error: number): string[] =>
      decide(
        token,
        contextFor(planInput([], { contracts: { from: FULL, to: APART }, clockErrorOf: () => error }))(token),
      ).steps;
    expect(steps(399)).toEqual([]);
    expect(steps(400)).toEqual(['pushEnd']);
  });

  it('an opaque token older than V2 lies in the store of V1; one first seen since may lie in either', () => {
    const prediction = (token: TokenView): string =>
      contextFor(planInput([], { contracts: { from: FULL, to: APART } }))(token).prediction.kind;
    expect(prediction(view({ form: 'opaque' }))).toBe('accept');
    expect(prediction(view({ ...opaque, kind: 'access' }))).toBe('refuse');
    expect(prediction(unissued(view({ form: 'opaque', firstSeen: LATE })))).toBe('unknown');
  });

  it('a refusal outside of every declared interval is not the version’s; outside of sightings it may be', () => {
    const token = view({ uses: refused().map(bareUse) });
    const over = declaredIntervals([
      deployment('activated', T0, { version: 'v1' }),
      deployment('activated', SWITCH, { version: 'v2' }),
      deployment('deactivated', SWITCH + 1, { version: 'v2' }),
    ]);
    const seen = inferredIntervals([{ component: 'gateway', version: 'v2', first: SWITCH, last: SWITCH + 1 }]);
    const rulesUnder = (intervals: Interval[]): Set<string> =>
      matched(decide(token, contextFor(planInput([], { intervals }))(token)));
    expect(rulesUnder(over)).not.toContain(WRONGLY);
    expect(rulesUnder(seen)).toContain(WRONGLY);
  });

  it('without a kid there is no key to publish, and a bad one is not said to be publishable', () => {
    const { token, context } = build({ rule: '', expects: {}, to: { ...FULL, kids: ['*'], algorithms: ['ES256'] } });
    expect(decide(token, context).steps).toEqual(['publishKey']);
    expect(decide(bare(token, 'kid', 'kidName'), context).access).toBe('suspend');
    const bad = build({ rule: '', expects: {}, to: { ...FULL, kids: ['k0'] }, key: { compromised: T0 } });
    expect(JSON.stringify(decide(bad.token, bad.context).reasons)).not.toContain('published');
  });

  it('uses of another component are not the version’s, whatever their stamp', () => {
    const token = view({ uses: refused({ source: 'okta' }) });
    const input = planInput([], { componentOf: (source) => (source === 'okta' ? 'idp' : undefined) });
    expect(matched(decide(token, contextFor(input)(token)))).not.toContain(WRONGLY);
  });
});

describe('pairs of rules', () => {
  const pairs = CASES.flatMap((a, i) => CASES.slice(i + 1).map((b) => [a, b] as const));

  it('the decision is the join of what each rule says alone, settled, for every pair of cases', () => {
    let both = 0;
    for (const [a, b] of pairs) {
      const { token, context } = build(a, b);
      const alone = RULES.flatMap((row) => {
        const match = row.when(token, context);
        return match ? [effectOf(row, match)] : [];
      });
      const effect = decide(token, context);
      const fallback: Effect[] = alone.length > 0 ? alone : [{ ...NO_EFFECT, reasons: effect.reasons }];
      for (const order of [fallback, [...fallback].reverse()]) {
        expect(effect).toEqual(settle(order.reduce(join, NO_EFFECT)));
      }
      if (effect.access !== 'keep') expect(effect.steps.filter((s) => s !== 'pushEnd')).toEqual([]);
      if (matched(effect).has(a.rule) && matched(effect).has(b.rule) && a.rule !== b.rule) both++;
    }
    expect(both).toBeGreaterThan(600);
  });

  it.each<[string, Case[], Partial<Effect>]>([
    ['an end outweighs a lockout to clear', [find('ended', 1), find('wrongly refused')], { access: 'end', steps: [] }],
    [
      'a suspension keeps a key from being published',
      [find('suspended'), find('unverifiable')],
      { access: 'suspend', steps: [] },
    ],
    ['an end is still pushed', [find('ended', 2), find('orphan')], { access: 'end', steps: ['pushEnd'] }],
    ['the earlier limit holds', [find('too long'), find('outlives')], { access: 'keep', notAfter: T0 + 2_400_000 }],
    ['blocked outweighs hold', [find('ended', 4), find('contract silent')], { access: 'end', verdict: 'blocked' }],
    ['reissue stays beside an end', [find('ended'), find('conflict')], { access: 'end', reissue: true }],
  ])('%s', (_what, cases, expected) => {
    const { token, context } = build(...cases);
    expect(decide(token, context)).toMatchObject(expected);
  });

  function find(rule: string, nth = 0): Case {
    return CASES.filter((c) => c.rule === rule)[nth]!;
  }
});

describe('more facts never weaken', () => {
  const ADD: Partial<TokenView>[] = [
    { ends: end('revoked', T0 + MINUTE) },
    { ends: [...end('revoked', T0 + MINUTE), ...end('compromised', LATE)] },
    { suspended: true, suspendedBy: ['x'] },
    { identityConflict: true },
  ];
  const rank = (e: Effect): number => ['keep', 'suspend', 'end'].indexOf(e.access);

  it('an end, a suspension or a conflict more makes no decision milder', () => {
    fc.assert(
      fc.property(fc.constantFrom(...CASES), fc.constantFrom(...CASES), fc.constantFrom(...ADD), (a, b, more) => {
        const before = build(a, b);
        const ends = [...before.token.ends, ...(more.ends ?? [])].sort((x, y) => x.at - y.at);
        const after = build(a, b, { rule: '', expects: {}, token: { ...more, ends } });
        const was = decide(before.token, before.context);
        const is = decide(after.token, after.context);
        expect(rank(is)).toBeGreaterThanOrEqual(rank(was));
        if (was.steps.includes('pushEnd')) expect(is.steps).toContain('pushEnd');
        if (was.reissue) expect(is.reissue).toBe(true);
        expect(is.notAfter ?? Infinity).toBeLessThanOrEqual(was.notAfter ?? Infinity);
      }),
      { seed: 5, numRuns: 400 },
    );
  });
});
