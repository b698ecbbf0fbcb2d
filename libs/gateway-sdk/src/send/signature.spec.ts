import { describe, expect, it } from '@jest/globals';
import { CompactSign, exportJWK, generateKeyPair, createLocalJWKSet } from 'jose';
import { createEmitter } from '../emit/create-emitter.js';
import { SIGNATURE_HEADER, signerOf, verifyBatch } from './signature.js';

describe('a signed batch', () => {
  it.each(['EdDSA', 'ES256', 'RS256', 'PS256'])('%s: fits its exact bytes, and no others', async (alg) => {
    const { privateKey, publicKey } = await generateKeyPair(alg);
    const jwks = createLocalJWKSet({ keys: [{ ...(await exportJWK(publicKey)), kid: 'gw-1', alg }] });
    const body = Buffer.from('{"a":1}\n{"b":"ü"}\n');
    const signature = await signerOf({ key: privateKey, alg, kid: 'gw-1' })(body);
    expect(await verifyBatch(body, signature, publicKey)).toEqual({ kid: 'gw-1' });
    expect(await verifyBatch(body, signature, jwks)).toEqual({ kid: 'gw-1' });
    const bad = { code: 'TALLY_SDK_BAD_BATCH_SIGNATURE' };
    for (const other of [Buffer.concat([body, Buffer.from(' ')]), body.subarray(1), Buffer.alloc(0)]) {
      await expect(verifyBatch(other, signature, publicKey)).rejects.toMatchObject(bad);
    }
    const stranger = await generateKeyPair(alg);
    await expect(verifyBatch(body, signature, stranger.publicKey)).rejects.toMatchObject(bad);
    for (const text of ['', 'a.b', 'a.b.c', signature.replace('..', '.x.')]) {
      await expect(verifyBatch(body, text, publicKey)).rejects.toMatchObject(bad);
    }
  });

  it('a token of the same key is no signature of a batch', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256');
    const body = Buffer.from('{}');
    const jws = await new CompactSign(body).setProtectedHeader({ alg: 'ES256', kid: 'gw-1' }).sign(privateKey);
    const detached = jws.replace(/\.[^.]+\./, '..');
    await expect(verifyBatch(body, detached, publicKey)).rejects.toMatchObject({
      code: 'TALLY_SDK_BAD_BATCH_SIGNATURE',
    });
  });

  it('is what an emitter sends', async () => {
    const { privateKey, publicKey } = await generateKeyPair('EdDSA');
    const checked: Promise<{ kid: string }>[] = [];
    const emitter = createEmitter({
      ...{ authority: 'gateway', source: 'edge', url: 'http://127.0.0.1:1', bearer: 'b' },
      sign: { key: privateKey, alg: 'EdDSA', kid: 'gw-1' },
      fetch: async (_url, init) => {
        checked.push(
          verifyBatch(init?.body as Uint8Array, new Headers(init?.headers).get(SIGNATURE_HEADER)!, publicKey),
        );
        return Response.json({ accepted: 1 });
      },
    });
    emitter.observed({ token: 't' });
    expect(await emitter.close()).toEqual({ undelivered: 0 });
    expect(await Promise.all(checked)).toEqual([{ kid: 'gw-1' }]);
  });
});
