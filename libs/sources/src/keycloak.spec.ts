import { describe, expect, it } from '@jest/globals';
import type { JsonObject } from './adapter.js';
import { keycloak } from './keycloak.js';
import { caseRecords, draftsOf, keyedContext, profileFor, readableContext, schemaFaults } from './testing.js';

const ISSUER = 'https://idp.example.com/realms/shop';
const T0 = 1773133200000;
const context = readableContext(profileFor('keycloak'));
const NAMES = {
  sub: `sub(${ISSUER}, u-1)`,
  cli: `cli(${ISSUER}, spa)`,
  ses: `ses(${ISSUER}, s-1)`,
  net: 'net(192.0.2.0/24)',
};
const ONLINE = 's-1/spa/online';
const FAM = `fam(${ISSUER}, ${ONLINE})`;
const jti = (id: string) => `jti(${ISSUER}, ${id})`;

function event(type: string, details: JsonObject = {}, fields: JsonObject = {}): JsonObject {
  const base = { id: 'e-1', time: T0, type, realmId: 'r-1', realmName: 'shop', clientId: 'spa', userId: 'u-1' };
  return { ...base, sessionId: 's-1', ipAddress: '192.0.2.10', details, ...fields };
}
const read = (record: JsonObject, using = context) => keycloak.read(record, using);
const facts = (record: JsonObject, using = context) => draftsOf(read(record, using));
const types = (record: JsonObject, using = context) => facts(record, using).map((draft) => draft.type);

describe('Keycloak: issuance', () => {
  it.each([
    'CODE_TO_TOKEN',
    'CLIENT_LOGIN',
    'OAUTH2_DEVICE_CODE_TO_TOKEN',
    'AUTHREQID_TO_TOKEN',
    'PERMISSION_TOKEN',
    'JWT_BEARER',
    'OAUTH2_EXTENSION_GRANT',
  ])('%s issues each token that it names', (type) => {
    const details = { token_id: 'at-1', refresh_token_id: 'rt-1', id_token_id: 'id-1', scope: 'openid orders' };
    const shared = { issuer: ISSUER, grant: ONLINE, form: 'jwt', verified: true, offline: false };
    const names = { ...NAMES, fam: FAM };
    const scopes = ['openid', 'orders'];
    expect(facts(event(type, { ...details, grant_type: 'authorization_code' }))).toEqual([
      {
        type: 'token.issued',
        time: T0,
        names: { ...names, jti: jti('at-1') },
        data: { ...shared, jti: 'at-1', kind: 'access', scopes, grantType: 'authorization_code' },
      },
      {
        type: 'token.issued',
        time: T0,
        names: { ...names, jti: jti('rt-1') },
        data: { ...shared, jti: 'rt-1', kind: 'refresh', scopes, grantType: 'authorization_code' },
      },
      {
        type: 'token.issued',
        time: T0,
        names: { ...names, jti: jti('id-1') },
        data: { ...shared, jti: 'id-1', kind: 'id' },
      },
    ]);
  });

  it('an offline grant is a family of its own, told by the refresh token or the scope', () => {
    const byType = event('CODE_TO_TOKEN', { token_id: 'at-1', refresh_token_type: 'Offline' });
    const byScope = event('CODE_TO_TOKEN', { token_id: 'at-1', scope: 'openid offline_access' });
    for (const record of [byType, byScope]) {
      expect(facts(record)[0]).toMatchObject({
        names: { fam: `fam(${ISSUER}, s-1/spa/offline)` },
        data: { grant: 's-1/spa/offline', offline: true },
      });
    }
  });

  it('a token exchange also says whose token it was made from', () => {
    const record = event(
      'TOKEN_EXCHANGE',
      { token_id: 'at-9', subject_token_client_id: 'spa', audience: 'b a' },
      { clientId: 'backend' },
    );
    expect(facts(record)).toMatchObject([
      {
        type: 'token.issued',
        data: { jti: 'at-9', grant: 's-1/backend/online', audiences: { kind: 'set', values: ['a', 'b'] } },
      },
      { type: 'token.exchanged', names: { jti: jti('at-9') }, data: { subjectFamily: FAM } },
    ]);
  });

  it('two clients whose ids hold a slash stay two grants', () => {
    const grants = ['a/b', 'a%2Fb'].map(
      (clientId) => facts(event('CODE_TO_TOKEN', { token_id: 'x' }, { clientId }))[0]!.names.fam,
    );
    expect(new Set(grants).size).toBe(2);
  });

  it('without a mapping the issuer is named after the realm', () => {
    const record = event('CLIENT_LOGIN', { token_id: 'at-1' }, { realmName: 'other', realmId: 'r-2' });
    expect(facts(record)[0]!.data['issuer']).toBe('keycloak:other');
    const byId = event('CLIENT_LOGIN', { token_id: 'at-1' });
    delete byId['realmName'];
    expect(
      facts(byId, readableContext(profileFor('keycloak', { issuers: { 'r-1': ISSUER } })))[0]!.data['issuer'],
    ).toBe(ISSUER);
  });
});

