import { describe, expect, it } from '@jest/globals';
import { OBSERVATION_TYPES } from '#lifecycle';
import type { FoundCredential, JsonObject } from './adapter.js';
import { cloudevents } from './cloudevents.js';
import { redact } from './redact.js';
import { draftsOf, keyedContext, profileFor, readableContext, schemaFaults } from './testing.js';

const T0 = 1773133200000;
const ISS = 'https://login.example.com/';
const SHA = 'ab'.repeat(32);
const keyed = keyedContext(profileFor('cloudevents'));
const fam = keyed.name('fam', ISS, 'g-1');
const sub = keyed.name('sub', ISS, 'u-1');
const cli = keyed.name('cli', ISS, 'app');
const jti = (id: string) => keyed.name('jti', ISS, id);

function event(type: string, data: JsonObject = {}, fields: JsonObject = {}): JsonObject {
  const base = {
    specversion: '1.0',
    id: 'e-1',
    source: '/ops',
    type: `tallystick.${type}.v1`,
    time: '2026-03-10T09:00:00Z',
  };
  return { ...base, data, ...fields };
}
const read = (record: JsonObject, using = keyed) => cloudevents.read(record, using);
const fact = (record: JsonObject, using = keyed) => draftsOf(read(record, using))[0]!;

describe('CloudEvents: what an event is about', () => {
  it.each<[string, JsonObject, object]>([
    ['issuer and jti', { issuer: ISS, jti: 'j-1' }, { jti: jti('j-1') }],
    ['a digest', { token_sha256: SHA.toUpperCase() }, { tok: keyed.nameOfDigest(SHA)! }],
    ['a credential', { credential: { system: 'kong', id: 'c-1' } }, { cred: keyed.name('cred', 'kong', 'c-1') }],
    ['a consumer', { consumer: { system: 'kong', id: 'p' } }, { con: keyed.name('con', 'kong', 'p') }],
    ['a consumer of its own', { consumer: 'p' }, { con: keyed.name('con', 'cloudevents', 'p') }],
    ['ready names', { names: { jti: jti('j-1'), cli } }, { jti: jti('j-1'), cli }],
    [
      'everything at once',
      {
        issuer: ISS,
        jti: 'j-1',
        subject: 'u-1',
        client: 'app',
        session: 's',
        kid: 'k',
        grant: 'g-1',
        client_ip: '192.0.2.9',
      },
      {
        jti: jti('j-1'),
        sub,
        cli,
        fam,
        ses: keyed.name('ses', ISS, 's'),
        kid: keyed.name('kid', ISS, 'k'),
        net: keyed.name('net', '192.0.2.0/24'),
      },
    ],
    ['a whole payload', { payload: { iss: ISS, jti: 'j-1', sub: 'u-1' } }, { jti: jti('j-1'), sub }],
  ])('%s', (_what, data, names) => {
    expect(fact(event('token.validated', data)).names).toEqual(names);
  });

  it('the subject attribute counts where it is a name', () => {
    expect(fact(event('token.revoked', {}, { subject: jti('j-1') })).names).toEqual({ jti: jti('j-1') });
  });

  it('unverified claims name nothing', () => {
    const data = { issuer: ISS, jti: 'j-1', verified: false, token_sha256: SHA };
    expect(fact(event('token.observed', data)).names).toEqual({ tok: keyed.nameOfDigest(SHA) });
    const untrusted = keyedContext(profileFor('cloudevents', { claimsVerified: false }));
    expect(read(event('token.observed', { issuer: ISS, jti: 'j-1' }), untrusted)).toMatchObject({
      kind: 'rejected',
      field: 'data',
    });
  });

  it('a token in clear is named, told of, and gone', () => {
    const record = event('token.observed', { access_token: 'opaque-secret-1' });
    const name = keyed.nameOfDigest(SHA)!;
    const { credentials } = redact(record, () => name, cloudevents.redaction);
    const draft = fact(record, keyedContext(profileFor('cloudevents'), credentials));
    expect(draft).toMatchObject({ names: { tok: name }, data: { raw: ['data.access_token'] } });
    expect(JSON.stringify([record, draft])).not.toContain('opaque-secret-1');
  });

  it('a refresh token and an API key in clear also tell their kind', () => {
    const of = (path: string) => {
      const credentials: FoundCredential[] = [{ path, place: 'body', kind: 'token', name: keyed.nameOfDigest(SHA)! }];
      return fact(event('token.observed'), keyedContext(profileFor('cloudevents'), credentials)).data['kind'];
    };
    expect([of('data.refresh_token'), of('data.api_key'), of('data.access_token')]).toEqual([
      'refresh',
      'apiKey',
      undefined,
    ]);
  });

  it('personal fields go into the box and nowhere else', () => {
    const data = {
      issuer: ISS,
      jti: 'j-1',
      subject: 'u-1',
      user_name: 'Ada \ud800',
      user_agent: 'app/1.2',
      client_ip: '192.0.2.9',
    };
    const reading = read(event('token.validated', data));
    expect(reading).toMatchObject({
      personal: { userName: 'Ada \ud800', agent: 'app/1.2', address: '192.0.2.9', subject: 'u-1' },
    });
    const clear = JSON.stringify(draftsOf(reading));
    for (const secret of ['Ada', 'app/1.2', '192.0.2.9', 'u-1']) expect(clear).not.toContain(secret);
    expect(draftsOf(reading)[0]!.data['agent']).toBe('app');
  });

  it('other tokens are referred to by name, by jti at the same issuer, by digest or credential', () => {
    const data = {
      issuer: ISS,
      jti: 'j-2',
      parent: jti('j-1'),
      subjectToken: { jti: 'j-0' },
      actorToken: { token_sha256: SHA },
    };
    expect(fact(event('token.exchanged', data)).data).toMatchObject({
      parent: jti('j-1'),
      subjectToken: jti('j-0'),
      actorToken: keyed.nameOfDigest(SHA),
    });
    const byGrant = fact(event('token.exchanged', { issuer: ISS, jti: 'j-2', subjectGrant: 'g-1' }));
    expect(byGrant.data['subjectFamily']).toBe(fam);
    expect(byGrant.names).not.toHaveProperty('fam');
  });
});

