import { z } from 'zod';
import { isName, kindOfName, type Names } from './names.js';
import { settingsSchema } from './settings.js';
import { contractSchema } from './contract.js';
import { REFUSAL_REASONS } from './refusal-reasons.js';
import { CURRENT_VERSION } from './upcast.js';

/**
 * The observations (MODEL §2.4): what is folded. One zod schema a type; `schemas/` is generated from these.
 * Unknown fields are kept (loose objects); unknown types are stored, shown, and fold to nothing.
 */

const name = z.string().refine(isName, 'is not a name (32 hex digits)');
const millis = z.number().int();

export const namesSchema = z.strictObject({
  fam: name.optional(),
  jti: name.optional(),
  tok: name.optional(),
  cred: name.optional(),
  kid: name.optional(),
  sub: name.optional(),
  cli: name.optional(),
  con: name.optional(),
  net: name.optional(),
  ses: name.optional(),
});

export const expirySchema = z.object({
  kind: z.enum(['at', 'never', 'unknown', 'implausible']),
  at: millis.optional(),
  raw: z.union([z.string(), z.number(), z.null()]),
  unit: z.enum(['s', 'ms', 'us', 'ns', 'duration-s', 'iso', 'none']),
  flags: z.array(z.enum(['unit-suspect', 'at-issue', 'odd'])),
});

/** `values` sorted, without repeats. `raw` of an invalid one is its JSON, at most 64 characters. */
export const audiencesSchema = z.object({
  kind: z.enum(['set', 'none', 'invalid']),
  values: z.array(z.string()).optional(),
  raw: z.string().optional(),
});
export type Audiences = z.infer<typeof audiencesSchema>;

/** What a line shows of a token; every field is optional and absent where the line does not show it. */
const tokenShape = {
  issuer: z.string().optional(),
  jti: z.string().optional(),
  /** The id of the grant (session, authorization) as the issuer calls it; kept so that names can be recomputed. */
  grant: z.string().optional(),
  kind: z.enum(['access', 'refresh', 'id', 'apiKey', 'assertion', 'logout']).optional(),
  form: z.enum(['jwt', 'opaque']).optional(),
  iat: millis.optional(),
  nbf: millis.optional(),
  expiry: expirySchema.optional(),
  audiences: audiencesSchema.optional(),
  scopes: z.array(z.string()).optional(),
  typ: z.string().optional(),
  alg: z.string().optional(),
  /** The key id as the token or the line shows it; names.kid is its name at the issuer. */
  kid: z.string().optional(),
  /** Confirmation (RFC 7800): thumbprints of a DPoP key or a certificate. */
  cnf: z.object({ jkt: z.string().optional(), x5t: z.string().optional() }).optional(),
  /** Names of the claims that the line shows, sorted; values are never kept here. */
  claims: z.array(z.string()).optional(),
  /** Whether the line attests that someone verified the claims (MODEL §1.2). */
  verified: z.boolean().optional(),
  /** The token that this one was rotated or renewed from, and the one that it was exchanged for. */
  parent: name.optional(),
  successor: name.optional(),
  subjectToken: name.optional(),
  /** exchanged: the family of the subject token, where the record does not name the token itself. */
  subjectFamily: name.optional(),
  /** The grant outlives the login session (OIDC offline access); a fence with `offline: false` spares it. */
  offline: z.boolean().optional(),
  actorToken: name.optional(),
  actorDepth: z.number().int().optional(),
  /** Field paths that held a credential in clear; the values are gone. */
  raw: z.array(z.string()).optional(),
  /** Input notes, such as `jti:integer`, `iat:unit-suspect`, `audience:invalid`. */
  notes: z.array(z.string()).optional(),
};

