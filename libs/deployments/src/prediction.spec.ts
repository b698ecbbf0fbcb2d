import { describe, expect, it } from '@jest/globals';
import { contractSchema, type Contract, type TokenView } from '#lifecycle';
import { CONTRACT_FIELDS } from './checks.js';
import { bare, FULL, MINUTE, NOW, T0, view, without } from './fixtures.js';
import { predict, type Prediction } from './prediction.js';

const end = (kind: 'revoked' | 'rotated', at: number): TokenView['ends'][number] => ({
  kind,
  at,
  cause: 'x',
  authority: 'issuer',
});
const outcome = (p: Prediction): string => {
  switch (p.kind) {
    case 'accept':
      return 'accept';
    case 'refuse':
      return `refuse ${p.reason}`;
    case 'misread':
      return `misread ${p.claim}`;
    case 'unknown':
      return `unknown ${p.why}`;
  }
};
const opaque = (patch: Partial<TokenView> = {}): TokenView => view({ form: 'opaque', ...patch });

describe('P3, effective', () => {
  it('accepts a token of which the contract leaves nothing open', () => {
    expect(outcome(predict(FULL, view(), NOW))).toBe('accept');
  });

  it('never accepts without a contract', () => {
    expect(outcome(predict(undefined, view(), NOW))).toBe('unknown no contract is declared');
    expect(outcome(predict({}, view(), NOW))).toContain('unknown');
  });

  it.each<[keyof Contract, TokenView]>([
    ['issuers', view()],
    ['kids', view()],
    ['algorithms', view()],
    ['typs', view()],
    ['audiences', view()],
    ['scopes', view()],
    ['requiredClaims', view()],
    ['restrictingClaims', view()],
    ['unknownClaims', view()],
    ['maxLifetimeSeconds', view()],
    ['expUnit', view()],
    ['cnf', view()],
    ['cnf', view({ cnf: { jkt: 'x' } })],
    ['store', opaque()],
  ])('a contract without %s leaves it unknown', (field, token) => {
    expect(predict(without(field), token, NOW, { inStore: true })).toMatchObject({
      kind: 'unknown',
      issues: [{ field, why: 'undeclared' }],
    });
  });

  it('a leeway is asked only where it can matter', () => {
    expect(outcome(predict(without('leewaySeconds'), view(), NOW))).toBe('accept');
    expect(outcome(predict(without('leewaySeconds'), view(), T0 + 60 * MINUTE))).toContain('unknown');
  });

  it('the exp claim that a gateway showed is read where the issuer states the expiry as an instant', () => {
    const expiry = { kind: 'at', at: T0 + 60 * MINUTE, raw: '2026-03-10T10:00:00Z', unit: 'iso', flags: [] } as const;
    const shown = view({ expiry: { ...expiry, flags: [] }, exp: (T0 + 60 * MINUTE) / 1000 });
    expect(outcome(predict(FULL, shown, NOW))).toBe('accept');
    expect(outcome(predict({ ...FULL, expUnit: 'ms' }, shown, NOW))).not.toBe('accept');
  });

  it.each<[string, TokenView]>([
    ['issuer', bare(view(), 'issuer')],
    ['kid', bare(view(), 'kid')],
    ['alg', bare(view(), 'alg')],
    ['typ', bare(view(), 'typ')],
    ['audience', bare(view(), 'audiences')],
    ['scopes', bare(view(), 'scopes', 'claims')],
    ['claims', bare(view(), 'claims')],
    [
      'exp claim',
      view({ expiry: { kind: 'at', at: T0 + 60 * MINUTE, raw: '2026-03-10T10:00:00Z', unit: 'iso', flags: [] } }),
    ],
    ['expiry', view({ expiry: { kind: 'unknown', raw: null, unit: 'none', flags: [] } })],
  ])('what no line showed (%s) leaves it unknown', (what, shown) => {
    const prediction = predict(FULL, shown, NOW);
    expect(prediction.kind).toBe('unknown');
    expect(prediction.issues.some((i) => i.kind === 'unknown' && i.why === 'unseen' && i.what.includes(what))).toBe(
      true,
    );
  });

  it.each<[string, Contract, TokenView, string]>([
    ['issuer', { ...FULL, issuers: ['https://idp.example.com/'] }, view(), 'refuse unknown issuer'],
    ['kid', { ...FULL, kids: ['k0'] }, view(), 'refuse unknown kid'],
    ['alg', { ...FULL, algorithms: ['ES256'] }, view(), 'refuse unknown alg'],
    ['typ', { ...FULL, typs: ['JWT'] }, view(), 'refuse unknown typ'],
    ['audience', { ...FULL, audiences: ['web'] }, view(), 'refuse unknown audience'],
    ['no audience', FULL, view({ audiences: { kind: 'none' } }), 'refuse unknown audience'],
    ['scope', { ...FULL, scopes: ['write'] }, view(), 'refuse unknown scope'],
    ['required claim', { ...FULL, requiredClaims: ['act'] }, view(), 'refuse required claim missing: act'],
    [
      'strange claim',
      { ...FULL, unknownClaims: 'reject', knownClaims: ['iss'], requiredClaims: [] },
      view({ claims: ['iss', 'x'] }),
      'refuse unknown claim: x',
    ],
    ['expired', FULL, view({ expiry: { kind: 'at', at: T0, raw: T0 / 1000, unit: 's', flags: [] } }), 'refuse expired'],
    ['unbound', { ...FULL, cnf: { required: true, checked: true } }, view(), 'refuse not sender-constrained'],
    ['too old', { ...FULL, maxLifetimeSeconds: 60 }, view(), 'refuse older than its maximum lifetime'],
    ['revoked', FULL, view({ ends: [end('revoked', T0)] }), 'refuse ended'],
    ['suspended', FULL, view({ suspended: true }), 'refuse suspended'],
    ['rotated', FULL, view({ ends: [end('rotated', T0)] }), 'refuse rotated'],
  ])('refuses by %s', (_what, contract, token, expected) => {
    expect(outcome(predict(contract, token, NOW))).toBe(expected);
  });

  it.each<[string, Contract, TokenView, string]>([
    [
      'milliseconds read as seconds',
      FULL,
      view({
        expiry: { kind: 'at', at: T0 + 60 * MINUTE, raw: T0 + 60 * MINUTE, unit: 'ms', flags: ['unit-suspect'] },
      }),
      'misread exp',
    ],
    ['a binding that is not checked', { ...FULL, cnf: { checked: false } }, view({ cnf: { jkt: 'x' } }), 'misread cnf'],
    [
      'a restricting claim that is not known',
      { ...FULL, restrictingClaims: ['may_act'], knownClaims: ['sub'] },
      view({ claims: ['may_act', 'sub'] }),
      'misread may_act',
    ],
    [
      'a revocation that is not honoured yet',
      { ...FULL, revocationWindowSeconds: 3600 },
      view({ ends: [end('revoked', T0)] }),
      'misread revocation',
    ],
    [
      'a rotation that is not honoured',
      { ...FULL, rotation: { enabled: false } },
      view({ ends: [end('rotated', T0)] }),
      'misread rotation',
    ],
  ])('misreads %s', (_what, contract, token, expected) => {
    expect(outcome(predict(contract, token, NOW))).toBe(expected);
  });

  it('seconds read as milliseconds are long past: refused, not misread', () => {
    expect(outcome(predict({ ...FULL, expUnit: 'ms' }, view(), NOW))).toBe('refuse expired');
  });

  it('accepts within its leeway and within the grace of a rotation', () => {
    expect(outcome(predict(FULL, view(), T0 + 60 * MINUTE + 59_999))).toBe('accept');
    expect(outcome(predict(FULL, view(), T0 + 60 * MINUTE + 60_000))).toBe('refuse expired');
    const graceful: Contract = { ...FULL, rotation: { enabled: true, graceSeconds: 3600 } };
    expect(outcome(predict(graceful, view({ ends: [end('rotated', NOW - 1)] }), NOW))).toBe('accept');
  });

  it('typ ignores letter case and the prefix application/', () => {
    expect(outcome(predict({ ...FULL, typs: ['application/AT+JWT'] }, view(), NOW))).toBe('accept');
  });

  it('"*" stands for any value, shown or not', () => {
    const unshown = bare(view(), 'kid');
    expect(outcome(predict({ ...FULL, kids: ['*'] }, unshown, NOW))).toBe('accept');
  });

  it('a claim that another version says restricts is widened if this one ignores it', () => {
    const token = view({ claims: ['may_act', 'sub'] });
    expect(outcome(predict(FULL, token, NOW))).toBe('accept');
    expect(outcome(predict(FULL, token, NOW, { restrictingClaims: ['may_act'] }))).toBe('misread may_act');
    const rejects: Contract = { ...FULL, unknownClaims: 'reject', knownClaims: ['sub'] };
    expect(outcome(predict(rejects, token, NOW, { restrictingClaims: ['may_act'] }))).toBe(
      'refuse unknown claim: may_act',
    );
  });

  it('an opaque token depends on the store that holds it', () => {
    expect(outcome(predict(FULL, opaque(), NOW, { inStore: true }))).toBe('accept');
    expect(outcome(predict(FULL, opaque(), NOW, { inStore: false }))).toBe('refuse not in its store');
    expect(outcome(predict(FULL, opaque(), NOW))).toContain('unknown');
  });

  it('a token without expiry outlives any maximum', () => {
    const forever = view({ expiry: { kind: 'never', raw: null, unit: 'none', flags: [] } });
    expect(predict(FULL, forever, NOW).issues).toContainEqual({
      field: 'maxLifetimeSeconds',
      kind: 'limit',
      notAfter: T0 + 86_400_000,
    });
  });

  it('every field of a contract is explained', () => {
    expect(Object.keys(CONTRACT_FIELDS).sort()).toEqual(Object.keys(contractSchema.shape).sort());
  });
});
