import { describe, expect, it } from '@jest/globals';
import { caseFacts, caseReadings, factOf, rawName, readRecord, withField } from './case-readings.js';
import { aliasOf } from './alias.js';
import { kong } from './kong.js';
import { profileFor, schemaFaults } from './testing.js';

const ISS = 'https://org.example.com/oauth2/default';
const REFUSED = withField(
  withField(withField(kong.sample, 'response.status', 401), 'tries', []),
  'latencies.proxy',
  -1,
);
const without = (...fields: string[]) =>
  fields.reduce((record, field) => withField(record, field, undefined), kong.sample);
const UNNAMED = without('token_jti', 'token_iss', 'token_sub');

describe('case 2: a revoked token is accepted until a cache expires', () => {
  const facts = caseFacts('02-revocation-cache.kong.ndjson');
  it('is three uses and a refusal of one token at gw-a', () => {
    expect(facts.map(({ type, time }) => [type, time - 1773133200000])).toEqual([
      ['token.validated', 590_000],
      ['token.validated', 620_000],
      ['token.validated', 648_000],
      ['token.rejected', 675_000],
    ]);
    expect(new Set(facts.map(({ names }) => names.jti))).toEqual(new Set([`jti(${ISS}, AT.case02-a)`]));
    for (const fact of facts)
      expect(fact).toMatchObject({ gateway: 'gw-a', region: 'eu', version: 'v41', api: 'orders' });
  });
  it('tells why and of which class the refusal is, and says nothing of an expiry that nobody logged', () => {
    expect(facts[3]!.data).toMatchObject({ status: 401, reason: 'inactive', class: 'who', verified: true });
    expect(facts[3]!.data).not.toHaveProperty('upstreamStatus');
    for (const { data } of facts) expect(data).not.toHaveProperty('expiry');
  });
  it('keeps personal fields out of the facts', () => {
    expect(JSON.stringify(facts)).not.toMatch(/00uUSER1"|shop-app\/3|192\.0\.2\.10/);
    const [{ reading }] = caseReadings('02-revocation-cache.kong.ndjson') as [ReturnType<typeof readRecord>];
    expect(reading).toMatchObject({ personal: { subject: '00uUSER1', agent: 'shop-app/3.2', address: '192.0.2.10' } });
  });
  it('gives facts of their types', () => expect(schemaFaults(facts)).toEqual([]));
});

describe('who answered', () => {
  it('takes the upstream’s refusal for a use, once the gateway had verified', () => {
    const upstream = factOf('kong', withField(kong.sample, 'response.status', 403));
    expect(upstream).toMatchObject({ type: 'token.validated', data: { status: 403, upstreamStatus: 403 } });
    expect(upstream.data).not.toHaveProperty('class');
  });
  it('takes the edge’s 403 without a reason for "may you", its 401 for "who are you"', () => {
    expect(factOf('kong', withField(REFUSED, 'response.status', 403)).data).toMatchObject({ class: 'may' });
    expect(factOf('kong', REFUSED).data).toMatchObject({ class: 'who' });
  });
  it('takes an empty Lua table and a proxy latency of -1 for no upstream', () => {
    const record = withField(withField(kong.sample, 'response.status', 401), 'tries', {});
    expect(factOf('kong', record).type).toBe('token.rejected');
    expect(factOf('kong', withField(withField(record, 'tries', undefined), 'latencies.proxy', -1)).type).toBe(
      'token.rejected',
    );
    expect(factOf('kong', withField(withField(record, 'tries', undefined), 'latencies.proxy', 0)).type).toBe(
      'token.validated',
    );
  });
});

describe('what names the token', () => {
  it('uses no claim that the profile does not call verified', () => {
    const { reading } = readRecord('kong', kong.sample, { claimsVerified: false });
    expect(reading).toEqual({ kind: 'ignored', why: expect.stringContaining('no jti') });
  });

  it('names by the credential, and by the consumer, where no token is shown', () => {
    const entity = withField(UNNAMED, 'authenticated_entity', { id: 'c-1', consumer_id: 'u' });
    const fact = factOf('kong', withField(entity, 'consumer', { username: 'partner_7' }));
    expect(fact.names).toMatchObject({ cred: 'cred(kong, c-1)', con: 'con(kong, partner_7)' });
    expect(factOf('kong', withField(UNNAMED, 'consumer', { custom_id: 'p-7' })).names.con).toBe('con(kong, p-7)');
  });

  it('names a verified API key by both its credential and its digest, and joins the two', () => {
    const keyed = withField(
      withField(UNNAMED, 'request.headers', { 'x-api-key': 'key-0123456789' }),
      'authenticated_entity',
      { id: 'c-1' },
    );
    const fact = factOf('kong', withField(keyed, 'consumer', { username: 'partner_7' }));
    expect(fact).toMatchObject({
      type: 'token.validated',
      data: { kind: 'apiKey', raw: ['request.headers.x-api-key'] },
    });
    expect(fact.names).toMatchObject({ tok: rawName('key-0123456789'), cred: 'cred(kong, c-1)' });
    expect(aliasOf(fact.names, fact.data, profileFor('kong'))?.pair).toBe('cred-tok');
  });

  it('does not take a key beside an Authorization header, redacted or not, for the request’s credential', () => {
    for (const authorization of ['REDACTED', 'Basic YTpi']) {
      const record = withField(UNNAMED, 'request.headers', { authorization, 'x-api-key': 'key-0123456789' });
      const fact = factOf('kong', withField(record, 'consumer', { username: 'p' }));
      expect(fact.names.tok).toBeUndefined();
      expect(fact.data['raw']).toContain('request.headers.x-api-key');
    }
  });

  it('never joins a credential that signs many tokens with one of them', () => {
    const record = withField(
      withField(UNNAMED, 'request.headers', { authorization: 'Bearer abc.DEF-0123' }),
      'authenticated_entity',
      { id: 'c-1' },
    );
    const fact = factOf('kong', record);
    expect(fact.names).toMatchObject({ tok: rawName('abc.DEF-0123'), cred: 'cred(kong, c-1)' });
    expect(aliasOf(fact.names, fact.data, profileFor('kong'))).toBeUndefined();
  });

  it('observes a key of an anonymous consumer', () => {
    const headers = { 'x-api-key': 'key-0123456789', 'X-Anonymous-Consumer': 'true' };
    const fact = factOf('kong', withField(UNNAMED, 'request.headers', headers));
    expect(fact).toMatchObject({ type: 'token.observed', data: { anonymous: true } });
    const named = withField(withField(UNNAMED, 'request.headers', { apikey: 'key-0123456789' }), 'consumer', {
      username: 'anonymous',
    });
    expect(factOf('kong', named).type).toBe('token.observed');
  });

  it('reads a whole payload as the operator’s claims object', () => {
    const claims = { iss: ISS, jti: 't-9', sub: 'u', iat: 1773133200, exp: 1773136800, aud: [] };
    const fact = factOf('kong', withField(UNNAMED, 'jwt_claims', claims));
    expect(fact.names.jti).toBe(`jti(${ISS}, t-9)`);
    expect(fact.data).toMatchObject({
      audiences: { kind: 'none' },
      claims: ['aud', 'exp', 'iat', 'iss', 'jti', 'sub'],
    });
  });

  it('reads fields where the profile puts them', () => {
    const record = { ...UNNAMED, custom: { j: 't-1', i: ISS, release: 'v7' } };
    const fields = { jti: 'custom.j', iss: 'custom.i', version: 'custom.release' };
    expect(factOf('kong', record, { fields })).toMatchObject({ version: 'v7', names: { jti: `jti(${ISS}, t-1)` } });
  });
});

describe('records at fault', () => {
  it.each([
    ['started_at', 0, 'started_at', false],
    ['started_at', '2026-03-10T09:00:00', 'started_at', true],
    ['started_at', '2026-02-30T09:00:00Z', 'started_at', false],
    ['token_jti', 'a\ud800', 'token_jti', false],
    ['consumer.username', 'a\u0000', 'consumer.username', false],
  ])('%s = %j is named', (path, value, field, redrivable) => {
    expect(readRecord('kong', withField(kong.sample, path, value)).reading).toMatchObject({
      kind: 'rejected',
      field,
      redrivable,
    });
  });
  it('takes a time without a zone in the profile’s', () => {
    const record = withField(kong.sample, 'started_at', '2026-03-10T10:00:00');
    expect(factOf('kong', record, { zone: '+01:00' }).time).toBe(1773133200000);
  });
  it('flags seconds where milliseconds are due', () => {
    expect(factOf('kong', withField(kong.sample, 'started_at', 1773133200))).toMatchObject({
      time: 1773133200000,
      data: { notes: ['time:unit-suspect'] },
    });
  });
});

describe('identity of a record', () => {
  const read = (record: typeof kong.sample) =>
    readRecord('kong', record).reading as { sourceId: string; dedupe: string[] };
  it('does not trust a request id alone', () => {
    const ids = [
      kong.sample,
      withField(kong.sample, 'started_at', 1773133790001),
      withField(kong.sample, 'gateway_id', 'gw-b'),
    ];
    expect(new Set(ids.map((record) => read(record).sourceId)).size).toBe(3);
  });
  it('is the same for other key order, number spelling and latencies', () => {
    const again = {
      ...Object.fromEntries(Object.entries(kong.sample).reverse()),
      latencies: { kong: 9, proxy: 99, request: 108 },
    };
    expect(read(again)).toMatchObject({ sourceId: read(kong.sample).sourceId, dedupe: read(kong.sample).dedupe });
    expect(read(withField(kong.sample, 'response.status', '200')).dedupe).toEqual(read(kong.sample).dedupe);
  });
  it('differs in content for another status or expiry', () => {
    for (const [path, value] of [
      ['response.status', 500],
      ['token_exp', 1773136800],
    ] as const) {
      const other = read(withField(kong.sample, path, value));
      expect(other.sourceId).toBe(read(kong.sample).sourceId);
      expect(other.dedupe).not.toEqual(read(kong.sample).dedupe);
    }
  });
});