describe('CloudEvents: facts', () => {
  const about = { issuer: ISS, jti: 'j-1' };

  it.each<[string, JsonObject, string | undefined]>([
    ['token.revoked', about, jti('j-1')],
    ['token.renamed', { from: jti('old'), to: jti('new') }, jti('old')],
    ['token.aliased', { ...about, token_sha256: SHA, pair: 'jti-tok' }, jti('j-1')],
    ['family.revoked', { issuer: ISS, grant: 'g-1' }, fam],
    ['family.reusereported', { issuer: ISS, grant: 'g-1', token: { jti: 'j-1' } }, fam],
    ['subject.suspended', { issuer: ISS, subject: 'u-1', reasonId: 'r' }, sub],
    ['subject.erased', { names: { sub } }, sub],
    ['fence.raised', { issuer: ISS, subject: 'u-1' }, sub],
    ['key.compromised', { issuer: ISS, kid: 'k' }, keyed.name('kid', ISS, 'k')],
    ['deployment.declared', { component: 'gateway', version: 'v42', contract: { kids: ['k'] } }, 'gateway'],
    ['deployment.activated', { component: 'gateway', version: 'v42', gateway: 'gw-a', weight: 0.1 }, 'gateway'],
    ['deployment.weighted', { component: 'gateway', version: 'v42', weight: 1 }, 'gateway'],
    ['deployment.deactivated', { component: 'gateway', version: 'v42' }, 'gateway'],
    ['deployment.rolledback', { component: 'gateway', from: 'v42', to: 'v41' }, 'gateway'],
    ['settings.declared', { settings: { sources: { kong: { format: 'kong' } } } }, 'settings'],
    ['source.gap', { source: 'kong', from: '2026-03-10T09:00:00Z' }, 'kong'],
    ['source.closed', { source: 'kong', watermark: T0 }, 'kong'],
    ['source.distrusted', { source: 'kong', by: ['ada', 'bob'] }, 'kong'],
    ['attestation.made', { statement: 'false revocation', token: { issuer: ISS, jti: 'j-1' } }, jti('j-1')],
    ['attestation.made', { statement: 'drill' }, 'settings'],
    ['legalhold.placed', { hold: 'h-1', issuer: ISS, subject: 'u-1' }, 'settings'],
    ['legalhold.released', { hold: 'h-1' }, 'settings'],
  ])('%s', (type, data, subject) => {
    const draft = fact(event(type, data));
    expect(draft).toMatchObject({ type, time: T0, subject });
    expect(schemaFaults([draft])).toEqual([]);
  });

  it('every observation of a token can be stated', () => {
    const special = new Set(['token.aliased', 'token.renamed']);
    for (const type of OBSERVATION_TYPES.filter((each) => each.startsWith('token.') && !special.has(each))) {
      expect(fact(event(type, about)).type).toBe(type);
    }
  });

  it('a fence matches what the event identifies, up to its own time, or what it is told', () => {
    const data = fact(event('fence.raised', { issuer: ISS, subject: 'u-1', client: 'app', offline: false })).data;
    expect(data).toMatchObject({ cutoff: T0 + 1, match: { sub, cli, offline: false } });
    const told = fact(event('fence.raised', { cutoff: '2026-03-10T08:00:00Z', match: { cli } })).data;
    expect(told).toMatchObject({ cutoff: T0 - 3_600_000, match: { cli } });
    expect(read(event('fence.raised', { tokenKind: 'access' }))).toMatchObject({
      kind: 'rejected',
      field: 'data.match',
    });
  });

  it('a legal hold on a subject names the subject', () => {
    expect(fact(event('legalhold.placed', { hold: 'h-1', issuer: ISS, subject: 'u-1' })).data['sub']).toBe(sub);
  });

  it('where a token was seen stands beside the data; a deployment keeps its scope in it', () => {
    const seen = fact(
      event('token.validated', { ...about, version: 'v41', gateway: 'gw-a', region: 'eu', api: 'orders' }),
    );
    expect(seen).toMatchObject({ version: 'v41', gateway: 'gw-a', region: 'eu', api: 'orders' });
    expect(seen.data).not.toHaveProperty('version');
    const deployed = fact(event('deployment.activated', { component: 'gateway', version: 'v41', gateway: 'gw-a' }));
    expect(deployed.version).toBeUndefined();
    expect(deployed.data).toMatchObject({ version: 'v41', gateway: 'gw-a' });
  });

  it('claims are read as those of a JWT', () => {
    const data = fact(event('token.issued', { ...about, exp: 1773136800, aud: ['b', 'a'], scope: 'x y' })).data;
    expect(data).toMatchObject({
      expiry: { kind: 'at', at: T0 + 3_600_000 },
      audiences: { kind: 'set', values: ['a', 'b'] },
      scopes: ['x', 'y'],
    });
  });

  it('unknown fields are kept', () => {
    expect(fact(event('token.issued', { ...about, flavour: 'mint' })).data['flavour']).toBe('mint');
  });
});

