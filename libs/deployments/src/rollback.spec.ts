import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Contract, Finding, TokenView } from '#lifecycle';
import { bare, FULL, fam, jti, MINUTE, name, NOW, planInput, SWITCH, T0, unissued, use, view } from './fixtures.js';
import { indexFindings } from './findings-index.js';
import { merkleRoot } from './merkle.js';
import type { Plan, PlanInput } from './plan.js';
import { planRollback, verifyPlan } from './rollback.js';
import { inferredIntervals } from './sightings.js';

const LATE = SWITCH + MINUTE;
const APART: Contract = { ...FULL, store: 'redis-2', role: ['validator', 'store'] };
type End = TokenView['ends'][number];
const end = (kind: End['kind'], at: number): End[] => [{ kind, at, cause: 'x', authority: 'issuer' }];
const finding = (patch: Partial<Finding>): Finding => ({
  id: 'f',
  rule: 'D1',
  kind: 'refresh token reuse',
  severity: 'critical',
  provisional: false,
  tokens: [],
  summary: '',
  evidence: {},
  ...patch,
});
const labels = (plan: Plan): Record<string, string> =>
  Object.fromEntries(plan.decisions.map((d) => [d.token, d.decision]));
const plan = (views: TokenView[], patch: Partial<PlanInput> = {}): Promise<Plan> =>
  planRollback(planInput(views, patch));

/** Field case 4: six Tyk keys, accepted under v41, refused under v42, without claims, contracts or deployment facts. */
function keysOfCase4(): TokenView[] {
  return Array.from({ length: 6 }, (_, n) => {
    const key = name('30', n + 1);
    const accepted = T0 + n * 20_000;
    const denied = T0 + 5 * MINUTE + n * 7_000;
    const shown = view({
      name: key,
      names: [key],
      kind: 'unknown',
      verifiedClaims: false,
      firstSeen: accepted,
      expiry: { kind: 'unknown', raw: null, unit: 'none', flags: [] },
      accepted: [{ at: accepted, authority: 'gateway', version: 'v41' }],
      uses: [
        use({ first: accepted, version: 'v41', source: 'tyk', status: 200 }),
        use({ first: denied, version: 'v42', source: 'tyk', status: 403, outcome: 'refused', class: 'who' }),
      ],
    });
    const { issuer: _i, form: _f, iat: _t, ...rest } = unissued(shown);
    return bare(rest, 'kid', 'kidName', 'alg', 'typ', 'audiences', 'scopes', 'claims', 'subject', 'client');
  });
}

describe('a plan during the incident of field case 4', () => {
  const intervals = inferredIntervals([
    { component: 'gateway', version: 'v41', first: T0, last: T0 + 100_000 },
    { component: 'gateway', version: 'v42', first: T0 + 5 * MINUTE, last: T0 + 6 * MINUTE },
  ]);
  const made = plan(keysOfCase4(), { from: 'v42', to: 'v41', T: T0 + 6 * MINUTE, intervals, contracts: {} });

  it('keeps all six, with their lockout cleared', async () => {
    const { counts, steps } = await made;
    expect(counts).toEqual({ restore: 6, keep: 0, until: 0, quarantine: 0, revoke: 0, reissue: 0, none: 0 });
    expect(steps.map((s) => [s.step, s.tokens])).toEqual([
      ['clearLockout', 6],
      ['traffic', 0],
    ]);
  });

  it('holds for two reasons, which it names once each', async () => {
    const { verdict, blockers } = await made;
    expect(verdict).toBe('hold');
    expect(blockers.map((b) => [b.code, b.verdict, b.tokens, b.text])).toEqual([
      ['contract-missing', 'hold', 6, 'v41 declares no contract: what it would do with 6 tokens is not known'],
      ['issuance-unseen', 'hold', 6, 'issuance was never seen for 6 of 6 tokens (100 %; the limit is 5 %)'],
    ]);
  });

  it('says that the activation of v42 is inferred, that it has no contract, and that nobody said it closes a hole', async () => {
    const notes = (await made).notes.join('\n');
    expect(notes).toContain('inferred from the versions stamped on lines');
    expect(notes).toContain('v42 declares no contract');
    expect(notes).toContain('it is taken not to');
  });

  it('once a key recovers under v42, its lockout is no longer cleared', async () => {
    const [first, ...others] = keysOfCase4();
    const recovered = {
      ...first!,
      uses: [...first!.uses, use({ first: T0 + 9 * MINUTE, version: 'v42', source: 'tyk' })],
    };
    const later = await plan([recovered, ...others], {
      from: 'v42',
      to: 'v41',
      T: T0 + 10 * MINUTE,
      intervals,
      contracts: {},
    });
    expect(later.counts).toMatchObject({ restore: 5, keep: 1 });
  });
});

