import { beforeAll, describe, expect, it } from '@jest/globals';
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { calculateJwkThumbprint, exportJWK, exportSPKI, generateKeyPair, SignJWT, UnsecuredJWT, type JWK } from 'jose';
import type { TokenRefusal, TokenUse } from '../events/inputs.js';
import { TokenNaming } from '../naming.js';
import { ManualClock } from '../testing.js';
import { readTokenSecret } from '../token-secret.js';
import { EndedList } from './ended.js';
import type { Judgement, Refused } from './judgement.js';
import type { VerifierOptions } from './options.js';
import type { PresentedRequest } from './request.js';
import { createVerifier } from './verifier.js';

const ISS = 'https://idp.example.com/realms/shop';
const now = Date.parse('2026-03-10T09:00:00Z');
const seconds = now / 1000;
const tokenSecret = { version: 0, token: Buffer.alloc(32, 7) };
const names = new TokenNaming(readTokenSecret(tokenSecret));
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

type Keys = Awaited<ReturnType<typeof generateKeyPair>>;
let keys: Keys;
let other: Keys;
let jwks: { keys: JWK[] };
let publicPem: string;
beforeAll(async () => {
  keys = await generateKeyPair('ES256', { extractable: true });
  other = await generateKeyPair('ES256', { extractable: true });
  jwks = { keys: [{ ...(await exportJWK(keys.publicKey)), kid: 'k-1', alg: 'ES256', use: 'sig' }] };
  publicPem = await exportSPKI(keys.publicKey);
});

const sign = (claims: object = {}, header: object = {}, key: Keys['privateKey'] = keys.privateKey): Promise<string> =>
  new SignJWT({
    iss: ISS,
    aud: 'orders',
    sub: 'u-1',
    jti: 'j-1',
    scope: 'read',
    iat: seconds,
    exp: seconds + 300,
    ...claims,
  })
    .setProtectedHeader({ alg: 'ES256', kid: 'k-1', typ: 'at+jwt', ...header })
    .sign(key);

interface Told {
  validated: TokenUse[];
  rejected: TokenRefusal[];
}
function verifierOf(options: Partial<VerifierOptions> = {}, issuer: object = {}) {
  const told: Told = { validated: [], rejected: [] };
  const verifier = createVerifier({
    issuers: { [ISS]: { jwks, audiences: ['orders'], algorithms: ['ES256'], typ: 'at+jwt', ...issuer } },
    clock: new ManualClock(now),
    tokenSecret,
    emitter: { validated: (use) => told.validated.push(use), rejected: (refusal) => told.rejected.push(refusal) },
    ...options,
  });
  const bearer = (token: string, scopes: string[] = [], more: Partial<PresentedRequest> = {}): Promise<Judgement> =>
    verifier.check({ headers: { authorization: `Bearer ${token}` }, ...more }, { scopes });
  return { verifier, told, bearer };
}
const refusal = (judgement: Judgement): Refused => {
  if (judgement.ok) throw new Error('passed');
  return judgement;
};

