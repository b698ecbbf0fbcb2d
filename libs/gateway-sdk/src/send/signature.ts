import {
  errors,
  FlattenedSign,
  flattenedVerify,
  type CryptoKey,
  type FlattenedVerifyGetKey,
  type JWK,
  type KeyObject,
} from 'jose';
import { BadBatchSignature, BadOption } from '../errors.js';

/** The header (HTTP and Kafka) that carries a signature. */
export const SIGNATURE_HEADER = 'tallystick-signature';
const TYP = 'tallystick-batch+jws';
/** A shared secret could be made up by whoever verifies. */
const ALGORITHMS = [
  'EdDSA',
  'Ed25519',
  'ES256',
  'ES384',
  'ES512',
  'PS256',
  'PS384',
  'PS512',
  'RS256',
  'RS384',
  'RS512',
];

export interface SignOptions {
  /** The private key. */
  key: CryptoKey | KeyObject | JWK;
  /** Such as EdDSA or ES256. */
  alg: string;
  kid: string;
}

export type Sign = (body: Uint8Array) => Promise<string>;

/** Signs exact bytes: a detached JWS over the unencoded payload (RFC 7797), `header..signature`. @throws BadOption */
export function signerOf({ key, alg, kid }: SignOptions): Sign {
  if (!ALGORITHMS.includes(alg)) {
    throw new BadOption(
      'sign.alg',
      'is no algorithm with a private and a public key',
      `Use one of ${ALGORITHMS.join(', ')}.`,
    );
  }
  return async (body) => {
    const jws = await new FlattenedSign(body)
      .setProtectedHeader({ alg, kid, typ: TYP, b64: false, crit: ['b64'] })
      .sign(key);
    return `${jws.protected}..${jws.signature}`;
  };
}

/**
 * Checks the signature of a batch, over the exact bytes of an HTTP body or of a Kafka record's value.
 * @param keys a public key, or what finds one by the `kid` of the header (`createRemoteJWKSet` of jose, for instance).
 * @returns the kid that the sender named.
 * @throws BadBatchSignature
 */
export async function verifyBatch(
  body: Uint8Array,
  signature: string,
  keys: CryptoKey | KeyObject | JWK | FlattenedVerifyGetKey,
): Promise<{ kid: string }> {
  const parts = signature.split('.');
  if (parts.length !== 3 || parts[1] !== '') throw new BadBatchSignature('it is no detached JWS');
  const jws = { protected: parts[0]!, signature: parts[2]!, payload: body };
  const options = { algorithms: ALGORITHMS };
  let header;
  try {
    ({ protectedHeader: header } =
      typeof keys === 'function'
        ? await flattenedVerify(jws, keys, options)
        : await flattenedVerify(jws, keys, options));
  } catch (error) {
    throw new BadBatchSignature(error instanceof errors.JOSEError ? error.code : 'its key could not be had');
  }
  if (header?.typ !== TYP || header.b64 !== false || typeof header.kid !== 'string') {
    throw new BadBatchSignature('its header is that of something else');
  }
  return { kid: header.kid };
}
