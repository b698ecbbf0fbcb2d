import { describe, expect, it } from '@jest/globals';
import { aliasOf } from './alias.js';
import { caseFacts, factOf, readRecord, withField } from './case-readings.js';
import { envoy } from './envoy.js';
import { profileFor, schemaFaults } from './testing.js';

const T0 = 1773133200000;
const refusal = (details: string, status = 401) =>
  ({
    ...envoy.sample,
    jwt: null,
    upstream_cluster: null,
    response_code: status,
    response_code_details: details,
  }) as typeof envoy.sample;

describe('case 3: clock skew', () => {
  const facts = caseFacts('03-clock-skew.envoy.ndjson');
  it('joins refusals to the token through the hash', () => {
    expect(new Set(facts.map(({ names }) => names.tok)).size).toBe(1);
    const named = facts.filter(({ names }) => names.jti !== undefined);
    expect(named).toHaveLength(4);
    for (const fact of named) expect(aliasOf(fact.names, fact.data, profileFor('envoy'))?.pair).toBe('jti-tok');
  });
  it('tells why it was refused', () => {
    expect(facts.map(({ time, data }) => [time - T0, data['reason']])).toEqual([
      [1200, 'not-yet-valid'],
      [18000, 'not-yet-valid'],
      [31500, undefined],
      [200000, undefined],
      [431000, undefined],
      [485000, undefined],
      [490000, 'expired'],
    ]);
  });
  it('keeps iat, nbf and exp', () => {
    expect(facts[2]!.data).toMatchObject({
      iat: T0 + 90_000,
      nbf: T0 + 90_000,
      expiry: { kind: 'at', at: T0 + 390_000 },
    });
  });
  it('gives facts of their types', () => expect(schemaFaults(facts)).toEqual([]));
});

describe('case 8: shapes of aud', () => {
  const facts = caseFacts('08-aud-shapes.envoy.ndjson');
  it('reads audiences as sets', () => {
    expect(facts.map(({ data }) => data['audiences'])).toEqual([
      { kind: 'set', values: ['invoices-api'] },
      { kind: 'set', values: ['invoices-api'] },
      { kind: 'set', values: ['invoices-api', 'ledger-api'] },
      { kind: 'set', values: ['invoices-api', 'ledger-api'] },
      { kind: 'none' },
      { kind: 'none' },
      { kind: 'invalid', raw: '17' },
      { kind: 'none' },
      undefined,
    ]);
    expect(facts[6]!.data['notes']).toEqual(['audience:invalid']);
  });
  it('joins the last refusal to t-08-4', () => {
    expect(facts[8]!.names.tok).toBe(facts[4]!.names.tok);
    expect(facts[8]!.data).toMatchObject({ reason: 'audience', class: 'who' });
  });
});

describe('case 9: jti collisions', () => {
  it('names by issuer and jti, and keeps the hash beside it', () => {
    const facts = caseFacts('09-jti-collision.envoy.ndjson');
    expect(facts.map(({ names }) => names.jti?.slice(0, 24))).toEqual([
      'jti(https://idp.example.',
      'jti(https://partner.exam',
      'jti(https://idp.example.',
      'jti(https://idp.example.',
      undefined,
      undefined,
    ]);
    expect(new Set(facts.map(({ names }) => names.tok)).size).toBe(4);
    expect(facts[2]!.names.sub).not.toBe(facts[0]!.names.sub);
  });
});

describe('case 12: unicode', () => {
  it('keeps the subject as it is, in the personal box alone', () => {
    const [fact] = caseFacts('12-unicode.envoy.ndjson');
    expect(fact!.names.sub).toBe('sub(https://idp.example.com/realms/shop, zoë@example.com)');
    expect(JSON.stringify(fact!.data)).not.toContain('zoë');
    expect(fact!.data['claims']).toContain('name');
  });
});