describe('a JWT', () => {
  it('that is good passes with claims, scopes and names, and is told as validated', async () => {
    const { bearer, told } = verifierOf({}, { grantOf: ({ sid }: Record<string, unknown>) => sid as string });
    const token = await sign({ sid: 's-1' });
    expect(await bearer(token, ['read'], { api: 'orders', clientIp: '192.0.2.9' })).toMatchObject({
      ...{ ok: true, kind: 'jwt', scopes: ['read'], name: names.jti(ISS, 'j-1') },
      names: { tok: names.tok(sha256(token)), fam: names.fam(ISS, 's-1'), kid: names.kid(ISS, 'k-1') },
      claims: { sub: 'u-1' },
    });
    expect(told).toMatchObject({
      rejected: [],
      validated: [{ token, claims: { jti: 'j-1' }, header: { kid: 'k-1' }, api: 'orders', clientIp: '192.0.2.9' }],
    });
  });

  const now1 = seconds;
  it.each<[string, () => Promise<string>, string, boolean]>([
    ['expired', () => sign({ exp: now1 }), 'expired', true],
    ['of the future', () => sign({ nbf: now1 + 60 }), 'not-yet-valid', true],
    ['for another audience', () => sign({ aud: ['billing'] }), 'audience', true],
    ['without audience', () => sign({ aud: undefined }), 'audience', true],
    ['without exp', () => sign({ exp: undefined }), 'malformed', true],
    ['of another type', () => sign({}, { typ: 'JWT' }), 'other', true],
    ['of an unknown key', () => sign({}, { kid: 'k-9' }, other.privateKey), 'kid', false],
    ['signed by somebody else', () => sign({}, {}, other.privateKey), 'signature', false],
    ['of another issuer', () => sign({ iss: 'https://evil.example.com' }), 'issuer', false],
    ['of an issuer spelled otherwise', () => sign({ iss: `${ISS}/` }), 'issuer', false],
    ['of an issuer called __proto__', () => sign({ iss: '__proto__' }), 'issuer', false],
    ['without issuer', () => sign({ iss: undefined }), 'issuer', false],
    ['that is cut', async () => (await sign()).slice(0, 60), 'malformed', false],
    ['that is none', async () => 'opaque', 'malformed', false],
    [
      'with alg none',
      async () => new UnsecuredJWT({ iss: ISS, aud: 'orders', exp: now1 + 60 }).encode(),
      'algorithm',
      false,
    ],
    ['with the public key as shared secret', async () => hmacWithPublicKey(), 'algorithm', false],
    ['that wants an extension', () => sign({}, { crit: ['x'], x: 1 }).catch(() => withCrit()), 'algorithm', false],
  ])('%s is refused', async (_what, make, reason, attested) => {
    const { bearer, told } = verifierOf();
    const token = await make();
    const refused = refusal(await bearer(token));
    expect(refused).toMatchObject({ status: 401, error: 'invalid_token', reason });
    expect(refused.wwwAuthenticate).toMatch(/^Bearer realm="api", error="invalid_token", error_description="[^"\\]+"/);
    expect(JSON.stringify({ ...refused })).not.toMatch(/idp\.example|orders|k-1|u-1/);
    const [told1] = told.rejected;
    expect([told1?.token, told1?.reason, told1?.status]).toEqual([token, reason, 401]);
    // Claims are told only where the signature was good.
    expect(told1?.verified === true).toBe(attested);
    expect(told1?.claims !== undefined).toBe(attested);
  });

  function hmacWithPublicKey(): string {
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const input = `${part({ alg: 'HS256', kid: 'k-1', typ: 'at+jwt' })}.${part({ iss: ISS, aud: 'orders', exp: seconds + 60 })}`;
    return `${input}.${createHmac('sha256', publicPem).update(input).digest('base64url')}`;
  }
  async function withCrit(): Promise<string> {
    const [, payload, signature] = (await sign()).split('.');
    const header = Buffer.from(JSON.stringify({ alg: 'ES256', kid: 'k-1', crit: ['x'], x: 1 })).toString('base64url');
    return `${header}.${payload}.${signature}`;
  }

  it('within the leeway still counts, and no longer', async () => {
    const { bearer } = verifierOf({ leewayMs: 5_000 });
    expect((await bearer(await sign({ exp: seconds - 4 }))).ok).toBe(true);
    expect((await bearer(await sign({ exp: seconds - 5 }))).ok).toBe(false);
  });

  it('with too few scopes is refused 403, with those that are needed', async () => {
    const { bearer, told } = verifierOf();
    const refused = refusal(await bearer(await sign(), ['read', 'write "all"']));
    expect(refused).toMatchObject({ status: 403, error: 'insufficient_scope', reason: 'scope' });
    expect(refused.wwwAuthenticate).toContain('scope="read write \\"all\\""');
    expect(told.rejected).toMatchObject([{ reason: 'scope', status: 403, verified: true }]);
  });

  it.each(['jti', 'tok', 'kid', 'fam'] as const)('whose %s is on the ended list is refused', async (kind) => {
    const ended = new EndedList();
    const { bearer } = verifierOf({ ended }, { grantOf: () => 'g-1' });
    const token = await sign();
    const all = {
      jti: names.jti(ISS, 'j-1'),
      tok: names.tok(sha256(token)),
      kid: names.kid(ISS, 'k-1'),
      fam: names.fam(ISS, 'g-1'),
    };
    expect((await bearer(token)).ok).toBe(true);
    ended.add(all[kind]);
    expect(refusal(await bearer(token))).toMatchObject({ status: 401, error: 'invalid_token', reason: 'inactive' });
    ended.replace([]);
    expect((await bearer(token)).ok).toBe(true);
  });

  it('whose keys cannot be fetched is neither passed nor called bad', async () => {
    const { bearer, told } = verifierOf({}, { jwks: undefined, jwksUri: 'http://127.0.0.1:9/jwks' });
    const refused = refusal(await bearer(await sign()));
    expect(refused).toEqual({ ok: false, status: 503, description: expect.any(String), reason: 'configuration' });
    expect(told.rejected).toMatchObject([{ reason: 'configuration', status: 503 }]);
  });
});

