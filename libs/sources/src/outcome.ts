import type { RefusalReason } from '#lifecycle';

export interface Answer {
  status?: number | undefined;
  reason?: RefusalReason | undefined;
  /** Whether the answer came from behind the gateway; undefined where the format does not tell. */
  upstream?: boolean | undefined;
  /** The line attests that claims, or the credential that it names, were verified by the gateway. */
  attested: boolean;
  /** The gateway let an unknown caller pass under a name for everybody. */
  anonymous: boolean;
}
export interface Outcome {
  type: 'token.validated' | 'token.rejected' | 'token.observed';
  /** The answer of the upstream, where that is an error: the gateway itself let the token pass. */
  upstreamStatus?: number;
}

/**
 * What an answer says of the token (MODEL §2.4). 401 and 403 are refusals, unless the line attests that the gateway
 * had verified the token and the upstream answered. Any other answer after verification is a use. Without a sign of
 * verification, an error of the gateway itself (429 before authentication, 404 without a route) says nothing.
 */
export function outcomeOf({ status, reason, upstream, attested, anonymous }: Answer): Outcome {
  if (anonymous) return { type: 'token.observed' };
  const refusal = status === 401 || status === 403;
  if (upstream === true && status !== undefined && (attested || !refusal)) {
    return status >= 400 ? { type: 'token.validated', upstreamStatus: status } : { type: 'token.validated' };
  }
  if (refusal) return { type: 'token.rejected' };
  if (reason !== undefined)
    return { type: status === undefined || status >= 300 ? 'token.rejected' : 'token.observed' };
  if (attested) return { type: 'token.validated' };
  if (status === undefined || status >= 400) return { type: 'token.observed' };
  // A redirect by the gateway itself is a way to log in, or to https: nobody looked at the token.
  return { type: upstream === false && status >= 300 ? 'token.observed' : 'token.validated' };
}