describe('a plan', () => {
  it('passes with nothing to do when every token is an ordinary one, and lists none of them', async () => {
    const made = await plan([1, 2, 3].map((n) => view({ name: jti(n), names: [jti(n)] })));
    expect(made).toMatchObject({ verdict: 'pass', decisions: [], blockers: [], counts: { keep: 3 } });
    expect(made.steps.map((s) => s.step)).toEqual(['traffic']);
    expect(made.covers).toMatchObject({ T: NOW, K: 'k', position: '100', watermark: NOW, state: 'final' });
  });

  it('is provisional while a source is not complete or a finding is provisional, and without any source', async () => {
    const state = async (patch: Partial<PlanInput>): Promise<string> => (await plan([view()], patch)).covers.state;
    expect(await state({ watermarks: { envoy: NOW, okta: NOW - 1 } })).toBe('provisional');
    expect(await state({ watermarks: {} })).toBe('provisional');
    expect(await state({ findingsOf: () => [finding({ rule: 'D12', provisional: true })] })).toBe('provisional');
  });

  it('fails where an end under V2 may be unknown to V1, once for all tokens', async () => {
    const ended = [1, 2].map((n) => view({ name: jti(n), names: [jti(n)], ends: end('revoked', LATE + n) }));
    const made = await plan(ended, { contracts: { to: FULL } });
    expect(made.verdict).toBe('fail');
    expect(made.blockers).toHaveLength(1);
    expect(made.blockers[0]).toMatchObject({ code: 'store-unknown', verdict: 'blocked', tokens: 2 });
  });

  it('orders its steps: push, seed, publish, unlock, then traffic', async () => {
    const opaque = view({
      name: jti(2),
      names: [jti(2)],
      form: 'opaque',
      issuedAt: LATE,
      issuedBy: { at: LATE, authority: 'issuer', version: 'v2' },
    });
    const locked = view({
      name: jti(3),
      names: [jti(3)],
      kid: 'k2',
      kidName: name('50', 2),
      uses: [
        use({ first: T0 + 1, version: 'v1' }),
        use({ first: LATE, version: 'v2', outcome: 'refused', class: 'who' }),
      ],
    });
    const made = await plan([view({ ends: end('revoked', LATE), endedAt: LATE }), opaque, locked], {
      contracts: { from: FULL, to: APART },
    });
    expect(made.steps).toMatchObject([
      { step: 'pushEnd', tokens: 1 },
      { step: 'seedStore', tokens: 1 },
      { step: 'publishKey', tokens: 1, kid: 'k2', key: name('50', 2), waitSeconds: 240 },
      { step: 'clearLockout', tokens: 1 },
      { step: 'traffic' },
    ]);
    expect(made.counts).toMatchObject({ revoke: 1, keep: 1, restore: 1 });
  });

  it('an end that the plan itself decides is pushed too', async () => {
    const made = await plan([view()], { keys: new Map([[name('50', 1), { compromised: T0 }]]) });
    expect(made.steps[0]).toMatchObject({ step: 'pushEnd', tokens: 1 });
  });

  it('counts whom it touches: distinct subjects and clients of live tokens', async () => {
    const scoped = (n: number, sub: number, cli: number, more: Partial<TokenView> = {}): TokenView =>
      view({
        name: jti(n),
        names: [jti(n)],
        subject: name('60', sub),
        client: name('70', cli),
        scopes: ['admin'],
        ...more,
      });
    const made = await plan([
      scoped(1, 1, 1),
      scoped(2, 1, 1),
      scoped(3, 1, 2),
      scoped(4, 2, 2, { kind: 'apiKey' }),
      scoped(5, 3, 3, { ends: end('revoked', T0), endedAt: T0 }),
    ]);
    expect(made.blastRadius).toEqual({ subjects: 2, clients: 2, expectedReLogins: 2, keysToReplace: 1 });
  });

  it('reuse of one refresh token ends its family', async () => {
    const inFamily = (n: number, kind: TokenView['kind']): TokenView =>
      view({ name: jti(n), names: [jti(n)], kind, family: fam(1) });
    const findingsOf = indexFindings([
      finding({ tokens: [jti(1), jti(2)], family: fam(1) }),
      finding({ rule: 'D3', tokens: [jti(4)] }),
    ]);
    const made = await plan([inFamily(2, 'access'), inFamily(3, 'access'), view({ name: jti(4), names: [jti(4)] })], {
      findingsOf,
    });
    expect(labels(made)).toEqual({ [jti(2)]: 'revoke', [jti(3)]: 'revoke' });
    expect(made.counts).toMatchObject({ reissue: 2, keep: 1 });
  });

  it('a finding about one token’s binding says nothing of its family', () => {
    const findingsOf = indexFindings([finding({ rule: 'D6', tokens: [jti(1)], family: fam(1) })]);
    expect(findingsOf(view({ name: jti(2), names: [jti(2)], family: fam(1) }))).toEqual([]);
    expect(findingsOf(view())).toHaveLength(1);
  });

  it('notes what V1 will refuse although no rule asks for anything', async () => {
    const made = await plan([view()], { contracts: { from: FULL, to: { ...FULL, expUnit: 'ms' } } });
    expect(made.notes).toContain('v1 will refuse 1 that this plan does not touch: expired');
  });

  it('checks other components pairwise', async () => {
    const contract: Contract = { role: 'issuer', kids: ['k1', 'k9'], expUnit: 'ms' };
    const made = await plan([view()], { peers: [{ component: 'idp', version: 'i7', contract }] });
    expect(made.notes.join('\n')).toContain('between idp i7 and gateway v1: kids not accepted: k9');
    expect(made.notes.join('\n')).toContain('exp is issued in ms and read in s');
  });

  it('refuses versions that are one, or that nobody knows, and takes a declared hotfix', async () => {
    await expect(plan([], { to: 'v2' })).rejects.toMatchObject({ code: 'TALLY_ROLLBACK_SAME_VERSION' });
    await expect(plan([], { from: 'v3' })).rejects.toMatchObject({ code: 'TALLY_VERSION_UNKNOWN' });
    await expect(plan([], { to: 'v1.1', contracts: {} })).rejects.toMatchObject({ code: 'TALLY_VERSION_UNKNOWN' });
    const hotfix = await plan([], { to: 'v1.1', declared: ['v1.1'] });
    expect(hotfix.notes).toContain('v1.1 was never active on gateway');
  });

  it('its digest covers every field, and its root every decision', async () => {
    const made = await plan([view({ scopes: ['admin'] })]);
    expect(verifyPlan(made)).toBe(true);
    expect(verifyPlan({ ...made, notes: [...made.notes, 'x'] })).toBe(false);
    expect(verifyPlan({ ...made, decisions: [] })).toBe(false);
    expect(made.decisionsRoot).toBe(merkleRoot(made.decisions));
  });
});