describe('how a credential is presented', () => {
  const check = async (headers: PresentedRequest['headers']): Promise<Refused> =>
    refusal(await verifierOf().verifier.check({ headers }));

  it.each([{}, { authorization: 'Basic dXNlcjpwYXNz' }, { authorization: '' }])(
    'none: 401 without an error code (RFC 6750 §3.1) %j',
    async (headers) => {
      const refused = await check(headers);
      expect([refused.status, refused.error, refused.description]).toEqual([401, undefined, undefined]);
      expect(refused.wwwAuthenticate).toMatch(/^Bearer realm="api", DPoP realm="api", algs="/);
    },
  );

  it.each<PresentedRequest['headers']>([
    { authorization: 'Bearer' },
    { authorization: 'Bearer a b' },
    { authorization: 'Bearer a"b' },
    { authorization: `Bearer ${'a'.repeat(20_000)}` },
    { authorization: ['Bearer a', 'Bearer b'] },
  ])('malformed: 400 invalid_request', async (headers) => {
    expect(await check(headers)).toMatchObject({ status: 400, error: 'invalid_request' });
  });

  it('the scheme is read in any case, and a quote in the realm is escaped', async () => {
    const { verifier } = verifierOf({ realm: 'the "api"\\\r\nx: y' });
    expect((await verifier.check({ headers: { authorization: `bEARER  ${await sign()}` } })).ok).toBe(true);
    expect(refusal(await verifier.check({ headers: {} })).wwwAuthenticate).toContain('realm="the \\"api\\"\\\\??x: y"');
  });
});

describe('a bound token', () => {
  const certificate = randomBytes(40);
  const x5t = createHash('sha256').update(certificate).digest('base64url');
  it('by certificate passes with that certificate alone (RFC 8705)', async () => {
    const { bearer, told } = verifierOf();
    const token = await sign({ cnf: { 'x5t#S256': x5t } });
    expect((await bearer(token, [], { clientCertificate: certificate })).ok).toBe(true);
    expect((await bearer(token, [], { clientCertificate: { x5t } })).ok).toBe(true);
    for (const request of [{}, { clientCertificate: randomBytes(40) }]) {
      expect(refusal(await bearer(token, [], request))).toMatchObject({ status: 401, reason: 'binding' });
    }
    expect(told.rejected[0]).toMatchObject({ reason: 'binding', verified: true });
  });

  it('in a way that cannot be checked is refused', async () => {
    const { bearer } = verifierOf();
    for (const cnf of [{ kid: 'x' }, {}, 'x', 5]) {
      expect(refusal(await bearer(await sign({ cnf })))).toMatchObject({ status: 401, reason: 'binding' });
    }
  });

  describe('by key (RFC 9449)', () => {
    const url = 'https://api.example.com/orders';
    let holder: Keys;
    let jkt: string;
    let token: string;
    beforeAll(async () => {
      holder = await generateKeyPair('ES256', { extractable: true });
      jkt = await calculateJwkThumbprint(await exportJWK(holder.publicKey));
      token = await sign({ cnf: { jkt } });
    });
    const proofOf = async (claims: object = {}, header: object = {}, by: Keys = holder): Promise<string> =>
      new SignJWT({
        ...{ jti: randomBytes(8).toString('hex'), htm: 'GET', htu: url, iat: seconds },
        ...{ ath: createHash('sha256').update(token).digest('base64url') },
        ...claims,
      })
        .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: await exportJWK(by.publicKey), ...header })
        .sign(by.privateKey);
    const present = (using: ReturnType<typeof verifierOf>, proof: string | undefined, scheme = 'DPoP') =>
      using.verifier.check({
        headers: { authorization: `${scheme} ${token}`, ...(proof !== undefined && { dpop: proof }) },
        method: 'GET',
        url: `${url}?page=2`,
      });

    it('passes with a proof of that key, once', async () => {
      const using = verifierOf();
      const proof = await proofOf();
      expect((await present(using, proof)).ok).toBe(true);
      expect(using.told.validated).toMatchObject([
        { proof: { present: true, jkt, htm: 'GET', htu: url }, scheme: 'dpop' },
      ]);
      expect(refusal(await present(using, proof))).toMatchObject({ error: 'invalid_dpop_proof' });
    });

    it.each<[string, () => Promise<string | undefined>]>([
      ['none', async () => undefined],
      ['of another method', () => proofOf({ htm: 'POST' })],
      ['for another address', () => proofOf({ htu: 'https://api.example.com/other' })],
      ['of another token', () => proofOf({ ath: 'x' })],
      ['without id', () => proofOf({ jti: undefined })],
      ['too old', () => proofOf({ iat: seconds - 61 })],
      ['of the future', () => proofOf({ iat: seconds + 61 })],
      ['of another type', () => proofOf({}, { typ: 'JWT' })],
      ['with a private key in it', async () => proofOf({}, { jwk: await exportJWK(holder.privateKey) })],
    ])('is refused with a proof %s', async (_what, make) => {
      const refused = refusal(await present(verifierOf(), await make()));
      expect(refused).toMatchObject({ status: 401, error: 'invalid_dpop_proof', reason: 'binding' });
      expect(refused.wwwAuthenticate).toMatch(/^Bearer realm="api", DPoP realm="api", error="invalid_dpop_proof"/);
    });

    it('is refused with a proof of another key, and as a bearer token', async () => {
      expect(refusal(await present(verifierOf(), await proofOf({}, {}, other)))).toMatchObject({
        error: 'invalid_token',
      });
      expect(refusal(await present(verifierOf(), await proofOf(), 'Bearer'))).toMatchObject({ reason: 'binding' });
    });

    it('and a token that is not bound is none by DPoP', async () => {
      const unbound = await sign();
      const { verifier } = verifierOf();
      const headers = { authorization: `DPoP ${unbound}`, dpop: await proofOf() };
      expect(refusal(await verifier.check({ headers, method: 'GET', url }))).toMatchObject({ reason: 'binding' });
    });
  });
});