describe('Keycloak: refresh', () => {
  const details = {
    token_id: 'at-2',
    refresh_token_id: 'rt-1',
    updated_refresh_token_id: 'rt-2',
    refresh_token_type: 'Refresh',
  };

  it('rotates where the realm revokes refresh tokens, and the successor names its parent', () => {
    const shared = {
      issuer: ISSUER,
      grant: ONLINE,
      form: 'jwt',
      verified: true,
      offline: false,
      grantType: 'refresh_token',
    };
    const names = { ...NAMES, fam: FAM };
    expect(facts(event('REFRESH_TOKEN', { ...details, user_agent: 'shop-app/3.2' }))).toEqual([
      {
        type: 'token.rotated',
        time: T0,
        names: { ...names, jti: jti('rt-1') },
        data: { ...shared, jti: 'rt-1', kind: 'refresh', successor: jti('rt-2'), agent: 'shop-app' },
      },
      {
        type: 'token.issued',
        time: T0,
        names: { ...names, jti: jti('at-2') },
        data: { ...shared, jti: 'at-2', kind: 'access' },
      },
      {
        type: 'token.issued',
        time: T0,
        names: { ...names, jti: jti('rt-2') },
        data: { ...shared, jti: 'rt-2', kind: 'refresh', parent: jti('rt-1') },
      },
    ]);
  });

  it('only renews where the realm keeps them, and where the token stays the same', () => {
    const keep = readableContext(profileFor('keycloak', { refreshTokens: 'keep' }));
    expect(types(event('REFRESH_TOKEN', details), keep)).toEqual(['token.renewed', 'token.issued', 'token.issued']);
    const same = event('REFRESH_TOKEN', { ...details, updated_refresh_token_id: 'rt-1' });
    expect(types(same)).toEqual(['token.renewed', 'token.issued']);
  });

  it.each([
    ['Stale token', 'stale'],
    ['Maximum allowed refresh token reuse exceeded', 'stale'],
    ['Session not active', 'session'],
    ["Session doesn't have required client", 'session'],
    ['Offline user session not found', 'session'],
    ['Token is not active', 'expired'],
    ['Refresh token expired', 'expired'],
    ['User disabled', 'inactive'],
    ['Invalid token issuer. Expected x', 'issuer'],
    ['DPoP proof has no ath', 'binding'],
    ['Unmatching clients', 'malformed'],
    ['something new', 'other'],
  ])('a refusal for "%s" is a rejection for %s, never a report of reuse', (text, reason) => {
    const record = event(
      'REFRESH_TOKEN_ERROR',
      { refresh_token_id: 'rt-1', refresh_token_type: 'Refresh', reason: text },
      { error: 'x' },
    );
    expect(facts(record)).toMatchObject([
      {
        type: 'token.rejected',
        names: { ...NAMES, fam: FAM, jti: jti('rt-1') },
        data: { kind: 'refresh', reason, class: 'who' },
      },
    ]);
  });

  it('an error that names no token is context', () => {
    expect(read(event('CODE_TO_TOKEN_ERROR', {}, { error: 'invalid_code' })).kind).toBe('ignored');
  });
});

