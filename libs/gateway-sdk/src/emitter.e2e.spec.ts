import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { createEmitter } from './emit/create-emitter.js';
import type { EmitterOptions } from './emit/options.js';
import type { Authority } from './events/vocabulary.js';
import type { Rejection } from './send/transport.js';
import { startProduct, type ExportedFact, type Running } from './testing.js';
import { TokenNaming } from './naming.js';
import { readTokenSecret } from './token-secret.js';

const ISS = 'https://idp.example.com/realms/shop';
const SETTINGS = {
  sources: {
    edge: { format: 'cloudevents', authority: 'gateway' },
    idp: { format: 'cloudevents', authority: 'issuer', mayIssue: [ISS] },
    ci: { format: 'cloudevents', authority: 'deployer' },
    ops: { format: 'cloudevents', authority: 'operator' },
  },
};
const SOURCES: Record<Authority, string> = { gateway: 'edge', issuer: 'idp', deployer: 'ci', operator: 'ops' };
const now = Date.parse('2026-03-10T09:00:00Z');
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

let product: Running;
let names: TokenNaming;
let rejections: Rejection[];
let refused: string[];
beforeAll(async () => {
  product = await startProduct(SETTINGS);
  names = new TokenNaming(readTokenSecret(product.tokenSecret));
});
afterAll(() => product.close());

function emitterOf<A extends Authority>(authority: A, options: Partial<EmitterOptions<A>> = {}) {
  rejections = [];
  refused = [];
  const { url, bearer, tokenSecret } = product;
  return createEmitter({
    ...{ authority, source: SOURCES[authority], url, bearer, tokenSecret, version: 'v42', gateway: 'gw-a' },
    region: 'eu',
    onRejected: (rejection) => rejections.push(rejection),
    onRefused: (why) => refused.push(why),
    ...options,
  });
}

let before = 0;
/** The facts that came since it was asked last. */
async function newFacts(): Promise<ExportedFact[]> {
  const all = await product.facts();
  const fresh = all.slice(before);
  before = all.length;
  return fresh;
}

async function tell<A extends Authority>(
  authority: A,
  say: (emitter: ReturnType<typeof emitterOf<A>>) => void,
  options: Partial<EmitterOptions<A>> = {},
): Promise<ExportedFact[]> {
  await newFacts();
  const emitter = emitterOf(authority, options);
  say(emitter);
  expect(await emitter.close(5_000)).toEqual({ undelivered: 0 });
  expect([rejections, refused]).toEqual([[], []]);
  return newFacts();
}
const typesOf = (facts: ExportedFact[]): string[] =>
  facts.map(({ type }) => type.slice('tallystick.'.length, -'.v1'.length)).sort();

const clean = (fact: object): unknown => JSON.parse(JSON.stringify(fact));

const claims = (jti: string) => ({
  ...{ iss: ISS, sub: 'u-1', jti, aud: ['orders', 'api'], client_id: 'app', scope: 'read write' },
  ...{ iat: now / 1000 - 10, exp: now / 1000 + 300, email: 'ada@example.com', act: { sub: 'svc', act: { sub: 'x' } } },
});
const header = { alg: 'RS256', kid: 'k-1', typ: 'at+jwt' };

