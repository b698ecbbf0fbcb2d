import { z } from 'zod';

const strings = z.array(z.string());

/**
 * What a version of a component accepts (MODEL §7.6). A missing contract or field predicts `unknown`, never accept.
 * Durations are in seconds, as in JWKS and OAuth documents.
 */
export const contractSchema = z.strictObject({
  role: z
    .enum(['issuer', 'validator', 'store'])
    .or(z.array(z.enum(['issuer', 'validator', 'store'])))
    .optional(),
  issuers: strings.optional(),
  kids: strings.optional(),
  algorithms: strings.optional(),
  typs: strings.optional(),
  audiences: strings.optional(),
  scopes: strings.optional(),
  requiredClaims: strings.optional(),
  /** Claims that narrow what a token may do; a version that ignores one widens the token. */
  restrictingClaims: strings.optional(),
  unknownClaims: z.enum(['ignore', 'reject']).optional(),
  /** Claims that this version knows; others are unknown to it. */
  knownClaims: strings.optional(),
  maxLifetimeSeconds: z.number().nonnegative().optional(),
  expUnit: z.enum(['s', 'ms', 'us', 'ns']).optional(),
  leewaySeconds: z.number().nonnegative().optional(),
  cnf: z.strictObject({ required: z.boolean().optional(), checked: z.boolean().optional() }).optional(),
  /** Seconds until a revocation is honoured by this version (its introspection cache). */
  revocationWindowSeconds: z.number().nonnegative().optional(),
  /** The store of opaque tokens, rotations and revocations; versions with the same id share what they know. */
  store: z.string().optional(),
  rotation: z
    .strictObject({ enabled: z.boolean().optional(), graceSeconds: z.number().nonnegative().optional() })
    .optional(),
  jwksCacheSeconds: z.number().nonnegative().optional(),
  /** This version closes a hole: what it refuses was refused on purpose. Absent means no. */
  securityFix: z.boolean().optional(),
  /** Compensating controls that the operator declares, such as `cnf-at-proxy`. */
  compensatingControls: strings.optional(),
});
export type Contract = z.infer<typeof contractSchema>;
