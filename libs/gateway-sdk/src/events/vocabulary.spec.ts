import { describe, expect, it } from '@jest/globals';
import { NO_SETTINGS, OBSERVATION_TYPES, Resolver } from '#lifecycle';
import { AUTHORITIES, mayTell, METHODS, type Method } from './vocabulary.js';

const ISS = 'https://idp.example.com/';
const sources = Object.fromEntries(
  AUTHORITIES.map((authority) => [authority, { format: 'cloudevents' as const, authority, mayIssue: [ISS] }]),
);
const resolver = new Resolver({ ...NO_SETTINGS, sources });

describe('who may tell what', () => {
  it.each(AUTHORITIES)('%s: the methods that the ledger gives effect to, and no others', (authority) => {
    for (const method of Object.keys(METHODS) as Method[]) {
      const effective = resolver.authorityOf(authority, METHODS[method], ISS) !== 'claimed';
      expect([method, mayTell(authority, method)]).toEqual([method, effective]);
    }
  });

  it('every observation that is nobody else’s has a method', () => {
    const missing = OBSERVATION_TYPES.filter((type) => !(Object.values(METHODS) as string[]).includes(type));
    // What intake and the operator's own commands state.
    expect(missing.sort()).toEqual([
      ...['attestation.made', 'legalhold.placed', 'legalhold.released', 'settings.declared', 'source.distrusted'],
      ...['subject.erased', 'token.aliased', 'token.renamed'],
    ]);
  });
});
