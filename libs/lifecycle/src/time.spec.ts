import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readExpiryDuration, readExpiryTime } from './expiry.js';
import { formatTime, parseIsoTime, readEpoch } from './time.js';

describe('ISO times need a zone and must exist (MODEL §4.5)', () => {
  const utc = Date.UTC(2026, 2, 10, 9);
  it.each([
    ['2026-03-10T09:00:00Z', utc],
    ['2026-03-10T10:00:00+01:00', utc],
    ['2026-03-10T07:30:00-0130', utc],
    ['2026-03-10T09:00:00-00:00', utc],
    ['2026-03-10 09:00:00.123456Z', utc + 123],
    ['2026-03-10T09:00Z', utc],
    ['2024-02-29T00:00:00Z', Date.UTC(2024, 1, 29)],
  ])('%s', (text, at) => {
    expect(parseIsoTime(text)).toEqual({ at, flags: [] });
  });

  it.each([
    ['2026-03-10T09:00:00', /no zone/],
    ['2026-02-29T09:00:00Z', /does not exist/],
    ['2026-03-10T24:00:00Z', /does not exist/],
    ['2026-03-10T09:60:00Z', /does not exist/],
    ['2026-03-10T09:00:00+24:00', /impossible zone/],
    ['10.03.2026 09:00', /not an ISO/],
    ['', /not an ISO/],
  ])('refuses %j', (text, why) => {
    expect(parseIsoTime(text)).toEqual({ error: expect.stringMatching(why) });
  });

  it('takes the zone of the profile for a time without one, and for no other', () => {
    expect(parseIsoTime('2026-03-10T11:00:00', '+02:00')).toEqual({ at: utc, flags: [] });
    expect(parseIsoTime('2026-03-10T09:00:00Z', '+02:00')).toEqual({ at: utc, flags: [] });
  });

  it('reads the usual spelling as any other, digit by digit', () => {
    const letters = fc.constantFrom(...'0123456789TtZz:.- +');
    const times = fc.date({ min: new Date(0), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true });
    fc.assert(
      fc.property(times, fc.boolean(), fc.option(fc.tuple(fc.nat(23), letters)), (date, whole, change) => {
        let text = whole ? date.toISOString() : `${date.toISOString().slice(0, 19)}Z`;
        if (change !== null) text = text.slice(0, change[0]) + change[1] + text.slice(change[0] + 1);
        // An offset of nothing says the same as Z, and is not the usual spelling.
        const spelled = parseIsoTime(text.replace(/Z$/, '+00:00'));
        expect(parseIsoTime(text)).toEqual(spelled);
      }),
      { numRuns: 2000 },
    );
  });

  it('shows instants outside the calendar as digits', () => {
    expect(formatTime(utc)).toBe('2026-03-10T09:00:00.000Z');
    expect(formatTime(8.65e15)).toBe('8650000000000000ms');
  });
});

describe('units of absolute times', () => {
  it.each([
    [1773133200, 's', 1773133200000, 's', false],
    ['1773133200.5', 's', 1773133200500, 's', false],
    [1773133200000, 's', 1773133200000, 'ms', true],
    [1773133200000000, 's', 1773133200000, 'us', true],
    [1773133200000000000, 's', 1773133200000, 'ns', true],
    [1773133200, 'ms', 1773133200000, 's', true],
    [1773133200000, 'ms', 1773133200000, 'ms', false],
    [4102444800, 's', 4102444800000, 's', false],
    [1e9, 's', 1e12, 's', false],
  ] as const)('%s declared %s', (value, declared, at, unit, suspect) => {
    expect(readEpoch(value, declared)).toEqual({ at, unit, suspect });
  });

  it.each([4.2e9, 999_999_999, 1e11, -5, Number.NaN, '12abc', '0x10', ''])('%s is implausible', (value) => {
    expect(readEpoch(value, 's')).toBeUndefined();
  });
});

describe('expiry', () => {
  const iat = 1773133200000;
  it.each([
    [undefined, true, 'never'],
    [null, true, 'never'],
    ['', true, 'never'],
    [undefined, false, 'unknown'],
    ['soon', true, 'unknown'],
    [true, true, 'unknown'],
    [12, true, 'at'],
    [-1773133200, true, 'at'],
  ])('exp %j beside other claims %s is %s', (value, shown, kind) => {
    expect(readExpiryTime(value, 's', shown, iat).kind).toBe(kind);
  });

  it('is at issue for 0 and for exp ≤ iat', () => {
    expect(readExpiryTime('0', 's', true, iat)).toMatchObject({ kind: 'at', at: iat, flags: ['at-issue'] });
    expect(readExpiryTime(iat / 1000, 's', true, iat)).toMatchObject({ at: iat, flags: ['at-issue'] });
    expect(readExpiryTime(iat / 1000 + 1, 's', true, iat)).toMatchObject({ at: iat + 1000, flags: [] });
  });

  it.each([
    ['3599', 'at', iat + 3599000],
    ['1.5e3', 'at', iat + 1500000],
    [0, 'unknown', undefined],
    ['-1', 'unknown', undefined],
    ['', 'unknown', undefined],
    ['NaN', 'unknown', undefined],
    ['9223372036854775807', 'implausible', undefined],
    [1e300, 'implausible', undefined],
  ])('expires_in %j is %s', (value, kind, at) => {
    expect(readExpiryDuration(value, iat)).toMatchObject(at === undefined ? { kind } : { kind, at });
  });

  it('follows the profile for odd lifetimes', () => {
    expect(readExpiryDuration(0, iat, { zero: 'never' })).toMatchObject({ kind: 'never', flags: ['odd'] });
    expect(readExpiryDuration(-1, iat, { negative: 'expired' })).toMatchObject({ kind: 'at', at: iat });
    expect(readExpiryDuration('', iat, { zero: 'never', empty: 'unknown' }).kind).toBe('unknown');
  });
});
