import { describe, expect, it } from '@jest/globals';
import type { RecordedFact } from './observations.js';
import { fact, historyOf, HOUR, ISSUER, MINUTE, SETTINGS, T0, use } from './testing.js';

const settings = {
  sources: {
    ...SETTINGS.sources,
    envoy: { format: 'envoy' as const, lateness: 5 * MINUTE, idle: 10 * MINUTE, clockError: 0 },
  },
};
const marks = (facts: RecordedFact[]) => historyOf(facts, settings).watermarks;
const of = (facts: RecordedFact[], source = 'envoy') => {
  const mark = marks(facts).of(source);
  return mark === undefined ? undefined : mark - T0;
};
const at = (time: number, recordedAt: number, source = 'envoy') => use('a', time, { recordedAt, source });
const gap = (data: Record<string, unknown>, source = 'tally') =>
  fact('source.gap', { source, data: { source: 'envoy', from: T0 + HOUR, ...data } });

describe('watermarks (MODEL §4.4)', () => {
  it('are the highest of min(effective, recorded), less the lateness', () => {
    expect(of([at(HOUR, 2 * HOUR), at(MINUTE, 2 * HOUR)])).toBe(HOUR - 5 * MINUTE);
    expect(of([at(HOUR + MINUTE, HOUR)])).toBe(HOUR - 5 * MINUTE);
    expect(of([], 'kong')).toBeUndefined();
  });

  it('are not advanced by a line from the future', () => {
    expect(of([at(MINUTE, HOUR), at(9 * HOUR, HOUR)])).toBe(MINUTE - 5 * MINUTE);
    expect(of([at(9 * HOUR, HOUR)])).toBeUndefined();
  });

  it('advance while a source is silent for longer than its idle time, and others are heard', () => {
    const facts = (silence: number) => [at(HOUR, HOUR), at(HOUR, HOUR + silence, 'kong')];
    expect(of(facts(10 * MINUTE - 1))).toBe(HOUR - 5 * MINUTE);
    expect(of(facts(10 * MINUTE))).toBe(HOUR + 5 * MINUTE);
  });

  it('of a closed file are its own, and silence says nothing more', () => {
    const closed = fact('source.closed', { data: { source: 'envoy', watermark: T0 + HOUR } });
    expect(of([at(HOUR, HOUR), at(HOUR, 3 * HOUR, 'kong'), closed])).toBe(HOUR);
  });

  it('do not pass an open gap in silence; nothing after a gap is settled until its late facts are in', () => {
    const facts = [at(HOUR, HOUR), at(HOUR, 3 * HOUR, 'kong')];
    const settled = (gaps: RecordedFact[], instant: number) =>
      marks([...facts, ...gaps]).reached(['envoy'], T0 + instant);
    expect(of([...facts, gap({})])).toBe(HOUR - 5 * MINUTE);
    expect(settled([], 2 * HOUR)).toBe(true);
    expect(settled([gap({ to: T0 + HOUR + 1 })], 2 * HOUR)).toBe(false);
    expect(settled([gap({ to: T0 + HOUR + 1 })], HOUR - 1)).toBe(true);
    expect(settled([gap({}), gap({ to: T0 + HOUR + 1, closed: true })], 2 * HOUR)).toBe(true);
  });

  it('are moved by nobody but the source itself and the operator', () => {
    const forged = fact('source.closed', { source: 'kong', data: { source: 'envoy', watermark: T0 + 9 * HOUR } });
    expect(of([at(HOUR, HOUR), forged])).toBe(HOUR - 5 * MINUTE);
    expect(of([at(HOUR, HOUR), { ...forged, source: 'envoy', recordedAt: T0 + HOUR }])).toBe(9 * HOUR);
  });

  it('reach an instant when each source that was asked for has', () => {
    const facts = [at(2 * HOUR, 2 * HOUR), at(HOUR, 2 * HOUR, 'kong')];
    expect(marks(facts).reached(['envoy'], T0 + 90 * MINUTE)).toBe(true);
    expect(marks(facts).reached(['envoy', 'kong'], T0 + 90 * MINUTE)).toBe(false);
    expect(marks(facts).reached(['nobody'], T0)).toBe(false);
  });

  it('know the sources that may issue for an issuer, and have reported', () => {
    const issued = fact('token.issued', { names: { jti: 'a' } });
    expect(marks([issued]).issuersOf(ISSUER)).toEqual(['keycloak']);
    expect(marks([use('a', 0)]).issuersOf(ISSUER)).toEqual([]);
    expect(marks([use('a', 0)]).isConnected(ISSUER)).toBe(true);
    expect(marks([issued]).isConnected('https://elsewhere.example.com')).toBe(false);
  });
});