describe('a gateway tells the intake', () => {
  it('a use of a JWT: named by jti and token, with its claims, and where it was seen', async () => {
    const facts = await tell('gateway', (emitter) =>
      emitter.validated({
        token: 'raw-token-1',
        claims: claims('j-1'),
        header,
        status: 200,
        clientIp: '192.0.2.9',
        at: now,
      }),
    );
    expect(typesOf(facts)).toEqual(['token.aliased', 'token.aliased', 'token.validated']);
    const use = facts.find(({ type }) => type.includes('validated'))!;
    expect(use.names).toMatchObject({
      jti: names.jti(ISS, 'j-1'),
      tok: names.tok(sha256('raw-token-1')),
      kid: names.kid(ISS, 'k-1'),
      sub: expect.any(String),
      cli: expect.any(String),
      net: expect.any(String),
    });
    expect(use).toMatchObject({ version: 'v42', gateway: 'gw-a', region: 'eu', source: 'edge' });
    expect(use.data).toMatchObject({
      ...{ issuer: ISS, jti: 'j-1', verified: true, form: 'jwt', status: 200, alg: 'RS256', typ: 'at+jwt' },
      ...{ kind: 'access', audiences: { kind: 'set', values: ['api', 'orders'] }, scopes: ['read', 'write'] },
      ...{ expiry: { kind: 'at', at: now + 300_000 }, iat: now - 10_000, actorDepth: 2 },
      claims: ['act', 'aud', 'client_id', 'email', 'exp', 'iat', 'iss', 'jti', 'scope', 'sub'],
    });
    expect(JSON.stringify(use)).not.toMatch(/ada@|raw-token/);
  });

  it('a refusal: by the token alone unless somebody verified it, with reason and class', async () => {
    const facts = await tell('gateway', (emitter) => {
      emitter.rejected({ token: 'raw-token-2', claims: claims('j-2'), reason: 'signature', status: 401 });
      emitter.rejected({ token: 'raw-token-3', claims: claims('j-3'), verified: true, reason: 'scope', status: 403 });
    });
    const [unverified, verified] = facts.filter(({ type }) => type.includes('rejected'));
    expect(unverified!.names).toEqual({ tok: names.tok(sha256('raw-token-2')) });
    expect(unverified!.data).toEqual({ verified: false, reason: 'signature', status: 401, class: 'who' });
    expect(verified!.names.jti).toBe(names.jti(ISS, 'j-3'));
    expect(verified!.data).toMatchObject({ reason: 'scope', class: 'may' });
  });

  it('an API key: as the credential that it is', async () => {
    const facts = await tell('gateway', (emitter) =>
      emitter.validated({ apiKey: 'weak-key-1', credential: { system: 'kong', id: 'c-1' }, consumer: 'partner' }),
    );
    const use = facts.find(({ type }) => type.includes('validated'))!;
    expect(use.names).toMatchObject({ cred: names.cred('kong', 'c-1'), tok: names.tok(sha256('weak-key-1')) });
    expect(use.data['kind']).toBe('apiKey');
    expect(typesOf(facts)).toContain('token.aliased');
  });

  it('each of its events, with the authority that it has', async () => {
    const facts = await tell('gateway', (emitter) => {
      emitter.observed({ token: 'raw-token-4' });
      emitter.consumed({ token: 'raw-token-4', claims: claims('j-4') });
      emitter.sourceGap({ from: now, to: now + 1, count: 3 });
      emitter.sourceClosed({ watermark: now });
    });
    expect(typesOf(facts)).toEqual(
      ['source.closed', 'source.gap', 'token.aliased', 'token.aliased', 'token.consumed', 'token.observed'].sort(),
    );
    expect(facts.find(({ type }) => type.includes('gap'))!.data).toEqual({
      source: 'edge',
      from: now,
      to: now + 1,
      lost: 3,
    });
  });

  it('without a token secret: tokens by their SHA-256, and never a plain digest of a key', async () => {
    await newFacts();
    const { url, bearer } = product;
    refused = [];
    const bodies: string[] = [];
    const emitter = createEmitter({
      ...{ authority: 'gateway', source: 'edge', url, bearer, onRefused: (why) => refused.push(why) },
      fetch: (address, init) => (bodies.push(String(init?.body)), fetch(address, init)),
    });
    emitter.validated({ token: 'raw-token-5' });
    emitter.validated({ apiKey: 'weak-key-2', credential: { system: 'kong', id: 'c-2' } });
    emitter.validated({ apiKey: 'weak-key-3' });
    await emitter.close();
    const facts = await newFacts();
    expect(facts.map(({ names: shown }) => shown)).toEqual([
      { tok: names.tok(sha256('raw-token-5')) },
      { cred: names.cred('kong', 'c-2') },
    ]);
    expect(bodies.join()).not.toContain(sha256('weak-key-2'));
    expect(refused).toEqual([expect.stringContaining('only a token secret or a credential id can name')]);
  });
});