describe('Keycloak: use and end', () => {
  it('introspection validates without claiming that the asking server is the client', () => {
    const [draft] = facts(event('INTROSPECT_TOKEN', { token_id: 'at-1' }, { clientId: 'orders-api' }));
    expect(draft).toMatchObject({ type: 'token.validated', names: { jti: jti('at-1'), ses: NAMES.ses } });
    expect(draft!.names.cli).toBeUndefined();
    expect(draft!.names.fam).toBeUndefined();
    expect(facts(event('USER_INFO_REQUEST', { token_id: 'at-1' }))[0]!.names.cli).toBe(NAMES.cli);
  });

  it('LOGOUT fences the online tokens of the session, the same millisecond included', () => {
    expect(facts(event('LOGOUT'))).toEqual([
      {
        type: 'fence.raised',
        time: T0,
        subject: NAMES.ses,
        names: NAMES,
        data: {
          issuer: ISSUER,
          cutoff: T0 + 1,
          match: { ses: NAMES.ses, offline: false },
          cause: 'logout',
          scope: 'session',
        },
      },
    ]);
    expect(read(event('LOGOUT', {}, { sessionId: null })).kind).toBe('ignored');
  });

  it('REVOKE_GRANT of an access token ends that token alone', () => {
    expect(types(event('REVOKE_GRANT', { token_id: 'at-1' }))).toEqual(['token.revoked']);
  });

  it('REVOKE_GRANT of a refresh token ends it and its grant', () => {
    const record = event('REVOKE_GRANT', {
      refresh_token_id: 'rt-1',
      refresh_token_type: 'Offline',
      revoked_client: 'spa',
    });
    const fam = `fam(${ISSUER}, s-1/spa/offline)`;
    expect(facts(record)).toMatchObject([
      { type: 'token.revoked', names: { jti: jti('rt-1'), fam } },
      { type: 'family.revoked', subject: fam, data: { grant: 's-1/spa/offline' } },
    ]);
  });

  it('REVOKE_GRANT of a session ends its online and its offline grant', () => {
    expect(facts(event('REVOKE_GRANT')).map((draft) => draft.data['grant'])).toEqual([
      's-1/spa/online',
      's-1/spa/offline',
    ]);
  });

  it('REVOKE_GRANT with neither fences the user at the withdrawn client, not at the account console', () => {
    const record = event('REVOKE_GRANT', { revoked_client: 'spa' }, { sessionId: null, clientId: 'account-console' });
    expect(facts(record)).toMatchObject([
      { type: 'fence.raised', subject: NAMES.sub, data: { match: { sub: NAMES.sub, cli: NAMES.cli }, cutoff: T0 + 1 } },
    ]);
    expect(facts(record)[0]!.data['match']).not.toHaveProperty('offline');
  });

  it('lockouts suspend the user, deletions fence user and client', () => {
    expect(facts(event('USER_DISABLED_BY_PERMANENT_LOCKOUT'))).toMatchObject([
      { type: 'subject.suspended', subject: NAMES.sub, data: { reasonId: 'permanent-lockout' } },
    ]);
    expect(facts(event('DELETE_ACCOUNT'))[0]).toMatchObject({
      type: 'fence.raised',
      data: { match: { sub: NAMES.sub } },
    });
    expect(facts(event('CLIENT_DELETE'))[0]).toMatchObject({
      type: 'fence.raised',
      data: { match: { cli: NAMES.cli } },
    });
  });

  it.each(['LOGIN', 'REGISTER', 'CODE_TO_TOKEN', 'toString', 'UPDATE_PASSWORD'])(
    '%s without a token is context',
    (type) => {
      expect(read(event(type)).kind).toBe('ignored');
    },
  );
});

describe('Keycloak: admin events', () => {
  const admin = (
    operationType: string,
    resourceType: string,
    resourcePath: string,
    fields: JsonObject = {},
  ): JsonObject => {
    return { id: 'a-1', time: T0, realmId: 'shop', operationType, resourceType, resourcePath, ...fields };
  };
  const sub = `sub(${ISSUER}, u-1)`;

  it.each([
    ['DELETE', 'USER', 'users/u-1', {}, { type: 'fence.raised', data: { match: { sub } } }],
    ['ACTION', 'USER', 'users/u-1/logout', {}, { type: 'fence.raised', data: { match: { sub, offline: false } } }],
    ['UPDATE', 'USER', 'users/u-1', { representation: '{"enabled": false}' }, { type: 'subject.suspended' }],
    ['UPDATE', 'USER', 'users/u-1', { representation: '{"enabled": true}' }, { type: 'subject.reinstated' }],
    ['DELETE', 'USER_LOGIN_FAILURE', 'attack-detection/brute-force/users/u-1', {}, { type: 'subject.reinstated' }],
    ['DELETE', 'USER_SESSION', 'sessions/s-1', {}, { type: 'fence.raised', subject: `ses(${ISSUER}, s-1)` }],
  ])('%s %s %s', (operation, resource, path, fields, expected) => {
    expect(facts(admin(operation, resource, path, fields))[0]).toMatchObject(expected);
  });

  it('others, and failed ones, are context', () => {
    expect(read(admin('UPDATE', 'CLIENT', 'clients/x')).kind).toBe('ignored');
    expect(read(admin('DELETE', 'USER', 'users/u-1', { error: 'forbidden' })).kind).toBe('ignored');
  });
});

