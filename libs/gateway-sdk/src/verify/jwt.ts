import { createLocalJWKSet, createRemoteJWKSet, decodeJwt, decodeProtectedHeader, errors, jwtVerify } from 'jose';
import type { JWTVerifyGetKey } from 'jose';
import type { RefusalReason } from '../../shared.js';
import { BadOption } from '../errors.js';
import { readUrl } from '../send/endpoint.js';
import type { Claims, Refusal } from './judgement.js';
import type { IssuerOptions } from './options.js';

/** Never `none`, never a shared secret: a public key must not become one (RFC 8725 §2.1). */
export const ASYMMETRIC: readonly string[] = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];
const DEFAULT_ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519'];

interface Issuer {
  keys: JWTVerifyGetKey;
  audiences: string[];
  algorithms: string[];
  typ?: string;
  requiredClaims: string[];
}

export interface VerifiedJwt {
  claims: Claims;
  header: Claims;
}

/** Checks JWTs of known issuers. */
export class JwtCheck {
  readonly #issuers = new Map<string, Issuer>();

  /** @throws BadOption, PlaintextEndpoint */
  constructor(
    issuers: Readonly<Record<string, IssuerOptions>>,
    private readonly leewayMs: number,
    private readonly now: () => number,
    allowPlaintext: boolean,
  ) {
    for (const [issuer, options] of Object.entries(issuers)) {
      this.#issuers.set(issuer, readIssuer(`issuers[${JSON.stringify(issuer)}]`, options, allowPlaintext));
    }
  }

  /** The issuer that a token names, if it looks like a JWT of one that is known. Nothing is verified yet. */
  issuerOf(token: string): string | undefined {
    try {
      const { iss } = decodeJwt(token);
      return iss !== undefined && this.#issuers.has(iss) ? iss : undefined;
    } catch {
      return undefined;
    }
  }

  async check(token: string): Promise<VerifiedJwt | Refusal> {
    let header: Claims;
    let issuer: string | undefined;
    try {
      header = decodeProtectedHeader(token);
      issuer = decodeJwt(token).iss;
    } catch {
      return { reason: 'malformed' };
    }
    const known = typeof issuer === 'string' ? this.#issuers.get(issuer) : undefined;
    if (known === undefined || issuer === undefined) return { reason: 'issuer' };
    // Before any key is looked for: the token does not choose how it is checked.
    if (!known.algorithms.includes(String(header['alg']))) return { reason: 'algorithm' };
    try {
      const { payload, protectedHeader } = await jwtVerify(token, known.keys, {
        issuer,
        audience: known.audiences,
        algorithms: known.algorithms,
        requiredClaims: known.requiredClaims,
        clockTolerance: this.leewayMs / 1000,
        currentDate: new Date(this.now()),
        ...(known.typ !== undefined && { typ: known.typ }),
      });
      return { claims: payload, header: protectedHeader as Claims };
    } catch (error) {
      const reason = reasonOf(error);
      const isVerified = error instanceof errors.JWTExpired || error instanceof errors.JWTClaimValidationFailed;
      return { reason, ...(isVerified && { claims: error.payload, header }) };
    }
  }
}

function readIssuer(option: string, given: IssuerOptions, allowPlaintext: boolean): Issuer {
  const { jwks, jwksUri, audiences, algorithms = DEFAULT_ALGORITHMS, typ, requiredClaims = ['exp'] } = given;
  if (audiences.length === 0) {
    throw new BadOption(
      `${option}.audiences`,
      'is empty',
      'Name your own audience, or any token of the issuer is taken.',
    );
  }
  if (algorithms.length === 0 || !algorithms.every((alg) => ASYMMETRIC.includes(alg))) {
    throw new BadOption(
      `${option}.algorithms`,
      'holds one without a public key',
      `Use some of ${ASYMMETRIC.join(', ')}.`,
    );
  }
  if ((jwks === undefined) === (jwksUri === undefined)) {
    throw new BadOption(option, 'needs jwksUri or jwks, and not both', 'Say where its keys are.');
  }
  if (jwks?.keys.some(({ kty }) => kty === 'oct') === true) {
    throw new BadOption(
      `${option}.jwks`,
      'holds a shared secret',
      'Public keys alone: whoever can check must not be able to sign.',
    );
  }
  return {
    keys: jwks === undefined ? createRemoteJWKSet(readUrl(jwksUri ?? '', allowPlaintext)) : createLocalJWKSet(jwks),
    audiences: [...audiences],
    algorithms: [...algorithms],
    requiredClaims: [...requiredClaims],
    ...(typ !== undefined && { typ }),
  };
}

function reasonOf(error: unknown): RefusalReason {
  if (error instanceof errors.JWTExpired) return 'expired';
  if (error instanceof errors.JWTClaimValidationFailed) return ofClaim(error.claim, error.reason);
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'signature';
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) return 'kid';
  if (error instanceof errors.JOSEAlgNotAllowed || error instanceof errors.JOSENotSupported) return 'algorithm';
  if (error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid) return 'malformed';
  // Keys that cannot be fetched or read say nothing of the token.
  return 'configuration';
}

function ofClaim(claim: string, reason: string): RefusalReason {
  if (reason === 'missing' || reason === 'invalid') return claim === 'aud' ? 'audience' : 'malformed';
  if (claim === 'nbf') return 'not-yet-valid';
  if (claim === 'aud') return 'audience';
  return claim === 'iss' ? 'issuer' : 'other';
}
