/** Why a gateway refused, in the field's words. Absent: the line gives no reason. */
export const REFUSAL_REASONS = [
  'expired',
  'not-yet-valid',
  'inactive',
  'signature',
  'kid',
  'algorithm',
  'issuer',
  'audience',
  'malformed',
  'missing',
  'binding',
  'configuration',
  'stale',
  'session',
  'scope',
  'permission',
  'other',
] as const;
export type RefusalReason = (typeof REFUSAL_REASONS)[number];

/** *Who are you* (the token itself was not honoured) or *may you* (the token was fine, the deed was not allowed). */
export type RefusalClass = 'who' | 'may';
const MAY_YOU: ReadonlySet<RefusalReason> = new Set(['scope', 'permission']);

/** MODEL §2.4: by its reason; without one, 403 on a line that attests verified claims is *may you*, else *who are you*. */
export function refusalClass(
  reason: RefusalReason | undefined,
  status: number | undefined,
  verified: boolean,
): RefusalClass {
  if (reason !== undefined && reason !== 'other') return MAY_YOU.has(reason) ? 'may' : 'who';
  return status === 403 && verified ? 'may' : 'who';
}
