import { hash } from 'node:crypto';
import { isObject } from '../events/claims.js';
import type { DpopCheck, Proof } from './dpop.js';
import type { Claims, Refusal } from './judgement.js';
import { headerOf, type PresentedRequest } from './request.js';

export interface Bound {
  proof?: Proof;
  x5t?: string;
}

/**
 * Whether who presents a token is who it was given to (RFC 7800): by the certificate (RFC 8705) or the key (RFC 9449)
 * that `cnf` names. A `cnf` of another kind cannot be checked, and is refused.
 */
export async function checkBinding(
  { cnf }: Claims,
  token: string,
  scheme: 'bearer' | 'dpop',
  request: PresentedRequest,
  dpop: DpopCheck | undefined,
): Promise<Bound | Refusal> {
  const binding: Refusal = { reason: 'binding' };
  const [jkt, x5t] = isObject(cnf) ? [cnf['jkt'], cnf['x5t#S256']] : [undefined, undefined];
  const isBound = cnf !== undefined && cnf !== null;
  if (isBound && jkt === undefined && x5t === undefined) return binding;
  // A bound token without its proof is a stolen one, and an unbound one proves nothing (RFC 9449 §7.1, §7.2).
  if ((scheme === 'dpop') !== (jkt !== undefined)) return binding;
  const bound: Bound = {};
  if (x5t !== undefined) {
    const shown = thumbprintOf(request);
    if (shown === undefined || shown !== x5t) return binding;
    bound.x5t = shown;
  }
  if (jkt !== undefined) {
    const proof = headerOf(request, 'dpop');
    const { method = '', url = '' } = request;
    const checked = dpop === undefined || proof === undefined ? undefined : await dpop.check(proof, token, method, url);
    if (checked === undefined) {
      return { reason: 'binding', error: 'invalid_dpop_proof', description: 'The DPoP proof is missing or not valid' };
    }
    if (checked.jkt !== jkt) return binding;
    bound.proof = checked;
  }
  return bound;
}

function thumbprintOf({ clientCertificate }: PresentedRequest): string | undefined {
  if (clientCertificate === undefined) return undefined;
  return clientCertificate instanceof Uint8Array
    ? hash('sha256', clientCertificate, 'base64url')
    : clientCertificate.x5t;
}
