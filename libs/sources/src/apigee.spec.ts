import { describe, expect, it } from '@jest/globals';
import type { Expiry } from '#lifecycle';
import { apigee } from './apigee.js';
import { caseFacts, factOf, rawName, readRecord } from './case-readings.js';
import type { JsonObject } from './adapter.js';
import { draftsOf, keyedContext, profileFor, schemaFaults } from './testing.js';

const T0 = 1773133200000;
const hash = (digit: string) => digit.repeat(64);
const CALL: JsonObject = {
  organization: 'example-org',
  environment: 'prod',
  'apiproxy.name': 'orders',
  messageid: 'rt-1',
  'system.timestamp': String(T0),
  'request.verb': 'GET',
  'request.uri': '/orders',
  'response.status.code': '200',
  client_id: 'app-77',
  'developer.app.name': 'partner-app',
  access_token_hash: hash('a'),
  'fault.name': '',
  'client.ip': '192.0.2.9',
  'request.header.user-agent': 'partner/2.1',
};

describe('case 7: expires_in of zero, minus one, empty, or not a number', () => {
  const facts = caseFacts('07-expires-in-nonpositive.apigee.ndjson');
  const expiries = (changes = {}) =>
    caseFacts('07-expires-in-nonpositive.apigee.ndjson', changes).map(({ data }) => {
      const { kind, at, raw } = data['expiry'] as Expiry;
      return [kind, at === undefined ? undefined : at - (data['iat'] as number), raw];
    });
  it('is seven issuances, each with its own token', () => {
    expect(facts.map(({ type }) => type)).toEqual(Array(7).fill('token.issued'));
    expect(new Set(facts.map(({ names }) => names.tok)).size).toBe(7);
    expect(facts[0]).toMatchObject({
      time: T0,
      names: { con: 'con(apigee, partner-app)', cli: 'cli(apigee:example-org/prod, app-77)' },
    });
    expect(facts[0]!.data).toMatchObject({
      issuer: 'apigee:example-org/prod',
      iat: T0,
      kind: 'access',
      scopes: ['read'],
      grantType: 'client_credentials',
    });
  });
  it('gives a date to "3599" and "1.5e3" alone', () => {
    expect(expiries()).toEqual([
      ['at', 3_599_000, '3599'],
      ['unknown', undefined, '0'],
      ['unknown', undefined, '-1'],
      ['unknown', undefined, ''],
      ['at', 1_500_000, '1.5e3'],
      ['implausible', undefined, '9223372036854775807'],
      ['unknown', undefined, 'NaN'],
    ]);
  });
  it('takes odd values as the profile says', () => {
    const read = expiries({ oddExpiry: { zero: 'expired', negative: 'never', empty: 'never' } });
    expect(read.slice(1, 4)).toEqual([
      ['at', 0, '0'],
      ['never', undefined, '-1'],
      ['never', undefined, ''],
    ]);
  });
  it('gives facts of their types', () => expect(schemaFaults(facts)).toEqual([]));
  it('takes the issuer from the profile', () => {
    const [fact] = caseFacts('07-expires-in-nonpositive.apigee.ndjson', {
      issuers: { 'example-org': 'https://login.example.com/' },
    });
    expect(fact!.data['issuer']).toBe('https://login.example.com/');
  });
});

