import { describe, expect, it } from '@jest/globals';
import type { JsonObject } from './adapter.js';
import { okta } from './okta.js';
import { caseRecords, draftsOf, keyedContext, profileFor, readableContext, schemaFaults } from './testing.js';

const ISSUER = 'https://org.example.com/oauth2/default';
const T0 = 1773133200000;
const context = readableContext(profileFor('okta'));
const jti = (id: string) => `jti(${ISSUER}, ${id})`;
const SUB = `sub(${ISSUER}, 00u1)`;
const CLI = `cli(${ISSUER}, 0oa1)`;
const USER = { id: '00u1', type: 'User', alternateId: 'ada@example.com' };
const ADMIN = { id: '00uADMIN', type: 'User', alternateId: 'root@example.com' };
const CLIENT = { id: '0oa1', type: 'PublicClientApp' };

function token(type: string, id: string, entry: JsonObject = {}): JsonObject {
  return { id, type, detailEntry: { subject: '00u1', hash: '', expires: '2026-03-10T10:00:00.000Z', ...entry } };
}

function event(eventType: string, target: JsonObject[], fields: JsonObject = {}): JsonObject {
  return {
    uuid: 'uuid-1',
    published: '2026-03-10T09:00:00.000Z',
    eventType,
    actor: CLIENT,
    client: { ipAddress: '192.0.2.20', userAgent: { rawUserAgent: 'shop-app/3.2 (X11)' } },
    outcome: { result: 'SUCCESS', reason: null },
    transaction: { id: 'tx-1', type: 'WEB' },
    debugContext: { debugData: { grantType: 'authorization_code', grantedScopes: 'openid, orders.read' } },
    target,
    ...fields,
  };
}
const refreshGrant = { debugContext: { debugData: { grantType: 'refresh_token' } } };
const failure = (reason: string) => ({ outcome: { result: 'FAILURE', reason } });
const read = (record: JsonObject, using = context) => okta.read(record, using);
const facts = (record: JsonObject, using = context) => draftsOf(read(record, using));

