import { describe, expect, it } from '@jest/globals';
import type { RecordedFact } from '../observations.js';
import { fact, findingsAt, HOUR, MINUTE, named, SECOND, use } from '../testing.js';

const found = (rule: string, facts: RecordedFact[]) => findingsAt(facts).filter((f) => f.rule === rule);

describe('D4, replay', () => {
  const proof = (at: number, id = 'p', htu = '/x') =>
    use('a', at, { data: { proof: { id: named('jti', id), htu } }, record: `r${at}${id}${htu}` });
  const d4 = (...facts: RecordedFact[]) => found('D4', facts);

  it('is a proof accepted again for the same target within window and skew', () => {
    expect(d4(proof(0), proof(25 * SECOND))).toMatchObject([{ kind: 'proof replayed', severity: 'critical' }]);
    expect(d4(proof(0), proof(25 * SECOND + 1))).toEqual([]);
    expect(d4(proof(0), proof(1, 'q'))).toEqual([]);
    expect(d4(proof(0), proof(1, 'p', '/y'))).toEqual([]);
  });

  it('is not known before the second', () => {
    const at = (T: number) => findingsAt([proof(0), proof(SECOND)], T).filter((f) => f.rule === 'D4').length;
    expect([at(SECOND - 1), at(SECOND)]).toEqual([0, 1]);
  });

  it('finds the second of any pair, not of the first pair alone', () => {
    expect(d4(proof(0), proof(HOUR), proof(HOUR + SECOND))[0]!.evidence).toMatchObject({ gapMs: SECOND });
  });

  it('is none of a refused second, nor of one record’s variants', () => {
    const data = { class: 'who', proof: { id: named('jti', 'p'), htu: '/x' } };
    expect(d4(proof(0), fact('token.rejected', { at: 1, names: { jti: 'a' }, data }))).toEqual([]);
    expect(d4(proof(0), { ...proof(1), record: { ...proof(0).record, digest: 'other' } })).toEqual([]);
  });

  it('is a one-time token used after it was consumed, beyond the clocks’ error', () => {
    const consumed = fact('token.consumed', { at: 0, names: { jti: 'a' }, source: 'envoy', gateway: 'gw-a' });
    expect(d4(consumed, use('a', 1))).toMatchObject([{ kind: 'one-time token used again', severity: 'critical' }]);
    expect(d4(consumed, use('a', 0))).toEqual([]);
    expect(d4(consumed, use('a', -1))).toEqual([]);
  });
});

describe('D6, sender constraint', () => {
  const cnf = { jkt: 'key-1' };
  const bound = use('a', 0, { data: { cnf, scheme: 'dpop', proof: { present: true, jkt: 'key-1' } } });
  const d6 = (...facts: RecordedFact[]) => found('D6', [bound, ...facts]).map((f) => `${f.kind} ${f.severity}`);
  const refused = (at: number) =>
    fact('token.rejected', { at, names: { jti: 'a' }, data: { class: 'who', reason: 'binding' } });

  it.each([
    ['used as Bearer', { scheme: 'bearer' }],
    ['proof missing', { proof: { present: false } }],
    ['proof of another key', { proof: { present: true, jkt: 'key-2' } }],
  ])('%s, accepted: critical', (_what, data) => {
    expect(d6(use('a', HOUR, { data }))).toEqual(['sender constraint not enforced critical']);
  });

  it.each([
    ['a line that says nothing of a proof', {}],
    ['the same key', { scheme: 'dpop', proof: { present: true, jkt: 'key-1' } }],
    ['a dark launch', { scheme: 'bearer', shadow: true }],
  ])('%s is no mismatch', (_what, data) => {
    expect(d6(use('a', HOUR, { data }))).toEqual([]);
  });

  it('is none of a token that is not bound', () => {
    expect(found('D6', [use('b', 0, { data: { scheme: 'bearer' } })])).toEqual([]);
  });

  it('refused is medium from the third within five minutes, also where a minute hides the others', () => {
    expect(d6(refused(0), refused(MINUTE))).toEqual([]);
    expect(d6(refused(0), refused(MINUTE), refused(5 * MINUTE))).toEqual(['sender constraint refused medium']);
    expect(d6(refused(0), refused(MINUTE), refused(5 * MINUTE + 1))).toEqual([]);
    expect(d6(refused(1), refused(2), refused(3), refused(4))).toEqual(['sender constraint refused medium']);
  });

  it('compares certificates too', () => {
    const tls = use('c', 0, { data: { cnf: { x5t: 'cert-1' } } });
    const other = use('c', 1, { data: { proof: { present: true, x5t: 'cert-2' }, scheme: 'bearer' } });
    expect(found('D6', [tls, other])).toHaveLength(1);
    expect(found('D6', [tls, use('c', 1, { data: { scheme: 'bearer' } })])).toEqual([]);
  });
});