const useShape = {
  status: z.number().int().optional(),
  /** Set where the answer came from behind the gateway; then the gateway itself let the token pass. */
  upstreamStatus: z.number().int().optional(),
  reason: z.enum(REFUSAL_REASONS).optional(),
  class: z.enum(['who', 'may']).optional(),
  /** Product name of the agent, without version. */
  agent: z.string().optional(),
  geo: z.object({ country: z.string().optional(), cell: z.string().optional(), asn: z.number().optional() }).optional(),
  /** The proof or certificate presented with a sender-constrained token. */
  proof: z
    .object({
      present: z.boolean().optional(),
      id: name.optional(),
      jkt: z.string().optional(),
      x5t: z.string().optional(),
      htm: z.string().optional(),
      htu: z.string().optional(),
    })
    .optional(),
  scheme: z.string().optional(),
  /** A validation without effect (dark launch): shown, never state. */
  shadow: z.boolean().optional(),
  /** The consumer was anonymous: a key on such a line is observed, not validated. */
  anonymous: z.boolean().optional(),
  /** A summary of several uses (MODEL §2.5). */
  count: z.number().int().positive().optional(),
  firstAt: millis.optional(),
  lastAt: millis.optional(),
  membersDigest: z.string().optional(),
};

const endShape = {
  cause: z.string().optional(),
  scope: z.string().optional(),
  /** The issuer says that it may not have committed what it says. */
  unconfirmed: z.boolean().optional(),
};

const token = <T extends z.ZodRawShape>(shape: T) => z.looseObject({ ...tokenShape, ...shape });
const reasonId = { reasonId: z.string().optional(), cause: z.string().optional() };

export const OBSERVATIONS = {
  'token.observed': token(useShape),
  'token.issued': token({ unconfirmed: z.boolean().optional(), grantType: z.string().optional() }),
  'token.validated': token(useShape),
  'token.rejected': token(useShape),
  'token.renewed': token({ ...useShape, grantType: z.string().optional() }),
  'token.rotated': token({ ...useShape, grantType: z.string().optional() }),
  'token.exchanged': token({ grantType: z.string().optional() }),
  'token.consumed': token(useShape),
  'token.expired': token({}),
  'token.revoked': token(endShape),
  'token.compromised': token(endShape),
  'token.suspended': token(reasonId),
  'token.reinstated': token(reasonId),
  'token.reissued': token({}),
  'token.aliased': z.looseObject({
    pair: z.enum(['jti-tok', 'cred-tok']),
    issuer: z.string().optional(),
    jti: z.string().optional(),
  }),
  'token.renamed': z.looseObject({ from: name, to: name }),
  'family.revoked': z.looseObject({ ...endShape, issuer: z.string().optional(), grant: z.string().optional() }),
  'family.reusereported': z.looseObject({ issuer: z.string().optional(), token: name.optional(), ...endShape }),
  'subject.suspended': z.looseObject({ issuer: z.string().optional(), ...reasonId }),
  'subject.reinstated': z.looseObject({ issuer: z.string().optional(), ...reasonId }),
  'subject.erased': z.looseObject({ by: z.string().optional() }),
  'fence.raised': z.looseObject({
    issuer: z.string().optional(),
    /** Tokens born before it, in ms, are ended. */
    cutoff: millis,
    /** Everything named here must match; `tokenKind` and `offline` narrow further. */
    match: z.strictObject({
      sub: name.optional(),
      cli: name.optional(),
      kid: name.optional(),
      ses: name.optional(),
      tokenKind: z.string().optional(),
      offline: z.boolean().optional(),
    }),
    ...endShape,
  }),
  'key.published': z.looseObject({
    issuer: z.string().optional(),
    kid: z.string().optional(),
    alg: z.string().optional(),
    symmetric: z.boolean().optional(),
  }),
  'key.activated': z.looseObject({ issuer: z.string().optional(), kid: z.string().optional() }),
  'key.retired': z.looseObject({ issuer: z.string().optional(), kid: z.string().optional() }),
  'key.removed': z.looseObject({
    issuer: z.string().optional(),
    kid: z.string().optional(),
    distrusted: z.boolean().optional(),
  }),
  'key.compromised': z.looseObject({ issuer: z.string().optional(), kid: z.string().optional() }),
  'deployment.declared': z.looseObject({
    component: z.string(),
    version: z.string(),
    contract: contractSchema.optional(),
    artifact: z.string().optional(),
    lineage: z.array(z.string()).optional(),
  }),
  'deployment.activated': z.looseObject({
    component: z.string(),
    version: z.string(),
    gateway: z.string().optional(),
    region: z.string().optional(),
    cohort: z.string().optional(),
    weight: z.number().min(0).max(1).optional(),
    sticky: z.boolean().optional(),
  }),
  'deployment.weighted': z.looseObject({
    component: z.string(),
    version: z.string(),
    gateway: z.string().optional(),
    region: z.string().optional(),
    cohort: z.string().optional(),
    weight: z.number().min(0).max(1),
  }),
  'deployment.deactivated': z.looseObject({
    component: z.string(),
    version: z.string(),
    gateway: z.string().optional(),
    region: z.string().optional(),
    cohort: z.string().optional(),
  }),
  'deployment.rolledback': z.looseObject({
    component: z.string(),
    from: z.string(),
    to: z.string(),
    gateway: z.string().optional(),
    region: z.string().optional(),
  }),
  'settings.declared': z.looseObject({ settings: settingsSchema, by: z.string().optional() }),
  'source.gap': z.looseObject({
    source: z.string(),
    from: millis,
    to: millis.optional(),
    lost: z.number().int().optional(),
    closed: z.boolean().optional(),
  }),
  'source.closed': z.looseObject({ source: z.string(), watermark: millis }),
  'source.distrusted': z.looseObject({
    source: z.string(),
    from: millis.optional(),
    to: millis.optional(),
    by: z.array(z.string()).min(2),
    reason: z.string().optional(),
  }),
  'attestation.made': z.looseObject({ statement: z.string(), token: name.optional(), by: z.string().optional() }),
  'legalhold.placed': z.looseObject({
    hold: z.string(),
    token: name.optional(),
    sub: name.optional(),
    by: z.string().optional(),
  }),
  'legalhold.released': z.looseObject({ hold: z.string(), by: z.string().optional() }),
} as const;