describe('an opaque token', () => {
  const said = { iss: ISS, sub: 'u-1', scope: 'read', aud: 'orders', exp: seconds + 60 };
  const opaque = (answer: () => Promise<object>, more: object = {}): ReturnType<typeof verifierOf> =>
    verifierOf({
      opaque: { introspect: answer as () => Promise<{ active: boolean }>, audiences: ['orders'], ...more },
    });

  it('is as the authorization server says', async () => {
    const { bearer, told } = opaque(async () => ({ active: true, ...said }));
    expect(await bearer('opaque-1', ['read'])).toMatchObject({
      ok: true,
      kind: 'opaque',
      scopes: ['read'],
      claims: said,
    });
    expect(told.validated).toMatchObject([{ token: 'opaque-1', form: 'opaque', claims: said }]);
  });

  it.each<[string, () => Promise<object>, string, number]>([
    ['not active', async () => ({ active: false }), 'inactive', 401],
    ['active by another word', async () => ({ active: 'true', ...said }), 'inactive', 401],
    ['expired', async () => ({ active: true, ...said, exp: seconds }), 'expired', 401],
    ['not yet valid', async () => ({ active: true, ...said, nbf: seconds + 1 }), 'not-yet-valid', 401],
    ['for another audience', async () => ({ active: true, ...said, aud: 'billing' }), 'audience', 401],
    ['not to be had', async () => Promise.reject(new Error('down')), 'configuration', 503],
  ])('%s is refused', async (_what, answer, reason, status) => {
    const { bearer, told } = opaque(answer);
    expect(refusal(await bearer('opaque-1'))).toMatchObject({ status, reason });
    expect(told.rejected).toMatchObject([{ token: 'opaque-1', reason, status }]);
  });

  it('or as a table of names says; a JWT of a known issuer is never asked for', async () => {
    const table = new Map([[names.tok(sha256('opaque-2')), said]]);
    const { bearer } = verifierOf({ opaque: { table } });
    expect((await bearer('opaque-2')).ok).toBe(true);
    expect(refusal(await bearer('opaque-3'))).toMatchObject({ reason: 'inactive' });
    expect(refusal(await bearer(await sign({}, {}, other.privateKey)))).toMatchObject({ reason: 'signature' });
  });
});