describe('the token endpoint', () => {
  const token = (change: JsonObject) => readRecord('apigee', { ...apigee.sample, ...change });
  const types = (change: JsonObject, changes = {}) =>
    draftsOf(readRecord('apigee', { ...apigee.sample, ...change }, changes).reading).map(
      ({ type, names }) => `${type} ${names.tok!.slice(4, 5)}`,
    );
  const REFRESH = { grant_type: 'refresh_token', access_token_hash: hash('a'), refresh_token_hash: hash('b') };

  it('issues both tokens', () => {
    expect(types({ access_token_hash: hash('a'), refresh_token_hash: hash('b') })).toEqual([
      'token.issued a',
      'token.issued b',
    ]);
  });
  it('renews the refresh token that it names', () =>
    expect(types(REFRESH)).toEqual(['token.issued a', 'token.renewed b']));
  it('rotates where a use ends the presented one', () => {
    const rotation = { ...REFRESH, presented_refresh_token_hash: hash('c') };
    expect(types(rotation)).toEqual(['token.issued a', 'token.renewed c', 'token.issued b']);
    const drafts = draftsOf(
      readRecord('apigee', { ...apigee.sample, ...rotation }, { refreshTokens: 'revoke' }).reading,
    );
    expect(drafts.map(({ type }) => type)).toEqual(['token.issued', 'token.rotated', 'token.issued']);
    expect(drafts[1]!.data['successor']).toBe(drafts[2]!.names.tok);
    expect(drafts[2]!.data['parent']).toBe(drafts[1]!.names.tok);
  });
  it('revokes', () => {
    expect(types({ operation: 'RevokeOAuthV2', access_token_hash: hash('a'), grant_type: '' })).toEqual([
      'token.revoked a',
    ]);
    expect(types({ 'request.uri': '/oauth/revoke', access_token_hash: hash('a') })).toEqual(['token.revoked a']);
  });
  it('revokes nothing on an error: after 503 the token is still valid', () => {
    expect(token({ operation: 'RevokeOAuthV2', 'response.status.code': '503' }).reading.kind).toBe('ignored');
  });
  it('refuses the presented token', () => {
    const refused = { ...REFRESH, 'response.status.code': '400', 'fault.name': 'refresh_token_expired' };
    const [draft] = draftsOf(token(refused).reading);
    expect(draft).toMatchObject({ type: 'token.rejected', data: { kind: 'refresh', reason: 'expired', class: 'who' } });
  });
  it('decides nothing about a token on a server error', () => {
    expect(types({ ...REFRESH, 'response.status.code': '500' })).toEqual(['token.observed b']);
  });
  it('is told by path, form or operation, never by what a verified token leaves in the variables', () => {
    const verified = {
      ...CALL,
      grant_type: 'client_credentials',
      issued_at: String(T0),
      expires_in: '3599',
      scope: 'read',
    };
    expect(factOf('apigee', verified).type).toBe('token.validated');
    for (const change of [
      { 'request.uri': '/oauth/client_credential/accesstoken' },
      { operation: 'GenerateAccessToken' },
      { 'request.formparam.grant_type': 'password' },
    ]) {
      expect(factOf('apigee', { ...verified, ...change }).type).toBe('token.issued');
    }
  });
  it('ignores an issuance that names no token', () =>
    expect(token({ access_token_hash: '' }).reading.kind).toBe('ignored'));
  it('names no token by the digest of nothing', () => {
    const nothing = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
    const record = { ...apigee.sample, access_token_hash: nothing };
    expect(apigee.read(record, keyedContext(profileFor('apigee'))).kind).toBe('ignored');
  });
  it('names a token in clear by its digest', () => {
    const raw = 'ylSkZIjbdWybfs4fUQe9BqP0LH5Z';
    const { reading, record } = token({ access_token: raw, access_token_hash: '' });
    expect(draftsOf(reading)[0]).toMatchObject({ names: { tok: rawName(raw) }, data: { raw: ['access_token'] } });
    expect(JSON.stringify([reading, record])).not.toContain(raw);
  });
});

describe('calls', () => {
  it('is a use', () => {
    const fact = factOf('apigee', CALL);
    expect(fact).toMatchObject({ type: 'token.validated', api: 'orders', data: { status: 200, agent: 'partner' } });
    expect(fact.names).toMatchObject({ tok: `tok(${hash('a')})`, net: 'net(192.0.2.0/24)' });
  });
  it.each([
    ['keymanagement.service.access_token_expired', '401', 'token.rejected', 'expired'],
    ['invalid_access_token', '401', 'token.rejected', 'inactive'],
    ['InsufficientScope', '403', 'token.rejected', 'scope'],
    ['SpikeArrestViolation', '429', 'token.observed', undefined],
  ])('%s (%s) is %s', (fault, status, type, reason) => {
    const fact = factOf('apigee', { ...CALL, client_id: '', 'fault.name': fault, 'response.status.code': status });
    expect([fact.type, fact.data['reason']]).toEqual([type, reason]);
  });
  it('takes the target’s 403 for a use', () => {
    const record = { ...CALL, 'response.status.code': '403', 'target.response.status.code': '403' };
    expect(factOf('apigee', record)).toMatchObject({ type: 'token.validated', data: { upstreamStatus: 403 } });
  });
  it('is one record by message, organisation and environment', () => {
    const id = (change: JsonObject) => {
      const { reading } = readRecord('apigee', { ...CALL, ...change });
      return reading.kind === 'facts' ? reading.sourceId : reading.kind;
    };
    expect(id({ 'system.timestamp': String(T0 + 1) })).toBe(id({}));
    expect(new Set([id({}), id({ environment: 'test' }), id({ messageid: 'rt-2' })]).size).toBe(3);
  });
  it('names the time at fault', () => {
    expect(readRecord('apigee', { ...CALL, 'system.timestamp': 'NaN' }).reading).toMatchObject({
      kind: 'rejected',
      field: 'system.timestamp',
    });
  });
});
