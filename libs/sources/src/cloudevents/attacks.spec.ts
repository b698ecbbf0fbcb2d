import { describe, expect, it } from '@jest/globals';
import type { NameKind } from '#lifecycle';
import type { JsonObject, Reading } from '../adapter.js';
import { cloudevents } from '../cloudevents.js';
import { NOT_UNICODE } from '../claims.js';
import { draftsOf, keyedContext, profileFor } from '../testing.js';

const [A, B] = ['https://a.example.com/', 'https://b.example.com/'];
const SHA = 'ab'.repeat(32);
const gateway = keyedContext(profileFor('cloudevents'));
const issuer = keyedContext(profileFor('cloudevents', { authority: 'issuer', mayIssue: [A] }));
const operator = keyedContext(profileFor('cloudevents', { authority: 'operator' }));
const named = (kind: NameKind, of: string, id: string) => gateway.name(kind, of, id);

function event(type: string, data: JsonObject, fields: JsonObject = {}): JsonObject {
  const time = '2026-03-10T09:00:00Z';
  return { specversion: '1.0', id: 'e-1', source: '/a', type: `tallystick.${type}.v1`, time, data, ...fields };
}
const read = (record: JsonObject, context = gateway): Reading => cloudevents.read(record, context);
const refusal = (reading: Reading) => (reading.kind === 'rejected' ? reading.field : reading.kind);

describe('an issuer reaches no token of another issuer', () => {
  const own = { issuer: A, jti: 'a1', grant: 'g', subject: 'u' };
  const b1 = named('jti', B, 'b1');
  const [fam, sub, cli] = [named('fam', B, 'g'), named('sub', B, 'u'), named('cli', B, 'c')];
  const kid = named('kid', B, 'k');
  const ses = named('ses', B, 's');

  it.each<[string, string, string, JsonObject, JsonObject]>([
    ['a ready name without issuer', 'data.names.jti', 'token.revoked', { names: { jti: b1 } }, {}],
    ['a ready name beside its own issuer', 'data.names.jti', 'token.revoked', { issuer: A, names: { jti: b1 } }, {}],
    ['a ready name beside its own jti', 'data.names.jti', 'token.revoked', { ...own, names: { jti: b1 } }, {}],
    ['a family', 'data.names.fam', 'family.revoked', { issuer: A, names: { fam } }, {}],
    ['a family beside its own grant', 'data.names.fam', 'family.revoked', { ...own, names: { fam } }, {}],
    ['the subject attribute', 'subject', 'token.revoked', { issuer: A }, { subject: b1 }],
    ['the subject attribute beside its own jti', 'subject', 'token.revoked', own, { subject: b1 }],
    ['a person', 'data.names.sub', 'subject.suspended', { issuer: A, names: { sub } }, {}],
    ['a key', 'data.names.kid', 'key.compromised', { issuer: A, names: { kid } }, {}],
    ['a client', 'data.names.cli', 'fence.raised', { issuer: A, names: { cli } }, {}],
    ['a session', 'data.names.ses', 'fence.raised', { issuer: A, names: { ses } }, {}],
    ['what a fence matches', 'data.match.sub', 'fence.raised', { issuer: A, match: { sub } }, {}],
    ['a reported token', 'data.token', 'family.reusereported', { ...own, token: b1 }, {}],
    [
      'a reported token in fields',
      'data.token',
      'family.reusereported',
      { ...own, token: { issuer: B, jti: 'b' } },
      {},
    ],
    ['a successor', 'data.successor', 'token.rotated', { ...own, successor: b1 }, {}],
    ['a parent', 'data.parent', 'token.issued', { ...own, parent: { issuer: B, jti: 'b1' } }, {}],
    ['a family of an exchange', 'data.subjectFamily', 'token.exchanged', { ...own, subjectFamily: fam }, {}],
    ['a name under another kind', 'data.names.tok', 'token.revoked', { issuer: A, names: { tok: b1 } }, {}],
  ])('by %s', (_what, field, type, data, fields) => {
    expect(refusal(read(event(type, data, fields), issuer))).toBe(field);
  });

  it('but names its own, and tokens by digest; an exchange may begin elsewhere', () => {
    const a1 = named('jti', A, 'a1');
    const facts = (type: string, data: JsonObject, subject?: string) =>
      draftsOf(read(event(type, data, subject === undefined ? {} : { subject }), issuer))[0]!;
    expect(facts('token.revoked', { ...own, names: { jti: a1 } }, a1).names.jti).toBe(a1);
    expect(facts('token.rotated', { ...own, successor: { jti: 'a2' } }).data['successor']).toBe(named('jti', A, 'a2'));
    const tok = gateway.nameOfDigest(SHA)!;
    expect(facts('token.revoked', { names: { tok } }).names.tok).toBe(tok);
    const exchange = facts('token.exchanged', { ...own, subjectToken: { issuer: B, jti: 'b1' } });
    expect(exchange.data['subjectToken']).toBe(b1);
  });

  it('and an operator names whatever it means', () => {
    expect(draftsOf(read(event('token.revoked', { names: { jti: b1 } }), operator))[0]!.names).toEqual({ jti: b1 });
  });
});

