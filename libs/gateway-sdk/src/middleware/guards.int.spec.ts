import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import Fastify from 'fastify';
import { X509Certificate, createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  createServer as createPlain,
  request as requestPlain,
  type IncomingMessage,
  type RequestListener,
} from 'node:http';
import { createServer as createTls, request as requestTls, type RequestOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose';
import { TestAuthority } from '../../../platform/src/testing/certificates.js';
import type { TokenUse } from '../events/inputs.js';
import { createVerifier, type Verifier } from '../verify/verifier.js';
import { expressGuard, type ExpressRequestLike } from './express.js';
import { fastifyGuard, type FastifyRequestLike } from './fastify.js';

const ISS = 'https://idp.example.com';
let keys: { privateKey: CryptoKey; publicKey: CryptoKey };
let jwks: { keys: JWK[] };
beforeAll(async () => {
  keys = await generateKeyPair('ES256', { extractable: true });
  jwks = { keys: [{ ...(await exportJWK(keys.publicKey)), kid: 'k-1', alg: 'ES256' }] };
});

const sign = (claims: object = {}): Promise<string> =>
  new SignJWT({ iss: ISS, aud: 'orders', sub: 'u-1', jti: 'j-1', scope: 'read', ...claims })
    .setProtectedHeader({ alg: 'ES256', kid: 'k-1' })
    .setIssuedAt()
    .setExpirationTime('5m')
    .sign(keys.privateKey);

let told: TokenUse[] = [];
const verifierOf = (): Verifier => {
  told = [];
  return createVerifier({
    issuers: { [ISS]: { jwks, audiences: ['orders'] } },
    emitter: { validated: (use) => told.push(use), rejected: (use) => told.push(use) },
  });
};

interface Served {
  origin: string;
  options: RequestOptions;
}
interface Answered {
  status: number;
  challenge: string | undefined;
  body: string;
}
const stop: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const each of stop.splice(0)) await each();
});

async function ask({ origin, options }: Served, headers: Record<string, string>): Promise<Answered> {
  const send = origin.startsWith('https') ? requestTls : requestPlain;
  const sent = send(`${origin}/orders?page=2`, { ...options, headers, agent: false }).end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  let body = '';
  for await (const chunk of response) body += String(chunk);
  return { status: response.statusCode ?? 0, challenge: response.headers['www-authenticate'], body };
}

type Serve = (verifier: Verifier, tls?: object) => Promise<Served>;

/** The signature of Express and Connect, on Node's own server. */
const serveNode: Serve = async (verifier, tls) => {
  const guard = expressGuard(verifier, { scopes: ['read'], api: '/orders' });
  const listener: RequestListener = (request: ExpressRequestLike, response) =>
    guard(request, response, () => response.end(`${request.token?.claims['sub']}`));
  const server = tls === undefined ? createPlain(listener) : createTls(tls, listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  stop.push(async () => server.close());
  const { port } = server.address() as AddressInfo;
  return { origin: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`, options: {} };
};

const serveFastify: Serve = async (verifier, tls) => {
  const options: object = tls === undefined ? {} : { https: tls };
  const app = Fastify(options);
  const onRequest = fastifyGuard(verifier, { scopes: ['read'] });
  app.get('/orders', { onRequest }, async (request: FastifyRequestLike) => `${request.token?.claims['sub']}`);
  stop.push(() => app.close());
  return { origin: await app.listen({ port: 0, host: '127.0.0.1' }), options: {} };
};

describe.each([
  ['Fastify', serveFastify],
  ['the signature of Express', serveNode],
])('the guard for %s', (_framework, serve) => {
  it('lets a good token through, with what it says', async () => {
    const served = await serve(verifierOf());
    const answered = await ask(served, { authorization: `Bearer ${await sign()}`, 'user-agent': 'shop/1' });
    expect(answered).toEqual({ status: 200, challenge: undefined, body: 'u-1' });
    expect(told).toMatchObject([{ clientIp: '127.0.0.1', userAgent: 'shop/1', api: '/orders' }]);
  });

  it('answers what is refused, with the challenge', async () => {
    const served = await serve(verifierOf());
    const none = await ask(served, {});
    expect([none.status, none.body]).toEqual([401, '{}']);
    expect(none.challenge).toMatch(/^Bearer realm="api"/);
    expect(none.challenge).not.toContain('error');
    const bad = await ask(served, { authorization: 'Bearer nonsense' });
    expect([bad.status, JSON.parse(bad.body)]).toEqual([
      401,
      { error: 'invalid_token', error_description: 'The access token is malformed' },
    ]);
    const poor = await ask(served, { authorization: `Bearer ${await sign({ scope: 'other' })}` });
    expect([poor.status, poor.challenge]).toEqual([403, expect.stringContaining('scope="read"')]);
  });

  it('hands on the certificate that TLS verified, and none that it did not', async () => {
    const authority = TestAuthority.make();
    const [server, client, stranger] = [
      authority.issue(['127.0.0.1']),
      authority.issue(['client']),
      TestAuthority.make('another').issue(['client']),
    ];
    const served = await serve(verifierOf(), {
      ...server,
      ca: authority.cert,
      requestCert: true,
      rejectUnauthorized: false,
    });
    const bindTo = (pem: string): Promise<string> => {
      const x5t = createHash('sha256').update(new X509Certificate(pem).raw).digest('base64url');
      return sign({ cnf: { 'x5t#S256': x5t } });
    };
    const as = async (holder: { cert: string; key: string }, token: string): Promise<number> => {
      const options = { ...holder, ca: authority.cert };
      return (await ask({ ...served, options }, { authorization: `Bearer ${token}` })).status;
    };
    expect(await as(client, await bindTo(client.cert))).toBe(200);
    expect(await as(client, await bindTo(server.cert))).toBe(401);
    expect(await as(stranger, await bindTo(stranger.cert))).toBe(401);
  });

  it('takes a DPoP proof for this address, without its query', async () => {
    const served = await serve(verifierOf());
    const holder = await generateKeyPair('ES256', { extractable: true });
    const jwk = await exportJWK(holder.publicKey);
    const token = await sign({ cnf: { jkt: await calculateJwkThumbprint(jwk) } });
    const ath = createHash('sha256').update(token).digest('base64url');
    const proof = (htu: string): Promise<string> =>
      new SignJWT({ jti: htu, htm: 'GET', htu, ath })
        .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
        .setIssuedAt()
        .sign(holder.privateKey);
    const with1 = async (htu: string): Promise<number> =>
      (await ask(served, { authorization: `DPoP ${token}`, dpop: await proof(htu) })).status;
    expect(await with1(`${served.origin}/orders`)).toBe(200);
    expect(await with1(`${served.origin}/others`)).toBe(401);
  });
});
