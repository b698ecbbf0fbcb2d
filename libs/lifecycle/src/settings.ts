import { z } from 'zod';

/** Reads `60s`, `500ms`, `5m`, `24h`, `30d`, or a number of milliseconds; kept as milliseconds. */
export const duration = z.union([
  z.number().int().nonnegative(),
  z
    .string()
    .regex(/^\d+(\.\d+)?(ms|s|m|h|d)$/, 'write a duration such as 500ms, 60s, 5m, 24h or 30d')
    .transform((text) => {
      const match = /^([\d.]+)(ms|s|m|h|d)$/.exec(text)!;
      const factor = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }[
        match[2] as 'ms' | 's' | 'm' | 'h' | 'd'
      ];
      return Math.round(Number(match[1]) * factor);
    }),
]);

export const FORMATS = [
  'kong',
  'apisix',
  'envoy',
  'tyk',
  'apigee',
  'keycloak',
  'okta',
  'cloudevents',
  'cdevents',
] as const;
export type Format = (typeof FORMATS)[number];

/** Who may say what, strongest first (MODEL §3.2). `claimed` is a fact outside its source's scope: kept, without effect. */
export const AUTHORITIES = ['operator', 'issuer', 'gateway', 'deployer'] as const;
export type Authority = (typeof AUTHORITIES)[number] | 'claimed';

/** The source that the product itself writes under: the operator at the CLI, and intake's own bookkeeping. */
export const OWN_SOURCE = 'tally';

const oddExpiry = z.enum(['never', 'expired', 'unknown']);

/** A source profile (MODEL §3.1). Every field has a default for its format: see `profileOf`. */
export const sourceProfileSchema = z.strictObject({
  format: z.enum(FORMATS),
  tenant: z.string().min(1).optional(),
  authority: z.enum(AUTHORITIES).optional(),
  /** Realm, org or host as the source calls it → issuer, byte for byte as the tokens carry it. */
  issuers: z.record(z.string(), z.string()).optional(),
  /** Issuers for which this source may state issuance, ends and keys; `*` means any. */
  mayIssue: z.array(z.string()).optional(),
  /** Observation types (without prefix and version) that the source may state; default: those of its authority. */
  types: z.array(z.string()).optional(),
  /** The component whose versions are stamped on this source's lines. */
  component: z.string().optional(),
  /** Prefixes of tags that carry version, gateway and region (Tyk). */
  tags: z
    .strictObject({ version: z.string().optional(), gateway: z.string().optional(), region: z.string().optional() })
    .optional(),
  /** Field paths in the line, where they differ from the format's defaults: `{"version": "custom.release"}`. */
  fields: z.record(z.string(), z.string()).optional(),
  /** Whether claim fields that stand outside a token were set by the gateway after verification. */
  claimsVerified: z.boolean().optional(),
  expUnit: z.enum(['s', 'ms', 'us', 'ns']).optional(),
  zone: z
    .string()
    .regex(/^(Z|[+-]\d{2}:?\d{2})$/, 'write Z or an offset such as +02:00')
    .optional(),
  clockError: duration.optional(),
  lateness: duration.optional(),
  idle: duration.optional(),
  leeway: duration.optional(),
  propagationWindow: duration.optional(),
  rotationGrace: duration.optional(),
  /** `revoke`: a refresh token ends when it is used (rotation). `keep`: a use only renews. */
  refreshTokens: z.enum(['revoke', 'keep']).optional(),
  jti: z.enum(['unique', 'perGrant', 'none']).optional(),
  oddExpiry: z
    .strictObject({ zero: oddExpiry.optional(), negative: oddExpiry.optional(), empty: oddExpiry.optional() })
    .optional(),
  uses: z.enum(['each', 'minute']).optional(),
  /** How many proxies in front are trusted; needed to read a client address out of a list. */
  trustedProxies: z.number().int().nonnegative().optional(),
  /** The credential id in this source's lines is the token itself (an API key), not a credential that signs many. */
  credentialIsToken: z.boolean().optional(),
});
export type SourceProfileInput = z.infer<typeof sourceProfileSchema>;

