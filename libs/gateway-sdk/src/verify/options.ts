import type { JSONWebKeySet } from 'jose';
import type { Name } from '../../shared.js';
import type { Clock } from '../clock.js';
import type { EmitterOf } from '../emit/create-emitter.js';
import type { TokenSecret } from '../token-secret.js';
import type { EndedList } from './ended.js';
import type { Claims } from './judgement.js';

/** An issuer whose JWTs are accepted. */
export interface IssuerOptions {
  /** Where its keys are; fetched and kept by jose. */
  jwksUri?: string;
  /** Or the keys themselves. */
  jwks?: JSONWebKeySet;
  /** At least one must be named by the token. */
  audiences: readonly string[];
  /** Default: RS256, PS256, ES256, EdDSA. Only algorithms with a public key are allowed. */
  algorithms?: readonly string[];
  /** The `typ` of the header, such as `at+jwt`. Default: any. */
  typ?: string;
  /** Claims that must be there. Default: `exp`. */
  requiredClaims?: readonly string[];
  /** The id of the grant, out of the claims: with it, the end of a family is known. */
  grantOf?: (claims: Claims) => string | undefined;
}

/** What an authorization server says of an opaque token (RFC 7662). */
export interface Introspection extends Claims {
  active: boolean;
}

export type OpaqueOptions = {
  /** Of tokens that do not say their issuer. */
  issuer?: string;
  /** If given, at least one must be named. */
  audiences?: readonly string[];
} & (
  | {
      /** Rejects where it cannot say: the request is then answered 503. */ introspect: (
        token: string,
      ) => Promise<Introspection>;
    }
  | { /** By the name of the token. */ table: ReadonlyMap<Name, Claims> }
);

export interface ApiKey {
  credential: { system: string; id: string };
  scopes?: readonly string[];
  subject?: string;
  client?: string;
  /** ms since 1970 */
  expiresAt?: number;
}

export interface VerifierOptions {
  issuers?: Readonly<Record<string, IssuerOptions>>;
  opaque?: OpaqueOptions;
  /** Keys by the name of the key (`TokenNames.tok`): the table holds none of them. */
  apiKeys?: { header?: string; table: ReadonlyMap<Name, ApiKey> };
  /** Needed for `ended`, `apiKeys` and tables. */
  tokenSecret?: TokenSecret;
  ended?: EndedList;
  /** Gets each token that was checked. */
  emitter?: Pick<EmitterOf<'gateway'>, 'validated' | 'rejected'>;
  /** Whether address and agent are told with it. Default: true. */
  presenter?: boolean;
  /** How far clocks may differ, in ms. Default 0. */
  leewayMs?: number;
  /** DPoP (RFC 9449): understood unless false. */
  dpop?: false | { algorithms?: readonly string[]; /** Default 60,000. */ maxAgeMs?: number };
  /** Of the challenge. Default: `api`. */
  realm?: string;
  /** `jwksUri` in plain http off this machine. */
  allowPlaintext?: boolean;
  clock?: Clock;
}

export interface CheckOptions {
  /** All of them are needed. */
  scopes?: readonly string[];
}