describe('Okta: grants', () => {
  it.each([
    'app.oauth2.as.token.grant.access_token',
    'app.oauth2.token.grant.access_token',
    'APP.OAuth2.as.token.grant',
  ])('%s issues the token that it names', (type) => {
    expect(facts(event(type, [token('access_token', 'AT.1')]))).toEqual([
      {
        type: 'token.issued',
        time: T0,
        names: { jti: jti('AT.1'), fam: `fam(${ISSUER}, tx-1)`, sub: SUB, cli: CLI, net: 'net(192.0.2.0/24)' },
        data: {
          issuer: ISSUER,
          jti: 'AT.1',
          grant: 'tx-1',
          kind: 'access',
          form: 'jwt',
          expiry: { kind: 'at', at: T0 + 3_600_000, raw: '2026-03-10T10:00:00.000Z', unit: 'iso', flags: [] },
          verified: true,
          grantType: 'authorization_code',
          scopes: ['openid', 'orders.read'],
        },
      },
    ]);
  });

  it('refresh and id tokens have their kind and form; an id token has no scopes', () => {
    const record = event('app.oauth2.as.token.grant', [token('refresh_token', 'oar1'), token('id_token', 'ID.1')]);
    expect(facts(record)).toMatchObject([
      { data: { kind: 'refresh', form: 'opaque', scopes: ['openid', 'orders.read'] } },
      { data: { kind: 'id', form: 'jwt' } },
    ]);
    expect(facts(record)[1]!.data).not.toHaveProperty('scopes');
  });

  it('a hash names the token only if it is a SHA-256', () => {
    const hex = 'ab'.repeat(32);
    const base64url = Buffer.from(hex, 'hex').toString('base64url');
    for (const hash of [hex, base64url]) {
      const [draft] = facts(event('app.oauth2.as.token.grant.access_token', [token('access_token', 'AT.1', { hash })]));
      expect(draft!.names.tok).toBe(`tok(${hex})`);
    }
    for (const hash of ['', 'abc', 'x'.repeat(64)]) {
      const [draft] = facts(event('app.oauth2.as.token.grant.access_token', [token('access_token', 'AT.1', { hash })]));
      expect(draft!.names).not.toHaveProperty('tok');
    }
  });

  it('an expiry that is no time is unknown, and one that is not shown is not stated', () => {
    const grant = (expires: string) =>
      facts(event('app.oauth2.as.token.grant.access_token', [token('access_token', 'AT.1', { expires })]))[0]!.data;
    expect(grant('soon')).toMatchObject({ expiry: { kind: 'unknown', raw: 'soon' } });
    expect(grant('')).not.toHaveProperty('expiry');
  });

  it('a refresh renews the presented token only where the record names it', () => {
    const named = [token('access_token', 'AT.2'), token('refresh_token', 'oar1', { expires: null })];
    expect(facts(event('app.oauth2.as.token.grant.access_token', named, refreshGrant))).toMatchObject([
      { type: 'token.renewed', names: { jti: jti('oar1') }, data: { agent: 'shop-app' } },
      { type: 'token.issued', names: { jti: jti('AT.2') } },
    ]);
    const alone = event('app.oauth2.as.token.grant.access_token', [token('access_token', 'AT.2')], refreshGrant);
    expect(facts(alone).map((draft) => draft.type)).toEqual(['token.issued']);
  });

  it('rotates where the org revokes refresh tokens on use', () => {
    const rotating = readableContext(profileFor('okta', { refreshTokens: 'revoke' }));
    const targets = [token('refresh_token', 'oar2'), token('refresh_token', 'oar1', { expires: null })];
    expect(facts(event('app.oauth2.as.token.grant.refresh_token', targets, refreshGrant), rotating)).toMatchObject([
      { type: 'token.rotated', names: { jti: jti('oar1') }, data: { successor: jti('oar2') } },
      { type: 'token.issued', names: { jti: jti('oar2') }, data: { parent: jti('oar1') } },
    ]);
  });

  it.each([
    ['refresh token expired', 'expired'],
    ['no_matching_scope', 'scope'],
    ['policy denied', 'permission'],
    ['invalid_grant', 'malformed'],
    ['?', 'other'],
  ])('a failure for "%s" rejects the tokens that it names (%s)', (reason, expected) => {
    const record = event('app.oauth2.as.token.grant', [token('refresh_token', 'oar1')], failure(reason));
    expect(facts(record)).toMatchObject([
      { type: 'token.rejected', names: { jti: jti('oar1') }, data: { reason: expected } },
    ]);
  });

  it('a failure without a token, and a challenge, are context', () => {
    expect(read(event('app.oauth2.as.token.grant', [], failure('x'))).kind).toBe('ignored');
    const challenge = event('app.oauth2.as.token.grant', [token('access_token', 'AT.1')], {
      outcome: { result: 'CHALLENGE' },
    });
    expect(read(challenge).kind).toBe('ignored');
  });
});

describe('Okta: issuers', () => {
  const target = [token('access_token', 'AT.1')];
  const issuerWith = (issuers: Record<string, string>, fields: JsonObject = {}, targets = target) =>
    facts(
      event('app.oauth2.as.token.grant.access_token', targets, fields),
      readableContext(profileFor('okta', { issuers })),
    )[0]!.data['issuer'];
  const uri = { debugContext: { debugData: { requestUri: '/oauth2/aus9/v1/token' } } };

  it('by authorization server, then org, then star, then the only entry, else assumed', () => {
    const server = [...target, { id: 'aus7', type: 'AuthorizationServer' }];
    expect(issuerWith({ aus7: 'A', org: 'B' }, {}, server)).toBe('A');
    expect(issuerWith({ aus9: 'C', org: 'B' }, uri)).toBe('C');
    expect(issuerWith({ aus7: 'A', org: 'B' }, uri)).toBe('B');
    expect(issuerWith({ aus7: 'A', '*': 'B' }, uri)).toBe('B');
    expect(issuerWith({ 'org.example.com': 'D' })).toBe('D');
    expect(issuerWith({ aus7: 'A', aus8: 'B' }, uri)).toBe('okta:aus9');
    expect(issuerWith({})).toBe('okta:org');
  });
});