describe('what nobody verified names nothing but the token itself', () => {
  const names = { jti: named('jti', B, 'b1'), fam: named('fam', B, 'g'), sub: named('sub', B, 'u') };
  const tok = gateway.nameOfDigest(SHA)!;

  it.each([
    ['an event that says so', gateway, false],
    ['a source that never verifies', keyedContext(profileFor('cloudevents', { claimsVerified: false })), true],
  ] as const)('%s', (_what, context, verified) => {
    const data = { verified, names: { ...names, tok }, parent: names.jti };
    const draft = draftsOf(read(event('token.observed', data, { subject: names.jti }), context))[0]!;
    expect(draft.names).toEqual({ tok });
    expect(draft.data).toMatchObject({ notes: ['names:unverified'] });
    expect(draft.data).not.toHaveProperty('parent');
  });

  it('a gateway that verified may give them', () => {
    expect(draftsOf(read(event('token.observed', { names })))[0]!.names).toEqual(names);
  });
});

describe('ids go before the ready names that a gateway made of them', () => {
  const spelled = 'https://B.example.com';
  const data = (issuerAs: string): JsonObject => ({
    issuer: issuerAs,
    jti: 'b1',
    names: { jti: named('jti', issuerAs, 'b1'), tok: gateway.nameOfDigest(SHA)! },
  });
  const namesUnder = (profile: Parameters<typeof profileFor>[1], issuerAs: string, subject?: string) => {
    const record = event('token.validated', data(issuerAs), subject === undefined ? {} : { subject });
    return draftsOf(read(record, keyedContext(profileFor('cloudevents', profile))))[0]!.names;
  };

  it('an issuer that the settings spell otherwise is theirs', () => {
    expect(namesUnder({ issuers: { [spelled]: B } }, spelled).jti).toBe(named('jti', B, 'b1'));
  });

  it.each([undefined, named('jti', B, 'b1')])('a jti that is not unique names nothing, subject %s', (subject) => {
    expect(namesUnder({ jti: 'perGrant' }, B, subject)).toEqual({ tok: gateway.nameOfDigest(SHA)! });
  });
});