describe('publishing a key', () => {
  const k2 = { kid: 'k2', kidName: name('50', 2) };
  const good = view({ name: jti(1), names: [jti(1)], ...k2 });
  // Nobody verified it and its algorithm was not shown: alone it would not make anyone publish its key.
  const seenOnce = bare(view({ name: jti(2), names: [jti(2)], ...k2, verifiedClaims: false }), 'alg');
  const contracts = { from: FULL, to: { ...FULL, algorithms: ['*'] } };

  it('decides every token of the key as if it were published', async () => {
    expect(labels(await plan([seenOnce], { contracts }))).toEqual({ [jti(2)]: 'quarantine' });
    for (const views of [
      [good, seenOnce],
      [seenOnce, good],
    ]) {
      const made = await plan(views, { contracts });
      expect(labels(made)).toEqual({ [jti(1)]: 'keep', [jti(2)]: 'keep' });
      expect(made.steps[0]).toMatchObject({ step: 'publishKey', tokens: 2 });
    }
  });

  it('is not done for a token that is suspended anyway', async () => {
    const made = await plan([{ ...good, suspended: true }, seenOnce], { contracts });
    expect(labels(made)).toEqual({ [jti(1)]: 'quarantine', [jti(2)]: 'quarantine' });
    expect(made.steps.map((s) => s.step)).not.toContain('publishKey');
  });

  it('is not done for a token that has expired', async () => {
    const past = {
      ...good,
      expiry: { kind: 'at' as const, at: T0 + MINUTE, raw: (T0 + MINUTE) / 1000, unit: 's' as const, flags: [] },
    };
    expect(labels(await plan([past, seenOnce], { contracts }))).toEqual({ [jti(2)]: 'quarantine' });
  });

  it('is never done for a bad key', async () => {
    const made = await plan([good], { contracts, keys: new Map([[k2.kidName, { compromised: T0 }]]) });
    expect(labels(made)).toEqual({ [jti(1)]: 'revoke' });
  });
});