describe('outcomes', () => {
  it.each([
    ['jwt_authn_access_denied{Jwt_verification_fails}', 401, 'signature', 'who'],
    ["jwt_authn_access_denied{Jwks_doesn't_have_key_to_match_kid_or_alg_from_Jwt}", 401, 'kid', 'who'],
    ['jwt_authn_access_denied{Jwt_issuer_is_not_configured}', 401, 'issuer', 'who'],
    ['jwt_authn_access_denied{Jwks_remote_fetch_is_failed}', 401, 'configuration', 'who'],
    ['rbac_access_denied_matched_policy[none]', 403, 'permission', 'may'],
    ['ext_authz_denied', 403, undefined, 'who'],
  ])('%s (%d) is refused for %s', (details, status, reason, refusal_) => {
    const { type, data } = factOf('envoy', refusal(details, status));
    expect([type, data['reason'], data['class']]).toEqual(['token.rejected', reason, refusal_]);
  });

  it('takes claims beside a refusal for verified: RBAC and ext_authz judge the deed', () => {
    const denied = {
      ...envoy.sample,
      response_code: 403,
      response_code_details: 'ext_authz_denied',
      upstream_cluster: null,
    };
    expect(factOf('envoy', denied)).toMatchObject({
      type: 'token.rejected',
      data: { reason: 'permission', class: 'may', verified: true },
    });
  });

  it('takes an upstream’s 401 for a use on verified claims alone', () => {
    const record = withField(envoy.sample, 'response_code', 401);
    expect(factOf('envoy', record)).toMatchObject({ type: 'token.validated', data: { upstreamStatus: 401 } });
    expect(factOf('envoy', withField(record, 'jwt', null)).type).toBe('token.rejected');
  });

  it('only observes an error of Envoy itself before verification', () => {
    expect(factOf('envoy', refusal('request_rate_limited', 429)).type).toBe('token.observed');
    expect(factOf('envoy', refusal('upstream_reset_before_response_started{connection_termination}', 503)).type).toBe(
      'token.validated',
    );
  });

  it('reads the failure that jwt_authn leaves in its metadata', () => {
    const jwt = { jwt_failure_reason: { code: 2, message: 'Jwt is expired' } };
    expect(factOf('envoy', { ...refusal('-'), jwt }).data).toMatchObject({ reason: 'expired' });
  });
});

describe('metadata', () => {
  const payload = { iss: 'https://idp.example.com/', jti: 't', sub: 'u' };
  it.each([
    ['the payload itself', payload],
    ['a key of the operator’s choice', { my_payload: payload }],
    ['a header beside it', { my_payload: payload, my_header: { alg: 'ES256', kid: 'k-1', typ: 'at+jwt' } }],
  ])('%s', (_, jwt) => {
    expect(factOf('envoy', { ...envoy.sample, jwt }).names.jti).toBe('jti(https://idp.example.com/, t)');
  });
  it('names the key and keeps alg and typ', () => {
    const jwt = { p: payload, h: { alg: 'ES256', kid: 'k-1', typ: 'at+jwt' } };
    const fact = factOf('envoy', { ...envoy.sample, jwt });
    expect(fact.names.kid).toBe('kid(https://idp.example.com/, k-1)');
    expect(fact.data).toMatchObject({ alg: 'ES256', typ: 'at+jwt', kind: 'access' });
  });
  it('names the claim at fault by its path', () => {
    const record = withField(envoy.sample, 'jwt.verified_jwt.sub', 'a\ud800');
    expect(readRecord('envoy', record).reading).toMatchObject({
      kind: 'rejected',
      field: 'jwt.verified_jwt.sub',
      redrivable: false,
    });
  });
});

describe('times and ids', () => {
  it.each<[string | number]>([
    ['2026-03-10T09:00:31.500Z'],
    [1773133231.5],
    ['1773133231.500'],
    [1773133231500],
    ['1773133231500000'],
    ['2026-03-10T10:00:31.5+01:00'],
  ])('%j is one instant', (start_time) => {
    const fact = factOf('envoy', { ...envoy.sample, start_time });
    expect(fact.time).toBe(1773133231500);
    expect(fact.data).not.toHaveProperty('notes');
  });
  it('tells requests without an id apart by what they show', () => {
    const id = (change: object) => {
      const { reading } = readRecord('envoy', { ...withField(envoy.sample, 'request_id', undefined), ...change });
      return reading.kind === 'facts' ? reading.sourceId : reading.kind;
    };
    expect(id({})).toMatch(/^[0-9a-f]{64}$/);
    expect(id({})).toBe(id({}));
    expect(new Set([id({}), id({ path: '/other' }), id({ downstream_remote_address: '192.0.2.30:51235' })]).size).toBe(
      3,
    );
  });
});