/** A profile with every default filled in; durations in ms. */
export interface SourceProfile {
  name: string;
  format: Format;
  tenant: string;
  authority: Exclude<Authority, 'claimed'>;
  issuers: Record<string, string>;
  mayIssue: string[];
  types?: string[];
  component: string;
  tags: { version: string; gateway: string; region: string };
  fields: Record<string, string>;
  claimsVerified: boolean;
  expUnit: 's' | 'ms' | 'us' | 'ns';
  zone?: string;
  clockError: number;
  lateness: number;
  idle: number;
  leeway: number;
  propagationWindow: number;
  rotationGrace: number;
  refreshTokens: 'revoke' | 'keep';
  jti: 'unique' | 'perGrant' | 'none';
  oddExpiry: {
    zero?: z.infer<typeof oddExpiry>;
    negative?: z.infer<typeof oddExpiry>;
    empty?: z.infer<typeof oddExpiry>;
  };
  uses: 'each' | 'minute';
  trustedProxies?: number;
  credentialIsToken: boolean;
  /** True where the settings name no such source and the format's default is assumed. */
  assumed: boolean;
}

export const DEFAULT_THRESHOLDS = {
  /** D1: a second presentation within this gap from the same client and network is a concurrent rotation. */
  concurrentRotation: 10_000,
  /** D1: a new login of the same subject and client within this window after a refusal is a forced re-login. */
  forcedRelogin: 60_000,
  /** D4: a proof presented again within window + skew is a replay. */
  proofWindow: 10_000,
  proofSkew: 15_000,
  /** D6: this many refused mismatches within `bindingWindow` are a finding. */
  bindingRefusals: 3,
  bindingWindow: 300_000,
  /** D12: how long an accepted token may wait for its issuance to be seen, after the issuer's watermark. */
  issuanceLateness: 300_000,
  /** §5.5: sightings at most this long before the verified issue time count towards birth. */
  birthSlack: 300_000,
  /** A line is future-dated when effectiveAt is later than recordedAt by more than this. */
  futureSlack: 300_000,
  /** D13: deepest chain of actors that is not a finding. */
  actorDepth: 4,
  /** Rollback plan: share of tokens whose issuance was never seen, above which the verdict is hold. */
  observedOnlyShare: 0.05,
  /** Rollback plan: share of changed decisions above which applying a plan is refused. */
  planDrift: 0.05,
} as const;
export type Thresholds = { -readonly [K in keyof typeof DEFAULT_THRESHOLDS]: number };

const thresholdsSchema = z.strictObject(
  Object.fromEntries(
    Object.entries(DEFAULT_THRESHOLDS).map(([key, value]) => [
      key,
      (value >= 1000 ? duration : z.number().nonnegative()).optional(),
    ]),
  ) as Record<keyof typeof DEFAULT_THRESHOLDS, z.ZodOptional<z.ZodNumber>>,
);

/** The settings file of `tally settings`; recorded as a `settings.declared` fact, the whole of it each time. */
export const settingsSchema = z.strictObject({
  sources: z
    .record(
      z
        .string()
        .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/)
        .refine((name) => name !== OWN_SOURCE, `the name ${OWN_SOURCE} is the product's own`),
      sourceProfileSchema,
    )
    .default({}),
  gateways: z
    .record(
      z.string(),
      z.strictObject({
        propagationWindow: duration.optional(),
        leeway: duration.optional(),
        clockError: duration.optional(),
      }),
    )
    .default({}),
  issuers: z
    .record(
      z.string(),
      z.strictObject({
        rotationGrace: duration.optional(),
        jti: z.enum(['unique', 'perGrant', 'none']).optional(),
        /** Access tokens of this issuer must name an audience; else *audience missing* is raised. */
        audienceRequired: z.boolean().optional(),
        /** The `typ` of this issuer's access tokens; accepted with another, D18 is raised. */
        accessTokenTyp: z.string().optional(),
        /** Audiences that this issuer may name; others are D13. */
        audiences: z.array(z.string()).optional(),
      }),
    )
    .default({}),
  thresholds: thresholdsSchema.default({}),
  retention: z
    .strictObject({
      /** Personal fields of records that show no subject: their day's key is destroyed this long after the day. */
      personalWithoutSubject: duration.optional(),
    })
    .default({}),
});
export type SettingsInput = z.input<typeof settingsSchema>;
export type Settings = z.output<typeof settingsSchema>;

