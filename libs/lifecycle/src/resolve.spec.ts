import { describe, expect, it } from '@jest/globals';
import type { ObservationType } from './observations.js';
import { Resolver } from './resolve.js';
import { settingsSchema } from './settings.js';
import { fact, findingsAt, historyOf, HOUR, ISSUER, MINUTE, SETTINGS, T0, use, viewOf } from './testing.js';

const resolver = new Resolver(
  settingsSchema.parse({
    sources: {
      ...SETTINGS.sources,
      ops: { format: 'cloudevents', authority: 'operator' },
      narrow: { format: 'keycloak', issuers: { shop: ISSUER }, types: ['token.issued'] },
      any: { format: 'apigee', mayIssue: ['*'] },
    },
  }),
);

describe('who may say what (MODEL §3.2)', () => {
  it.each([
    ['keycloak', 'token.issued', ISSUER, 'issuer'],
    ['keycloak', 'token.issued', 'keycloak:other', 'issuer'],
    ['keycloak', 'token.issued', 'https://elsewhere.example.com', 'claimed'],
    ['keycloak', 'token.revoked', undefined, 'issuer'],
    ['keycloak', 'token.validated', ISSUER, 'issuer'],
    ['keycloak', 'token.validated', 'https://elsewhere.example.com', 'gateway'],
    ['keycloak', 'token.suspended', ISSUER, 'claimed'],
    ['keycloak', 'token.renamed', undefined, 'claimed'],
    ['keycloak', 'fence.raised', ISSUER, 'issuer'],
    ['keycloak', 'fence.raised', undefined, 'claimed'],
    ['keycloak', 'key.compromised', undefined, 'claimed'],
    ['keycloak', 'family.revoked', 'https://elsewhere.example.com', 'claimed'],
    ['any', 'family.revoked', undefined, 'issuer'],
    ['keycloak', 'settings.declared', undefined, 'claimed'],
    ['keycloak', 'deployment.activated', undefined, 'claimed'],
    ['narrow', 'token.issued', ISSUER, 'issuer'],
    ['narrow', 'token.revoked', ISSUER, 'claimed'],
    ['envoy', 'token.validated', ISSUER, 'gateway'],
    ['envoy', 'token.consumed', ISSUER, 'gateway'],
    ['envoy', 'token.aliased', ISSUER, 'gateway'],
    ['envoy', 'token.issued', ISSUER, 'claimed'],
    ['envoy', 'token.revoked', ISSUER, 'claimed'],
    ['envoy', 'subject.suspended', ISSUER, 'claimed'],
    ['cd', 'deployment.activated', undefined, 'deployer'],
    ['cd', 'token.validated', ISSUER, 'claimed'],
    ['ops', 'fence.raised', undefined, 'operator'],
    ['ops', 'token.suspended', undefined, 'operator'],
    ['tally', 'token.renamed', undefined, 'operator'],
    ['nobody', 'token.validated', undefined, 'claimed'],
  ] as [string, ObservationType, string | undefined, string][])('%s on %s of %s: %s', (source, kind, issuer, as) => {
    expect(resolver.authorityOf(source, kind, issuer)).toBe(as);
  });

  it('an issuer who names a token by jti without saying whose it is ends nothing, and vouches for nothing', () => {
    const said = (type: ObservationType, names: { jti?: string; tok?: string }, data: object, source = 'keycloak') =>
      resolver.resolve(fact(type, { source, names, data: { issuer: undefined, ...data } }))?.authority;
    expect(said('token.revoked', { jti: 'b' }, {})).toBe('claimed');
    expect(said('token.validated', { jti: 'b' }, {})).toBe('gateway');
    expect(said('token.revoked', { jti: 'b' }, { issuer: ISSUER })).toBe('issuer');
    expect(said('token.revoked', { tok: 'opaque' }, {})).toBe('issuer');
    expect(said('token.revoked', { jti: 'b' }, {}, 'any')).toBe('issuer');
    expect(said('token.revoked', { jti: 'b' }, {}, 'ops')).toBe('operator');
    const foreign = fact('token.revoked', { names: { jti: 'a' }, data: { issuer: undefined } });
    expect(viewOf([foreign, use('a', 0)], 'a')?.status).toBe('active');
  });

  it('keeps a claim without effect, and raises it though nothing else is known of the token', () => {
    const claim = fact('token.revoked', { source: 'envoy', names: { jti: 'a' }, data: { issuer: ISSUER } });
    expect(viewOf([claim], 'a')).toBeUndefined();
    expect(viewOf([claim, use('a', 0)], 'a')?.status).toBe('active');
    expect(findingsAt([claim]).map((f) => f.kind)).toEqual(['claimed without authority']);
    const fence = fact('fence.raised', { source: 'envoy', data: { cutoff: T0, match: { sub: '6'.repeat(32) } } });
    expect(findingsAt([fence]).map((f) => f.kind)).toEqual(['claimed without authority']);
  });

  it('gives no profile the name of the product itself', () => {
    expect(settingsSchema.safeParse({ sources: { tally: { format: 'cloudevents' } } }).success).toBe(false);
  });

  it('does not change the facts that it resolves', () => {
    const given = Object.freeze(use('a', 0));
    expect(resolver.resolve(given)).not.toBe(given);
  });
});

describe('a distrusted source (MODEL §3.3)', () => {
  const revoked = fact('token.revoked', { names: { jti: 'a' }, at: HOUR });
  const distrust = (from: number, to: number) =>
    fact('source.distrusted', { data: { source: 'keycloak', from: T0 + from, to: T0 + to, by: ['x', 'y'] } });

  it('says nothing within the window, and keeps what it said outside', () => {
    const facts = [use('a', 0), revoked];
    expect(viewOf([...facts, distrust(HOUR, HOUR)], 'a')?.status).toBe('active');
    expect(viewOf([...facts, distrust(HOUR + 1, 2 * HOUR)], 'a')?.status).toBe('revoked');
  });

  it('is what the operator said, under the product’s own name', () => {
    const forged = { ...distrust(0, 2 * HOUR), source: 'envoy' };
    expect(viewOf([use('a', 0), revoked, forged], 'a')?.status).toBe('revoked');
    expect(historyOf([distrust(0, HOUR)]).world.settingsDigest).not.toBe(historyOf([]).world.settingsDigest);
  });
});

describe('a line from the future', () => {
  it('is one dated later than it arrived by more than the slack', () => {
    const at = (recordedAt: number) => resolver.resolve(use('a', 10 * MINUTE, { recordedAt }))!.future;
    expect(at(5 * MINUTE)).toBe(false);
    expect(at(5 * MINUTE - 1)).toBe(true);
  });
});