export type ObservationType = keyof typeof OBSERVATIONS;
export type ObservationData<T extends ObservationType> = z.infer<(typeof OBSERVATIONS)[T]>;
export const OBSERVATION_TYPES = Object.keys(OBSERVATIONS) as ObservationType[];
const SHORT = new Map(OBSERVATION_TYPES.map((type) => [`tallystick.${type}.v${CURRENT_VERSION}`, type]));

/** `tallystick.token.issued.v1` ↔ `token.issued`. */
export function fullType(type: string, version = CURRENT_VERSION): string {
  return `tallystick.${type}.v${version}`;
}
/** Undefined for a type, or a version of a type, that this build does not know: such facts fold to nothing. */
export function shortType(full: string): ObservationType | undefined {
  return SHORT.get(full);
}

export interface RecordRef {
  /** H(source, source id): the same for each variant of one record. */
  key: string;
  /** HMAC over the declared dedupe fields: differs between conflicting variants. */
  digest: string;
  ordinal: number;
}

/** A fact: one CloudEvent in the ledger (MODEL §2.1), in the lean form in which it is stored. */
export interface Fact {
  id: string;
  /** Full type, such as `tallystick.token.issued.v1`. */
  type: string;
  source: string;
  tenant: string;
  /** The name (or other key) that its stream is about. */
  subject: string;
  /** effectiveAt in ms. */
  time: number;
  names: Names;
  version?: string;
  gateway?: string;
  region?: string;
  api?: string;
  data: Record<string, unknown>;
  personal?: PersonalBox;
  record: RecordRef;
}
export interface PersonalBox {
  keyId: string;
  /** base64url of IV ‖ ciphertext ‖ tag. */
  box: string;
}

/** A fact as the ledger gives it back. */
export interface RecordedFact extends Fact {
  position: bigint;
  recordedAt: number;
}

/** The stream that holds a fact (DESIGN §4). `subject` is the name or key that the stream is about. */
export function streamOf(type: ObservationType, tenant: string, subject: string): string {
  const thing = type.slice(0, type.indexOf('.'));
  switch (thing) {
    case 'key':
      return `issuerkey-${subject}`;
    case 'deployment':
    case 'source':
      return `${thing}-${tenant}-${subject}`;
    case 'settings':
      return `settings-${tenant}`;
    case 'attestation':
    case 'legalhold':
      return isName(subject) && kindOfName(subject) !== 'sub' ? `token-${subject}` : `settings-${tenant}`;
    default:
      return `${thing}-${subject}`;
  }
}
