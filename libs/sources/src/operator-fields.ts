import type { Json, ReadContext } from './adapter.js';
import { flatClaims, readClaims, type ClaimsFault, type ClaimsReading } from './claims.js';
import { isObject, type FieldReader } from './fields.js';
import { headerOf } from './presenter.js';

/**
 * The claims that an operator's gateway logs: a whole payload as an object, or single fields. `unverified` where the
 * profile does not say that they were set after verification: then they name nothing (MODEL §1.2).
 */
export function claimsOf(
  fields: FieldReader,
  context: ReadContext,
): ClaimsReading | ClaimsFault | 'unverified' | undefined {
  const payload = fields.get('claims');
  const whole = isObject(payload) && Object.keys(payload).length > 0;
  const claims = whole ? payload : flatClaims((claim) => fields.get(claim));
  if (claims === undefined) return undefined;
  if (!context.profile.claimsVerified) return 'unverified';
  const pathOf = (claim: string) => (whole ? `${fields.pathOf('claims')}.${claim}` : fields.pathOf(claim));
  return readClaims(claims, { pathOf, whole }, context);
}

/** Kong says so in a header to the upstream; both gateways by the consumer that the operator calls anonymous. */
export function isAnonymous(fields: FieldReader, headers: Json | undefined): boolean {
  const said = fields.get('anonymous');
  if (said === true || said === 'true') return true;
  if (headerOf(headers, 'x-anonymous-consumer') === 'true') return true;
  return /^anonymous(?:[-_ .].*)?$/i.test(fields.text('consumer') ?? '');
}