describe('Keycloak: records', () => {
  it('detects its own records and no others', () => {
    expect(keycloak.detects(keycloak.sample)).toBe(true);
    expect(keycloak.detects({ time: 1, type: 'x', source: 'y' })).toBe(false);
    expect(keycloak.detects({ type: 'LOGIN', realmId: 'r', time: 1, specversion: '1.0' })).toBe(false);
  });

  it.each([
    ['time', { time: 'yesterday' }],
    ['time', { time: 7 }],
    ['userId', { userId: 'u\ud800' }],
    ['clientId', { clientId: 'c\u0000' }],
    ['details.token_id', { details: { token_id: 'a\ud800' } }],
    ['realmName', { realmName: null, realmId: null }],
  ])('rejects a record whose %s cannot be read', (field, fields) => {
    expect(read({ ...event('CODE_TO_TOKEN', { token_id: 'at-1' }), ...fields })).toMatchObject({
      kind: 'rejected',
      field,
    });
  });

  it('tells where a credential stood in clear', () => {
    const found = { path: 'details.access_token', place: 'body', kind: 'token' } as const;
    const using = readableContext(profileFor('keycloak'), [found]);
    expect(facts(event('CODE_TO_TOKEN', { token_id: 'at-1' }), using)[0]!.data['raw']).toEqual([
      'details.access_token',
    ]);
  });

  it('takes integers for names as their digits, flagged, and nothing else', () => {
    expect(facts(event('CODE_TO_TOKEN', { token_id: 42 }))[0]!.data).toMatchObject({
      jti: '42',
      notes: ['details.token_id:integer'],
    });
    expect(read(event('CODE_TO_TOKEN', { token_id: { a: 1 } })).kind).toBe('ignored');
  });

  it('gives a record without id the digest of its fields, and another content another digest', () => {
    const record = event('CODE_TO_TOKEN', { token_id: 'at-1' }, { id: null });
    const idOf = (each: JsonObject) => {
      const reading = read(each);
      return reading.kind === 'facts' ? reading.sourceId : '';
    };
    expect(idOf(record)).toMatch(/^[0-9a-f]{64}$/);
    expect(idOf({ ...record })).toBe(idOf(record));
    expect(idOf({ ...record, time: T0 + 1 })).not.toBe(idOf(record));
  });
});

describe('Keycloak: field cases', () => {
  it('case 1: the race and the theft are rotations and refusals of the presented tokens', () => {
    const drafts = caseRecords('01-refresh-race.keycloak.ndjson').map((record) => facts(record));
    expect(drafts.map((each) => each.map(({ type, data }) => `${type.slice(6)} ${data['jti']}`))).toEqual([
      ['issued at-01-1', 'issued rt-01-1'],
      ['rotated rt-01-1', 'issued at-01-2', 'issued rt-01-2'],
      ['rejected rt-01-1'],
      ['rejected rt-01-1'],
      ['rejected rt-01-2'],
      ['issued at-01-3', 'issued rt-01-3'],
      ['issued at-01-8', 'issued rt-01-8'],
      ['rotated rt-01-8', 'issued at-01-9', 'issued rt-01-9'],
      ['rejected rt-01-8'],
    ]);
    expect(drafts[2]![0]!.data['reason']).toBe('stale');
    expect(drafts[4]![0]!.data['reason']).toBe('session');
    expect(drafts[8]![0]!.names.net).toBe('net(203.0.113.0/24)');
    const families = new Set(drafts.flat().map((draft) => draft.names.fam));
    expect(families.size).toBe(3);
  });

  it('case 12: names of people are kept to the last code unit, and name nothing', () => {
    const readings = caseRecords('12-unicode.keycloak.ndjson').map((record) => read(record));
    const people = readings.map((reading) => (reading.kind === 'facts' ? reading.personal?.userName : undefined));
    expect(people).toEqual([
      'Zoë Łukasik',
      'Zoe\u0308 Łukasik',
      '山田 太郎 👩\u200d🚀',
      'admin\u202enimda',
      'lone\ud800surrogate',
      'nul\u0000byte',
    ]);
    expect(people[0]).not.toBe(people[1]);
    const issued = readings.flatMap(draftsOf).filter((draft) => draft.type === 'token.issued');
    expect(issued.map((draft) => draft.data['kind']).sort()).toEqual([
      ...Array(6).fill('access'),
      ...Array(6).fill('refresh'),
    ]);
  });

  it('every draft fits its schema', () => {
    const keyed = keyedContext(profileFor('keycloak'));
    const records = [...caseRecords('01-refresh-race.keycloak.ndjson'), ...caseRecords('12-unicode.keycloak.ndjson')];
    const more = [
      event('TOKEN_EXCHANGE', { token_id: 'x', subject_token_client_id: 'spa', audience: 'a' }),
      event('LOGOUT'),
      event('REVOKE_GRANT'),
      event('USER_DISABLED_BY_TEMPORARY_LOCKOUT'),
    ];
    for (const record of [...records, ...more]) expect(schemaFaults(facts(record, keyed))).toEqual([]);
  });
});
