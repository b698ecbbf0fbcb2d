import { describe, expect, it } from '@jest/globals';
import type { Contract, TokenView } from '#lifecycle';
import { FULL, NOW, T0, view } from './fixtures.js';
import { membershipOf } from './population.js';

const expiring = (at: number, patch: Partial<TokenView> = {}): TokenView =>
  view({ expiry: { kind: 'at', at, raw: at / 1000, unit: 's', flags: [] }, ...patch });
const ask = (token: TokenView, from?: Contract, to?: Contract): string =>
  membershipOf(token, { T: NOW, fromContract: from, toContract: to });

describe('the population of a plan', () => {
  it('leaves out what has expired under every reading', () => {
    expect(ask(expiring(NOW))).toBe('expired');
    expect(ask(expiring(NOW + 1))).toBe('in');
    expect(ask(expiring(NOW - 60_000), FULL, FULL)).toBe('expired');
  });

  it('takes in what either version still accepts by its leeway or by its reading of exp', () => {
    expect(ask(expiring(NOW - 59_999), undefined, FULL)).toBe('in');
    expect(ask(expiring(NOW - 59_999), FULL, undefined)).toBe('in');
    const millis = view({ expiry: { kind: 'at', at: T0, raw: T0, unit: 'ms', flags: ['unit-suspect'] } });
    expect(ask(millis)).toBe('expired');
    expect(ask(millis, undefined, FULL)).toBe('in');
  });

  it('takes in tokens without a known expiry, and tokens that nobody accepted', () => {
    for (const kind of ['never', 'unknown', 'implausible'] as const) {
      expect(ask(view({ expiry: { kind, raw: null, unit: 'none', flags: [] }, accepted: [] }))).toBe('in');
    }
  });

  it('takes refresh tokens only where the component issues or stores, and consumers never', () => {
    expect(ask(view({ kind: 'refresh' }), FULL, FULL)).toBe('refresh');
    expect(ask(view({ kind: 'refresh' }), FULL, { ...FULL, role: ['store'] })).toBe('in');
    expect(ask(view({ kind: 'refresh' }), { ...FULL, role: 'issuer' }, FULL)).toBe('in');
    expect(ask(view({ kind: 'consumer' }), { role: 'issuer' }, { role: 'issuer' })).toBe('consumer');
  });
});