describe('CloudEvents: what is refused', () => {
  it.each<[string, string, JsonObject, JsonObject]>([
    ['type', 'com.example.thing', {}, { type: 'com.example.thing' }],
    ['type', 'a later version', {}, { type: 'tallystick.token.issued.v2' }],
    ['type', 'a conclusion', {}, { type: 'tallystick.finding.opened.v1' }],
    ['specversion', 'another version of CloudEvents', {}, { specversion: '0.3' }],
    ['id', 'no id', {}, { id: '' }],
    ['source', 'no source', {}, { source: null }],
    ['time', 'no time', {}, { time: null }],
    ['time', 'a day that does not exist', {}, { time: '2026-02-30T00:00:00Z' }],
    ['time', 'no zone', {}, { time: '2026-03-10T09:00:00' }],
    ['data', 'data that is text', {}, { data: 'x' }],
    ['data', 'nothing that it is about', {}, {}],
    [
      'data.token_sha256',
      'the digest of nothing',
      { token_sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' },
      {},
    ],
    ['data.names.jti', 'a name that is none', { names: { jti: 'x' } }, {}],
    ['data.jti', 'a name that is no text', { issuer: ISS, jti: 'a\ud800' }, {}],
    ['data.issuer', 'a grant without issuer', { grant: 'g' }, {}],
    ['data.credential', 'a bare credential', { credential: 'x' }, {}],
    ['data.status', 'a status that is no number', { issuer: ISS, jti: 'j', status: 'ok' }, {}],
    [
      'data.expiry.kind',
      'an expiry of an unknown kind',
      { issuer: ISS, jti: 'j', expiry: { kind: 'x', raw: null, unit: 's', flags: [] } },
      {},
    ],
  ])('%s: %s', (field, _what, data, fields) => {
    expect(read(event('token.observed', data, fields))).toMatchObject({ kind: 'rejected', field });
  });

  it('unknown types can be redriven when they are known, broken ones cannot', () => {
    expect(read(event('token.issued', {}, { type: 'com.example.thing' }))).toMatchObject({ redrivable: true });
    expect(read(event('token.issued', {}, { type: 'tallystick.token.issued.v2' }))).toMatchObject({ redrivable: true });
    expect(read(event('token.issued', {}))).toMatchObject({ redrivable: false });
  });

  it('an unknown tallystick type is kept', () => {
    expect(fact(event('device.enrolled', { issuer: ISS, jti: 'j-1', colour: 'red' }))).toMatchObject({
      type: 'device.enrolled',
      subject: jti('j-1'),
      data: { colour: 'red' },
    });
    expect(fact(event('device.enrolled', {}, { subject: 'device 7' })).subject).toBe('unnamed');
  });

  it('a raw token where a reference belongs is refused and wiped', () => {
    const record = event('attestation.made', { statement: 's', token: 'opaque-secret-1' });
    expect(read(record)).toMatchObject({ kind: 'rejected', field: 'data.token' });
    expect(JSON.stringify(record)).not.toContain('opaque-secret-1');
  });
});

describe('CloudEvents: records', () => {
  it('detects its own records, and leaves CDEvents alone', () => {
    expect(cloudevents.detects(cloudevents.sample)).toBe(true);
    expect(cloudevents.detects({ specversion: '1.0', type: 'dev.cdevents.service.deployed.0.3.0' })).toBe(false);
  });

  it('source and id identify; the order of keys does not matter, other content does', () => {
    const keysOf = (record: JsonObject) => {
      const reading = read(record);
      return reading.kind === 'facts' ? [reading.sourceId, ...reading.dedupe] : [];
    };
    const a = keysOf(event('token.revoked', { issuer: ISS, jti: 'j-1' }));
    expect(a[0]).toBe('/ops\ne-1');
    expect(keysOf(event('token.revoked', { jti: 'j-1', issuer: ISS }))).toEqual(a);
    expect(keysOf(event('token.revoked', { issuer: ISS, jti: 'j-2' }))).not.toEqual(a);
  });

  it('reads under readable names too', () => {
    expect(
      fact(event('token.revoked', { issuer: ISS, jti: 'j-1' }), readableContext(profileFor('cloudevents'))).names.jti,
    ).toContain('j-1');
  });
});
