import type { Name, RefusalReason } from '../../shared.js';

export type Claims = Readonly<Record<string, unknown>>;

/** Names of a token; only with a token secret. */
export interface TokenNames {
  jti?: Name;
  tok?: Name;
  cred?: Name;
  fam?: Name;
  kid?: Name;
}

export interface Verified {
  ok: true;
  kind: 'jwt' | 'opaque' | 'apiKey';
  claims: Claims;
  scopes: string[];
  /** Its name in the ledger: that of its jti, its credential or itself. */
  name?: Name;
  names: TokenNames;
}

export interface Refused {
  ok: false;
  /** 503: it could not be checked, and may be good. */
  status: 400 | 401 | 403 | 503;
  /** RFC 6750 §3.1, RFC 9449 §7.1; none where no credential was presented, or nothing could be checked. */
  error?: 'invalid_request' | 'invalid_token' | 'insufficient_scope' | 'invalid_dpop_proof';
  /** For the client: fixed words, nothing of the token or of what is known. */
  description?: string;
  /** The value of the header of that name; none for 503. */
  wwwAuthenticate?: string;
  /** For you and the ledger. */
  reason?: RefusalReason;
}
export type Judgement = Verified | Refused;

/** A token that is not honoured. `claims` where they were verified all the same, as those of an expired token. */
export interface Refusal {
  reason: RefusalReason;
  error?: Refused['error'];
  /** In place of the words for the reason. */
  description?: string;
  claims?: Claims;
  header?: Claims;
}

const WORDS: Readonly<Record<RefusalReason, string>> = {
  expired: 'The access token expired',
  'not-yet-valid': 'The access token is not valid yet',
  inactive: 'The access token is not active',
  signature: 'The signature of the access token is not valid',
  kid: 'The key of the access token is not known',
  algorithm: 'The algorithm of the access token is not accepted',
  issuer: 'The issuer of the access token is not accepted',
  audience: 'The access token is meant for another audience',
  malformed: 'The access token is malformed',
  missing: 'The access token is missing',
  binding: 'The access token is bound to another holder',
  configuration: 'The access token cannot be checked at the moment',
  stale: 'The access token is stale',
  session: 'The session of the access token ended',
  scope: 'The request needs more scopes than the access token has',
  permission: 'The request is not permitted',
  other: 'The access token is not accepted',
};

export function wordsFor(reason: RefusalReason): string {
  return WORDS[reason];
}

export function isRefusal(value: object): value is Refusal {
  return 'reason' in value;
}