describe('an issuer tells the intake', () => {
  const token = { issuer: ISS, jti: 'i-1', grant: 'g-1', subject: 'u-1', client: 'app' };
  it('each of its events, about its own tokens, families, subjects and keys', async () => {
    const facts = await tell('issuer', (emitter) => {
      emitter.issued({
        ...token,
        kind: 'refresh',
        exp: now / 1000 + 60,
        iat: now / 1000,
        parent: { issuer: ISS, jti: 'i-0' },
      });
      emitter.renewed({ ...token });
      emitter.rotated({ ...token, successor: { issuer: ISS, jti: 'i-2' } });
      emitter.exchanged({ ...token, jti: 'i-3', subjectToken: { issuer: ISS, jti: 'i-1' } });
      emitter.exchanged({ ...token, jti: 'i-4', subjectGrant: 'g-1' });
      emitter.expired({ ...token });
      emitter.revoked({ ...token, cause: 'logout' });
      emitter.compromised({ ...token });
      emitter.reissued({ ...token });
      emitter.familyRevoked({ issuer: ISS, grant: 'g-1', cause: 'logout' });
      emitter.reuseReported({ issuer: ISS, grant: 'g-1', token: { issuer: ISS, jti: 'i-1' } });
      emitter.subjectSuspended({ issuer: ISS, subject: 'u-1', reasonId: 'r' });
      emitter.subjectReinstated({ issuer: ISS, subject: 'u-1', reasonId: 'r' });
      emitter.fenceRaised({ issuer: ISS, subject: 'u-1', client: 'app', cutoff: now });
      emitter.keyPublished({ issuer: ISS, kid: 'k-1', alg: 'RS256' });
      emitter.keyActivated({ issuer: ISS, kid: 'k-1' });
      emitter.keyRetired({ issuer: ISS, kid: 'k-1' });
      emitter.keyRemoved({ issuer: ISS, kid: 'k-1', distrusted: true });
      emitter.keyCompromised({ issuer: ISS, kid: 'k-1' });
    });
    expect(typesOf(facts)).toEqual(
      `token.issued token.renewed token.rotated token.exchanged token.exchanged token.expired token.revoked
      token.compromised token.reissued family.revoked family.reusereported subject.suspended subject.reinstated
      fence.raised key.published key.activated key.retired key.removed key.compromised`
        .split(/\s+/)
        .sort(),
    );
    const of = (type: string): ExportedFact => facts.find((fact) => fact.type.includes(type))!;
    expect(of('token.issued').names).toMatchObject({ jti: names.jti(ISS, 'i-1'), fam: names.fam(ISS, 'g-1') });
    expect(of('token.issued').data).toMatchObject({ parent: names.jti(ISS, 'i-0'), grant: 'g-1', kind: 'refresh' });
    expect(of('token.rotated').data['successor']).toBe(names.jti(ISS, 'i-2'));
    expect(of('token.exchanged').data['subjectToken']).toBe(names.jti(ISS, 'i-1'));
    expect(of('reusereported').data['token']).toBe(names.jti(ISS, 'i-1'));
    expect(of('fence.raised').data).toMatchObject({ cutoff: now });
    expect(of('key.removed').data['distrusted']).toBe(true);
  });

  it('and what it said is so: revoked there, revoked here', async () => {
    const answer = await product.tally.ask('token.show', { tenant: 'default', issuer: ISS, jti: 'i-1' });
    expect(answer.kind === 'value' && answer.value).toMatchObject({
      status: 'compromised',
      parent: names.jti(ISS, 'i-0'),
    });
  });
});

describe('a deployer and an operator tell the intake', () => {
  it('versions, with component, version and gateway of the emitter', async () => {
    const facts = await tell('deployer', (emitter) => {
      emitter.deploymentDeclared({ contract: { kids: ['k-1'] } });
      emitter.deploymentActivated({ weight: 0.1, at: now });
      emitter.deploymentWeighted({ weight: 1 });
      emitter.deploymentDeactivated({ version: 'v41' });
      emitter.deploymentRolledBack({ from: 'v42', to: 'v41' });
    });
    expect(facts.map(({ data, version, gateway, region }) => clean({ ...data, version, gateway, region }))).toEqual([
      { component: 'gateway', version: 'v42', contract: { kids: ['k-1'] } },
      { component: 'gateway', version: 'v42', gateway: 'gw-a', region: 'eu', weight: 0.1 },
      { component: 'gateway', version: 'v42', gateway: 'gw-a', region: 'eu', weight: 1 },
      { component: 'gateway', version: 'v41', gateway: 'gw-a', region: 'eu' },
      { component: 'gateway', from: 'v42', to: 'v41', gateway: 'gw-a', region: 'eu' },
    ]);
  });

  it('a suspension by reason, and its end', async () => {
    const facts = await tell('operator', (emitter) => {
      emitter.suspended({ issuer: ISS, jti: 'o-1', reasonId: 'case-7' });
      emitter.reinstated({ issuer: ISS, jti: 'o-1', reasonId: 'case-7' });
      emitter.familyRevoked({ issuer: ISS, grant: 'g-9' });
      emitter.suspended({ token: 'raw-token-9' });
    });
    expect(typesOf(facts)).toEqual(['family.revoked', 'token.reinstated', 'token.suspended', 'token.suspended']);
    expect(facts[0]!.names['jti']).toBe(names.jti(ISS, 'o-1'));
  });
});

describe('what the intake does not take', () => {
  it('is told to the callback, with the event that it was, and not sent again', async () => {
    const emitter = emitterOf('gateway');
    emitter.validated({ issuer: ISS, jti: 'bad\ud800', id: 'mine-1' });
    emitter.validated({ token: 'raw-token-6', id: 'mine-2' });
    await emitter.close();
    expect(rejections).toEqual([
      {
        id: 'mine-1',
        type: 'token.validated',
        field: 'data.jti',
        reason: expect.any(String),
        deadLetter: expect.any(String),
      },
    ]);
    expect(emitter.stats()).toMatchObject({ emitted: 2, accepted: 1, rejected: 1, batches: 1, retries: 0 });
  });

  it('an event told twice under one id is one', async () => {
    const emitter = emitterOf('gateway');
    for (let i = 0; i < 2; i++) emitter.validated({ token: 'raw-token-7', id: 'mine-3', at: now });
    await emitter.close();
    expect(emitter.stats()).toMatchObject({ accepted: 1, duplicates: 1 });
  });
});
