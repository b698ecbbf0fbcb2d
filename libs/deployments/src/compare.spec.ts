import { describe, expect, it } from '@jest/globals';
import { contractDiff, pairIssues } from './compare.js';
import { FULL, without } from './fixtures.js';

describe('contracts side by side', () => {
  it('a hotfix differs from its version in the fields that it changes; order in a list is nothing', () => {
    const hotfix = { ...FULL, kids: ['k2', 'k1', 'k1'], leewaySeconds: 0 };
    expect(contractDiff({ ...FULL, kids: ['k1', 'k2'] }, hotfix)).toEqual([
      { field: 'leewaySeconds', before: 60, after: 0 },
    ]);
    expect(contractDiff(without('store'), FULL)).toEqual([{ field: 'store', before: undefined, after: 'redis-1' }]);
    expect(contractDiff(FULL, FULL)).toEqual([]);
  });

  it('an issuer and a validator fit if all that may be issued is accepted', () => {
    const issuer = { ...FULL, role: 'issuer' as const };
    expect(pairIssues(issuer, FULL)).toEqual([]);
    expect(pairIssues(issuer, { ...FULL, kids: [] })).toEqual(['kids not accepted: k1']);
    expect(pairIssues(issuer, { ...FULL, kids: ['*'] })).toEqual([]);
    expect(pairIssues({ ...issuer, knownClaims: ['iss'] }, FULL)).toEqual(['required claims never issued: sub']);
    expect(pairIssues(issuer, { ...FULL, maxLifetimeSeconds: 60 })).toEqual([
      'issued for up to 86400 s, accepted for 60 s',
    ]);
    expect(pairIssues(FULL, { ...FULL, kids: [] })).toEqual([]);
  });
});