describe('text that cannot be Unicode names nothing', () => {
  const deployed = { component: 'gateway', version: 'v1' };
  it.each<[string, JsonObject]>([
    ['data.component', event('deployment.activated', { ...deployed, component: 'a\ud800' })],
    ['data.component', event('deployment.activated', { ...deployed, component: 'a\u0000' })],
    ['data.source', event('source.closed', { source: 'a\ud800', watermark: 1 })],
    ['data.credential', event('token.observed', { credential: { system: 'a\ud800', id: 'c' } })],
    ['data.consumer', event('token.observed', { consumer: { system: 'k', id: 'a\u0000' } })],
    ['id', event('deployment.activated', deployed, { id: 'a\ud800' })],
    ['source', event('deployment.activated', deployed, { source: 'a\udc00' })],
    ['subject', event('deployment.activated', deployed, { subject: 'a\ud800' })],
  ])('%s', (field, record) => {
    expect(read(record)).toMatchObject({ kind: 'rejected', field, reason: NOT_UNICODE });
  });

  it('also where it stands for the issuer or system of another token', () => {
    const token = (value: JsonObject) => refusal(read(event('attestation.made', { statement: 's', token: value })));
    expect(token({ issuer: 'a\ud800', jti: 'j' })).toBe('data.token');
    expect(token({ credential: { system: 'a\ud800', id: 'c' } })).toBe('data.token');
  });
});

describe('nothing personal stays in clear', () => {
  const PERSONAL = {
    username: 'u-ada',
    userName: 'u-bea',
    preferred_username: 'u-cyd',
    email: 'u-dot@example.com',
    name: 'u-eve',
    ip: '192.0.2.1',
    ipAddress: '192.0.2.2',
    clientIp: '192.0.2.3',
    client_address: '192.0.2.4',
    remote_addr: '192.0.2.5',
    userAgent: 'u-agent/1',
    'user.name': 'u-fay',
    user: { name: { first: 'u-gia' }, emails: [{ Email: 'u-hal@example.com' }] },
  };

  it.each(['token.validated', 'device.enrolled'])('of a %s', (type) => {
    const reading = read(event(type, { issuer: A, jti: 'j', flavour: 'mint', ...structuredClone(PERSONAL) }));
    const clear = JSON.stringify(draftsOf(reading));
    expect(clear).not.toMatch(/u-[a-z]{3}|192\.0\.2/);
    expect(clear).toContain('mint');
    expect(reading).toMatchObject({
      personal: { email: 'u-dot@example.com', 'user.emails.0.Email': 'u-hal@example.com' },
    });
  });

  it('a subject that is no name, of a type that is unknown', () => {
    const [draft] = draftsOf(read(event('device.enrolled', { colour: 'red' }, { subject: 'ada@example.com' })));
    expect(draft!.subject).toBe('unnamed');
    expect(JSON.stringify(draft)).not.toContain('ada');
  });

  it.each<[string, JsonObject]>([
    ['token.observed', { names: { 'ada@example.com': 'x' } }],
    ['settings.declared', { settings: { 'ada@example.com': 1 } }],
    ['settings.declared', { settings: { sources: { 'ada-x': { format: 'ada@example.com' } } } }],
    ['settings.declared', { settings: { sources: { 'ada@example.com': { format: 'kong' } } } }],
    ['settings.declared', { settings: { gateways: { 'ada@example.com': { leeway: 'ada' } } } }],
    ['fence.raised', { match: { 'ada@example.com': 1 } }],
    ['deployment.declared', { component: 'c', version: 'v', contract: { 'ada@example.com': ['ada'] } }],
    ['token.observed', { issuer: A, jti: 'j', expiry: { kind: 'ada', raw: 'ada', unit: 's', flags: [] } }],
    ['token.observed', { issuer: A, jti: 'j', reason: 'ada' }],
  ])('the refusal of a %s: %j', (type, data) => {
    const reading = read(event(type, data), operator);
    if (reading.kind !== 'rejected') throw new Error('read');
    expect(`${reading.field} ${reading.reason}`).not.toContain('ada');
  });

  it('the refusal still says where and what, in the words of the schema', () => {
    const reading = read(
      event('settings.declared', { settings: { sources: { 'ada-x': { format: 'ftp' } } } }),
      operator,
    );
    expect(reading).toMatchObject({ field: 'data.settings.sources.*.format' });
    expect(read(event('token.observed', { names: { x: 1 } }))).toMatchObject({
      field: 'data.names',
      reason: 'has an unknown field',
    });
  });
});
