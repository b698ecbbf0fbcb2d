import type { Refused } from './judgement.js';

export interface Challenges {
  realm: string;
  bearer: boolean;
  /** Algorithms of DPoP proofs, if they are understood. */
  dpop: readonly string[] | undefined;
  apiKey: boolean;
}

/**
 * The WWW-Authenticate header (RFC 6750 §3, RFC 9449 §7.1). What was presented gets the error; every other scheme that
 * is understood stands beside it without one.
 * @param scheme how the credential was presented; undefined for none.
 * @param scopes those that the request needs; told where they are what is missing.
 */
export function challengeOf(
  { realm, bearer, dpop, apiKey }: Challenges,
  scheme: 'bearer' | 'dpop' | 'apiKey' | undefined,
  { error, description }: Pick<Refused, 'error' | 'description'>,
  scopes: readonly string[] = [],
): string {
  const fault = (presented: boolean): [string, string][] => {
    if (!presented || error === undefined) return [];
    const told: [string, string][] = [['error', error]];
    if (description !== undefined) told.push(['error_description', description]);
    if (error === 'insufficient_scope' && scopes.length > 0) told.push(['scope', scopes.join(' ')]);
    return told;
  };
  const parts: string[] = [];
  // A malformed request is told of under the scheme that everybody understands.
  if (bearer) {
    const told = scheme === 'bearer' || (scheme === undefined && error !== undefined) || (scheme === 'dpop' && !dpop);
    parts.push(challenge('Bearer', [['realm', realm], ...fault(told)]));
  }
  if (dpop !== undefined) {
    parts.push(challenge('DPoP', [['realm', realm], ...fault(scheme === 'dpop'), ['algs', dpop.join(' ')]]));
  }
  if (apiKey) parts.push(challenge('ApiKey', [['realm', realm], ...fault(scheme === 'apiKey' || !bearer)]));
  return parts.join(', ');
}

function challenge(scheme: string, params: readonly (readonly [string, string])[]): string {
  return `${scheme} ${params.map(([name, value]) => `${name}="${quoted(value)}"`).join(', ')}`;
}

/** A quoted-string (RFC 9110 §5.6.4): quotes and backslashes escaped; nothing that ends a header or is not ASCII. */
function quoted(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').replace(/["\\]/g, '\\$&');
}
