import { createSecretKey, randomBytes } from 'node:crypto';
import type { NamingSecrets } from '../shared.js';
import { BadOption } from './errors.js';

/**
 * The token secret of a tenant, as it stands in `DIR/secrets/TENANT.vN.key`: `version` and `token`. Never take `person`
 * out of that file.
 */
export interface TokenSecret {
  /** 0 to 15. */
  version: number;
  /** 32 bytes, or their base64url text. */
  token: string | Uint8Array;
}

const BYTES = 32;
const REMEDY = 'Take `version` and `token` out of the newest secrets/TENANT.vN.key of the data directory.';

/** @throws BadOption without a word of the secret itself. */
export function readTokenSecret(given: TokenSecret): NamingSecrets {
  const refuse = (reason: string): BadOption => new BadOption('tokenSecret', reason, REMEDY);
  if (typeof given !== 'object' || given === null) throw refuse('is not {version, token}');
  if ('person' in given) throw refuse('holds the person secret too, which never leaves the data directory');
  const { version, token } = given;
  if (!Number.isInteger(version) || version < 0 || version > 15) throw refuse('has no version from 0 to 15');
  if (typeof token === 'string' && !/^[A-Za-z0-9_-]+$/.test(token)) throw refuse('is no base64url text');
  const bytes = typeof token === 'string' ? Buffer.from(token, 'base64url') : token;
  if (!(bytes instanceof Uint8Array) || bytes.length !== BYTES) throw refuse(`is not ${BYTES} bytes long`);
  // Persons are named where their secret is. Should a name of one ever be made here, it would fit nothing.
  return { version, token: createSecretKey(bytes), person: createSecretKey(randomBytes(BYTES)) };
}