describe('Okta: ends', () => {
  it('revoke ends the tokens named, without taking the administrator for their client or user', () => {
    const record = event('app.oauth2.as.token.revoke', [token('access_token', 'AT.1', { subject: null })], {
      actor: ADMIN,
    });
    expect(facts(record)).toMatchObject([
      { type: 'token.revoked', names: { jti: jti('AT.1') }, data: { cause: 'token.revoke', scope: 'token' } },
    ]);
    expect(facts(record)[0]!.names).toEqual({ jti: jti('AT.1') });
  });

  it.each([
    ['app.oauth2.as.token.revoke.implicit.user', [USER], ADMIN, { sub: SUB }],
    ['app.oauth2.as.token.revoke.implicit.client', [CLIENT], ADMIN, { cli: CLI }],
    ['app.oauth2.as.consent.revoke.user.client', [CLIENT], USER, { sub: SUB, cli: CLI }],
  ])('%s without tokens fences what it names', (type, target, actor, match) => {
    expect(facts(event(type, target, { actor }))).toMatchObject([
      { type: 'fence.raised', data: { match, cutoff: T0 + 1 } },
    ]);
    expect(Object.keys(facts(event(type, target, { actor }))[0]!.data['match'] as object)).toEqual(Object.keys(match));
  });

  it('an end that names nothing is rejected, never dropped', () => {
    const record = event('app.oauth2.as.token.revoke.implicit.as', [], { actor: ADMIN });
    expect(read(record)).toMatchObject({ kind: 'rejected', field: 'target' });
  });

  it('a revocation that failed ends nothing', () => {
    expect(read(event('app.oauth2.as.token.revoke', [token('access_token', 'AT.1')], failure('x'))).kind).toBe(
      'ignored',
    );
  });

  it('reuse is a refusal of the token and a report about its family, whatever the outcome', () => {
    for (const outcome of [{}, failure('reuse')]) {
      const grant = 'refresh_token/oar1';
      const fam = `fam(${ISSUER}, ${grant})`;
      expect(facts(event('app.oauth2.as.token.detect_reuse', [token('refresh_token', 'oar1')], outcome))).toMatchObject(
        [
          { type: 'token.rejected', names: { jti: jti('oar1'), fam }, data: { reason: 'stale', class: 'who' } },
          {
            type: 'family.reusereported',
            subject: fam,
            names: { jti: jti('oar1'), fam },
            data: { token: jti('oar1') },
          },
        ],
      );
    }
    expect(read(event('app.oauth2.as.token.detect_reuse', [])).kind).toBe('rejected');
  });

  it('users are suspended, reinstated and fenced at every issuer of the org', () => {
    const both = readableContext(profileFor('okta', { issuers: { a: 'A', b: 'B' } }));
    const of = (type: string) => facts(event(type, [USER], { actor: ADMIN }), both);
    expect(of('user.lifecycle.suspend')).toMatchObject([
      { type: 'subject.suspended', subject: 'sub(A, 00u1)' },
      { type: 'subject.suspended', subject: 'sub(B, 00u1)' },
    ]);
    expect(of('user.lifecycle.unsuspend').map((draft) => draft.type)).toEqual([
      'subject.reinstated',
      'subject.reinstated',
    ]);
    expect(of('user.lifecycle.deactivate')).toMatchObject([{ type: 'fence.raised' }, { type: 'fence.raised' }]);
    const reasons = ['user.lifecycle.suspend', 'user.lifecycle.unsuspend'].map((type) => of(type)[0]!.data['reasonId']);
    expect(new Set(reasons).size).toBe(1);
  });
});