describe('exchanged tokens in a plan', () => {
  const subject = view({
    name: jti(1),
    names: [jti(1)],
    ends: end('revoked', T0 + 1),
    endedAt: T0 + 1,
    status: 'revoked',
  });
  const exchanged = view({ name: jti(2), names: [jti(2)], exchanged: true, subjectToken: jti(1) });

  it('end with their subject token, even if that has expired since; by policy not', async () => {
    const expired = { ...subject, expiry: { ...subject.expiry, at: T0 + MINUTE, raw: (T0 + MINUTE) / 1000 } };
    for (const source of [subject, expired]) {
      for (const views of [
        [source, exchanged],
        [exchanged, source],
      ]) {
        expect(labels(await plan(views))[jti(2)]).toBe('revoke');
      }
    }
    expect(labels(await plan([subject, exchanged], { exchangedInherit: false }))[jti(2)]).toBeUndefined();
  });

  it('do not end because it was rotated or consumed', async () => {
    const rotated = { ...subject, ends: end('rotated', T0 + 1) };
    expect(labels(await plan([rotated, exchanged]))[jti(2)]).toBeUndefined();
  });

  it('lose steps that a suspended token must not get', async () => {
    const locked = {
      ...exchanged,
      uses: [
        use({ first: T0 + 1, version: 'v1' }),
        use({ first: LATE, version: 'v2', outcome: 'refused', class: 'who' }),
      ],
    };
    expect(labels(await plan([locked]))[jti(2)]).toBe('restore');
    const made = await plan([{ ...subject, ends: [], suspended: true }, locked]);
    expect(labels(made)[jti(2)]).toBe('quarantine');
    expect(made.steps.map((s) => s.step)).not.toContain('clearLockout');
  });
});

describe('order and repetition', () => {
  const patches: Partial<TokenView>[] = [
    {},
    { ends: end('revoked', LATE) },
    { scopes: ['admin'] },
    { kid: 'k2', kidName: name('50', 2) },
    { kid: 'k2', kidName: name('50', 2), verifiedClaims: false },
    { exchanged: true, subjectToken: jti(1) },
    { exchanged: true, subjectFamily: fam(1) },
    { suspended: true, suspendedBy: ['x'] },
    { form: 'opaque', issuedAt: LATE, issuedBy: { at: LATE, authority: 'issuer' } },
    { kind: 'refresh', parent: jti(1) },
    { kind: 'consumer' },
  ];

  it('of the views change nothing, not even the digest', async () => {
    const views = fc
      .array(fc.constantFrom(...patches), { maxLength: 8 })
      .map((list) => list.map((patch, n) => view({ name: jti(n + 1), names: [jti(n + 1)], ...patch })));
    await fc.assert(
      fc.asyncProperty(
        views.chain((list) =>
          fc.tuple(fc.constant(list), fc.shuffledSubarray([...list, ...list], { minLength: list.length * 2 })),
        ),
        async ([list, shuffled]) => {
          const patch: Partial<PlanInput> = {
            contracts: { from: FULL, to: APART },
            membersOf: () => list.map((v) => ({ name: v.name, kind: v.kind, firstSeen: v.firstSeen })),
          };
          expect(await plan(shuffled, patch)).toEqual(await plan(list, patch));
        },
      ),
      { seed: 11, numRuns: 150 },
    );
  });
});
