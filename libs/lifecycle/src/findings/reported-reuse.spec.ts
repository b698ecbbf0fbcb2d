import { describe, expect, it } from '@jest/globals';
import { History } from '../history.js';
import { MemorySource } from '../memory-source.js';
import { fact, ISSUER, MINUTE, named, SETTINGS, T0 } from '../testing.js';
import type { RecordedFact } from '../observations.js';
import type { Finding } from '../view.js';

const settings = fact('settings.declared', { at: -MINUTE, data: { settings: SETTINGS } });

function findingsAt(at: number, ...facts: RecordedFact[]): Finding[] {
  const history = new History(new MemorySource([settings, ...facts]));
  return history.findings({ T: T0 + at }).filter((finding) => finding.rule === 'D1');
}

describe('the issuer reports reuse', () => {
  const issued = (['refresh', 'access'] as const).map((kind) =>
    fact('token.issued', { names: { jti: kind, fam: 'grant' }, data: { issuer: ISSUER, kind } }),
  );
  const report = (token?: string): RecordedFact =>
    fact('family.reusereported', {
      at: MINUTE,
      source: 'keycloak',
      names: { fam: 'grant' },
      data: { issuer: ISSUER, ...(token === undefined ? {} : { token: named('jti', token) }) },
    });

  it('is one critical finding about the token that it names, from then on, with the family', () => {
    expect(findingsAt(MINUTE - 1, ...issued, report('refresh'))).toEqual([]);
    const [finding, ...others] = findingsAt(MINUTE, ...issued, report('refresh'));
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ kind: 'refresh token reuse', severity: 'critical', family: named('fam', 'grant') });
    expect(finding?.tokens).toEqual([named('jti', 'refresh'), named('jti', 'access')]);
  });

  it('is one finding where no token is named, too', () => {
    expect(findingsAt(MINUTE, ...issued, report())).toHaveLength(1);
  });
});