describe('Okta: keys and API tokens', () => {
  it('an API token is a credential, issued and revoked', () => {
    const target = [{ id: '00T1', type: 'Token' }];
    expect(facts(event('system.api_token.create', target, { actor: ADMIN }))).toMatchObject([
      { type: 'token.issued', names: { cred: 'cred(okta, 00T1)' }, data: { kind: 'apiKey', form: 'opaque' } },
    ]);
    expect(facts(event('system.api_token.revoke', target, { actor: ADMIN }))).toMatchObject([
      { type: 'token.revoked', names: { cred: 'cred(okta, 00T1)' } },
    ]);
  });

  it('a key rollover activates the key that it names, and is context if it names none', () => {
    const named = event('app.oauth2.as.key.rollover', [{ id: 'kid-2', type: 'SigningKey' }], { actor: ADMIN });
    const kid = `kid(${ISSUER}, kid-2)`;
    expect(facts(named)).toMatchObject([
      { type: 'key.activated', subject: kid, names: { kid }, data: { kid: 'kid-2' } },
    ]);
    expect(read(event('app.oauth2.as.key.rollover', [], { actor: ADMIN })).kind).toBe('ignored');
  });
});

describe('Okta: records', () => {
  it('detects its own records', () => {
    expect(okta.detects(okta.sample)).toBe(true);
    expect(okta.detects({ uuid: 'x', published: 'y' })).toBe(false);
  });

  it.each([
    'user.session.start',
    'user.session.clear',
    'policy.auth_reevaluate.fail',
    'user.risk.change',
    'something.else',
  ])('%s is context', (type) => {
    expect(read(event(type, [USER])).kind).toBe('ignored');
  });

  it('rejects an impossible time, one without a zone, and names that are no text', () => {
    const grant = 'app.oauth2.as.token.grant.access_token';
    const target = [token('access_token', 'AT.1')];
    expect(read(event(grant, target, { published: '2026-02-30T09:00:00Z' }))).toMatchObject({
      kind: 'rejected',
      field: 'published',
    });
    expect(read(event(grant, target, { published: '2026-03-10 09:00:00' }))).toMatchObject({
      field: 'published',
      redrivable: true,
    });
    expect(read(event(grant, [token('access_token', 'AT\ud800')]))).toMatchObject({
      kind: 'rejected',
      field: 'target.0.id',
    });
  });
});

describe('Okta: field cases', () => {
  it('case 2: issued, then revoked', () => {
    const drafts = caseRecords('02-revocation-cache.okta.ndjson').flatMap((record) => facts(record));
    expect(drafts.map(({ type, time, names }) => [type, time - T0, names.jti])).toEqual([
      ['token.issued', 0, jti('AT.case02-a')],
      ['token.revoked', 600_000, jti('AT.case02-a')],
    ]);
  });

  it('case 10: a repeat is equal, and the same uuid with other content is not', () => {
    const readings = caseRecords('10-duplicates.okta.ndjson').map((record) => read(record));
    const keys = readings.map((reading) => (reading.kind === 'facts' ? [reading.sourceId, reading.dedupe] : []));
    expect(keys[1]).toEqual(keys[0]);
    expect(keys[2]![0]).toBe(keys[0]![0]);
    expect(keys[2]![1]).not.toEqual(keys[0]![1]);
    expect(draftsOf(readings[2]!)[0]!.type).toBe('token.revoked');
  });

  it('every draft fits its schema', () => {
    const keyed = keyedContext(profileFor('okta'));
    const records = [
      ...caseRecords('02-revocation-cache.okta.ndjson'),
      event('app.oauth2.as.token.detect_reuse', [token('refresh_token', 'oar1')]),
      event('app.oauth2.as.token.revoke.implicit.user', [USER]),
      event('user.lifecycle.suspend', [USER]),
      event('system.api_token.create', [{ id: '00T1', type: 'Token' }]),
    ];
    for (const record of records) expect(schemaFaults(facts(record, keyed))).toEqual([]);
  });
});