export const NO_SETTINGS: Settings = settingsSchema.parse({});

export function thresholdsOf(settings: Settings): Thresholds {
  const stated = Object.entries(settings.thresholds).filter(([, value]) => value !== undefined);
  return { ...DEFAULT_THRESHOLDS, ...(Object.fromEntries(stated) as Partial<Thresholds>) };
}

const FORMAT_DEFAULTS: Record<Format, Partial<SourceProfile>> = {
  kong: { authority: 'gateway', claimsVerified: true, fields: {} },
  apisix: { authority: 'gateway', claimsVerified: true },
  envoy: { authority: 'gateway', claimsVerified: true, leeway: 60_000 },
  tyk: { authority: 'gateway', tags: { version: 'deploy-', gateway: 'gw-', region: 'region-' } },
  apigee: { authority: 'issuer', expUnit: 'ms' },
  // Issuers are components of their own: their lines say nothing of a gateway's version.
  keycloak: { authority: 'issuer', component: '' },
  okta: { authority: 'issuer', component: '' },
  cloudevents: { authority: 'gateway', claimsVerified: true },
  /** No component: each record names its own service, unless the settings name one for the source. */
  cdevents: { authority: 'deployer', component: '' },
};

/** The profile of a source: what the settings say of it, else its format's default, marked `assumed`. */
export function profileOf(settings: Settings, name: string): SourceProfile | undefined {
  const stated = settings.sources[name];
  const format = stated?.format ?? (FORMATS as readonly string[]).find((f) => f === name);
  if (format === undefined) return undefined;
  const base: SourceProfile = {
    name,
    format: format as Format,
    tenant: 'default',
    authority: 'gateway',
    issuers: {},
    mayIssue: [],
    component: 'gateway',
    tags: { version: 'deploy-', gateway: 'gw-', region: 'region-' },
    fields: {},
    claimsVerified: false,
    expUnit: 's',
    clockError: 500,
    lateness: 300_000,
    idle: 600_000,
    leeway: 0,
    propagationWindow: 60_000,
    rotationGrace: 0,
    refreshTokens: 'keep',
    jti: 'unique',
    oddExpiry: {},
    uses: 'each',
    credentialIsToken: false,
    assumed: stated === undefined,
    ...FORMAT_DEFAULTS[format as Format],
  };
  const given = Object.fromEntries(Object.entries(stated ?? {}).filter(([, value]) => value !== undefined));
  return { ...base, ...given, tags: { ...base.tags, ...stated?.tags } } as SourceProfile;
}

/** Whether a source may state lifecycle facts of an issuer: its mapping, `mayIssue`, or a default named after its realm or org. */
export function mayIssue(profile: SourceProfile, issuer: string | undefined): boolean {
  if (profile.authority === 'operator') return true;
  if (profile.authority !== 'issuer') return false;
  if (issuer === undefined || profile.mayIssue.includes('*') || profile.mayIssue.includes(issuer)) return true;
  if (Object.values(profile.issuers).includes(issuer)) return true;
  return issuer.startsWith(assumedIssuer(profile.format, ''));
}

/** The issuer assumed for a realm or org without a mapping: `keycloak:shop`, `okta:org.example.com`, `apigee:org/env`. */
export function assumedIssuer(format: Format, realm: string): string {
  return `${format}:${realm}`;
}