describe('an API key', () => {
  const credential = { system: 'kong', id: 'c-1' };
  const ended = new EndedList();
  const table = new Map([
    [names.tok(sha256('key-1')), { credential, scopes: ['read'], subject: 'partner' }],
    [names.tok(sha256('key-2')), { credential, expiresAt: now }],
  ]);
  const using = () => verifierOf({ apiKeys: { table }, ended });
  const present = (key: string, more: object = {}, to = using()) =>
    to.verifier.check({ headers: { 'x-api-key': key, ...more } }, { scopes: ['read'] });

  it('that the table knows passes, by the name of its credential', async () => {
    const to = using();
    expect(await present('key-1', {}, to)).toMatchObject({ ok: true, kind: 'apiKey', name: names.cred('kong', 'c-1') });
    expect(to.told.validated).toMatchObject([{ apiKey: 'key-1', credential, kind: 'apiKey' }]);
  });

  it('that it does not, an expired and an ended one are refused', async () => {
    expect(refusal(await present('key-9'))).toMatchObject({ status: 401, reason: 'inactive' });
    expect(refusal(await present('key-2'))).toMatchObject({ status: 401, reason: 'expired' });
    ended.add(names.cred('kong', 'c-1'));
    expect(refusal(await present('key-1'))).toMatchObject({ status: 401, reason: 'inactive' });
    ended.replace([]);
  });

  it('beside a token is one too many', async () => {
    expect(refusal(await present('key-1', { authorization: 'Bearer x' }))).toMatchObject({ status: 400 });
  });
});

describe('what cannot be meant is refused when the verifier is made', () => {
  it.each<[string, () => object, object]>([
    ['an algorithm with a shared secret', () => ({}), { algorithms: ['HS256'] }],
    ['alg none', () => ({}), { algorithms: ['none'] }],
    ['a shared secret among the keys', () => ({}), { jwks: { keys: [{ kty: 'oct', k: 'AAAA' }] } }],
    ['no audience', () => ({}), { audiences: [] }],
    ['keys from nowhere', () => ({}), { jwks: undefined }],
    ['keys over plain http', () => ({}), { jwks: undefined, jwksUri: 'http://idp.example.com/jwks' }],
    ['an ended list without names', () => ({ ended: new EndedList(), tokenSecret: undefined }), {}],
    ['nothing at all', () => ({ issuers: {} }), {}],
  ])('%s', (_what, options, issuer) => {
    expect(() => verifierOf(options() as VerifierOptions, issuer)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^TALLY_SDK_/) }),
    );
  });

  it('and whatever breaks later does not pass', async () => {
    const headers = new Proxy(
      {},
      {
        get: () => {
          throw new Error('broken');
        },
      },
    );
    expect(refusal(await verifierOf().verifier.check({ headers }))).toMatchObject({ status: 503 });
  });
});
