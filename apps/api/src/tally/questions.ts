import { isName, SEVERITIES } from '#lifecycle';
import { z } from 'zod';

/**
 * Every question that the product answers, once: the CLI asks by these names, the API serves each at its path, and a
 * command that finds a running `tally up` asks it there. Parameters are texts and numbers, so that they fit a URL.
 */

const name = z.string().refine(isName, 'is not a name (32 hex digits)');
const when = {
  /** `time:T` or `version:V`; default: now. */
  asOf: z.string().optional(),
  /** `time:T` or `position:K`; default: the head. */
  asKnownAt: z.string().optional(),
  /** For `version:V`: which component's version. */
  component: z.string().optional(),
  /** For a version that was active several times: which interval, from 1. */
  interval: z.coerce.number().int().positive().optional(),
};
const tenant = { tenant: z.string().default('default') };
const who = { by: z.string().optional() };
const flag = z.union([z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')]);
/** Rows after this key; part of an opaque cursor over HTTP. */
const rows = { after: z.string().optional() };

const selector = {
  name: name.optional(),
  jti: z.string().optional(),
  issuer: z.string().optional(),
  /** SHA-256 of the token in hex: the token itself never travels. */
  sha256: z.string().optional(),
};

const deploymentStep = z.object({
  ...tenant,
  component: z.string(),
  version: z.string(),
  /** When it took effect; default: now. */
  at: z.string().optional(),
  gateway: z.string().optional(),
  region: z.string().optional(),
  cohort: z.string().optional(),
  weight: z.coerce.number().min(0).max(1).optional(),
  sticky: flag.optional(),
});

export const QUESTIONS = {
  'token.show': {
    method: 'GET',
    path: '/v1/tokens',
    rows: false,
    params: z.object({ ...tenant, ...selector, ...when }),
  },
  'token.history': {
    method: 'GET',
    path: '/v1/tokens/history',
    rows: true,
    params: z.object({
      ...tenant,
      ...selector,
      ...when,
      ...rows,
      /** `effective`: when it was true at the source; `recorded`: when we knew. */
      order: z.enum(['effective', 'recorded']).default('effective'),
      /** Opens the personal fields; only a person asks for that. */
      personal: flag.default(false),
    }),
  },
  state: {
    method: 'GET',
    path: '/v1/state',
    rows: true,
    params: z.object({
      ...tenant,
      ...when,
      ...rows,
      projection: z.enum(['time', 'produced', 'effective']).default('time'),
    }),
  },
  findings: {
    method: 'GET',
    path: '/v1/findings',
    rows: true,
    params: z.object({
      ...tenant,
      ...when,
      ...rows,
      severity: z.enum(SEVERITIES).optional(),
      rule: z.string().optional(),
      token: name.optional(),
    }),
  },
  'deployment.list': {
    method: 'GET',
    path: '/v1/deployments',
    rows: true,
    params: z.object({ ...tenant, ...rows, component: z.string().optional(), asKnownAt: z.string().optional() }),
  },
  'deployment.show': {
    method: 'GET',
    path: '/v1/deployments/show',
    rows: false,
    params: z.object({ ...tenant, id: z.string(), component: z.string().optional(), asKnownAt: z.string().optional() }),
  },
  'deployment.matrix': {
    method: 'GET',
    path: '/v1/deployments/matrix',
    rows: true,
    params: z.object({ ...tenant, ...when, ...rows }),
  },
  'deployment.declare': {
    method: 'POST',
    path: '/v1/deployments/declare',
    rows: false,
    params: z.object({ ...tenant, declaration: z.unknown() }),
  },
  'deployment.activate': { method: 'POST', path: '/v1/deployments/activate', rows: false, params: deploymentStep },
  'deployment.deactivate': { method: 'POST', path: '/v1/deployments/deactivate', rows: false, params: deploymentStep },
  'rollback.plan': {
    method: 'POST',
    path: '/v1/rollbacks/plan',
    rows: false,
    params: z.object({
      ...tenant,
      component: z.string(),
      from: z.string(),
      to: z.string(),
      asOf: z.string().optional(),
      asKnownAt: z.string().optional(),
    }),
  },
  'settings.show': {
    method: 'GET',
    path: '/v1/settings',
    rows: false,
    params: z.object({ ...tenant, asKnownAt: z.string().optional() }),
  },
  'settings.check': {
    method: 'POST',
    path: '/v1/settings/check',
    rows: false,
    params: z.object({ ...tenant, settings: z.unknown() }),
  },
  'settings.declare': {
    method: 'POST',
    path: '/v1/settings',
    rows: false,
    params: z.object({ ...tenant, ...who, settings: z.unknown() }),
  },
  'deadletters.list': { method: 'GET', path: '/v1/dead-letters', rows: true, params: z.object({ ...tenant, ...rows }) },
  'deadletters.show': {
    method: 'GET',
    path: '/v1/dead-letters/show',
    rows: false,
    params: z.object({ ...tenant, id: z.string(), personal: flag.default(false) }),
  },
  'deadletters.redrive': {
    method: 'POST',
    path: '/v1/dead-letters/redrive',
    rows: false,
    params: z.object({ ...tenant, id: z.string().optional() }),
  },
  'subject.erase': {
    method: 'POST',
    path: '/v1/subjects/erase',
    rows: false,
    params: z.object({
      ...tenant,
      ...who,
      name: name.optional(),
      issuer: z.string().optional(),
      subject: z.string().optional(),
    }),
  },
  'source.distrust': {
    method: 'POST',
    path: '/v1/sources/distrust',
    rows: false,
    params: z.object({
      ...tenant,
      source: z.string(),
      from: z.string().optional(),
      to: z.string().optional(),
      by: z.array(z.string().min(1)),
      reason: z.string().optional(),
    }),
  },
  'secrets.list': { method: 'GET', path: '/v1/secrets', rows: true, params: z.object({ ...tenant, ...rows }) },
  'secrets.rotate': { method: 'POST', path: '/v1/secrets/rotate', rows: false, params: z.object({ ...tenant }) },
  'secrets.retire': {
    method: 'POST',
    path: '/v1/secrets/retire',
    rows: false,
    params: z.object({ ...tenant, version: z.coerce.number().int().min(0).max(15) }),
  },
  export: {
    method: 'GET',
    path: '/v1/export',
    rows: true,
    params: z.object({ ...tenant, ...rows, asKnownAt: z.string().optional() }),
  },
  backup: { method: 'POST', path: '/v1/backup', rows: false, params: z.object({ directory: z.string() }) },
  'query.list': { method: 'GET', path: '/v1/queries', rows: true, params: z.object({ ...rows }) },
  'query.run': {
    method: 'GET',
    path: '/v1/queries/run',
    rows: true,
    params: z.object({
      ...tenant,
      ...rows,
      name: z.string(),
      /** The query's own parameters: a JSON object of texts. */
      params: z.string().default('{}'),
    }),
  },
  sql: { method: 'POST', path: '/v1/sql', rows: true, params: z.object({ ...rows, sql: z.string() }) },
  'analytics.status': { method: 'GET', path: '/v1/analytics', rows: false, params: z.object({}) },
  'analytics.migrate': {
    method: 'POST',
    path: '/v1/analytics/migrate',
    rows: false,
    params: z.object({
      /** Only say what would be applied. */
      plan: flag.default(false),
    }),
  },
  'analytics.catch-up': { method: 'POST', path: '/v1/analytics/catch-up', rows: true, params: z.object({}) },
  'analytics.rebuild': {
    method: 'POST',
    path: '/v1/analytics/rebuild',
    rows: true,
    params: z.object({
      /** Drop what a rebuild that was broken off has filled. */
      anew: flag.default(false),
    }),
  },
  fsck: {
    method: 'POST',
    path: '/v1/fsck',
    rows: true,
    params: z.object({
      /** Position to begin at, as answers give it (`p…`, `position:p…`) or decimal; a check that was broken off tells it. */
      from: z.coerce
        .string()
        .regex(/^(position:)?(p[0-9a-z]{1,13}|\d{1,15})$/, 'takes a position such as p50 or 180')
        .default('0'),
      /** Repair in place what can be. */
      repair: flag.default(false),
      /** Compare the states of all tokens too, if all rows agree. */
      states: flag.default(true),
    }),
  },
  status: { method: 'GET', path: '/v1/status', rows: false, params: z.object({ ...tenant }) },
} as const;

export type QuestionName = keyof typeof QUESTIONS;
export type Params<Q extends QuestionName> = z.input<(typeof QUESTIONS)[Q]['params']>;
export type ReadParams<Q extends QuestionName> = z.output<(typeof QUESTIONS)[Q]['params']>;

/** An answer: one value, or rows that stream, with what is known only at their end. */
export type Answer =
  | { kind: 'value'; value: unknown; verdict?: 'pass' | 'hold' | 'fail' }
  | {
      kind: 'rows';
      rows: AsyncIterable<Record<string, unknown>> | Iterable<Record<string, unknown>>;
      /** The key of a row, for `after`. */
      keyOf(row: Record<string, unknown>, index: number): string;
      /** T and K of this answer, so that a later page asks for the same. */
      pinned: { asOf?: string; asKnownAt?: string; params?: string };
      /** After the last row: counts, digest. */
      end?: () => Record<string, unknown>;
    };

/** Whoever answers questions: the data directory itself, or a running `tally up` over HTTP. */
export interface Tally {
  ask<Q extends QuestionName>(question: Q, params: Params<Q>): Promise<Answer>;
  ingest(
    input: AsyncIterable<Uint8Array>,
    options: IngestOptions,
    onProgress?: (report: IngestAnswer) => void,
  ): Promise<IngestAnswer>;
  /** Brings what is made from the ledger up to its head; absent where somebody else does it. */
  settle?(options: { signal?: AbortSignal }): Promise<void>;
  close(): Promise<void>;
}

export interface IngestOptions {
  tenant: string;
  source: string;
  /** What the input is called in messages; never part of any identity. */
  what: string;
  /** The input is finished: its sources close (MODEL §4.4). */
  finished: boolean;
  /** Ends the wait for a tally that runs elsewhere, whatever it is doing; an input that is read here ends by itself. */
  signal?: AbortSignal;
}

export interface IngestAnswer {
  records: number;
  accepted: number;
  duplicates: number;
  conflicts: number;
  rejected: number;
  ignored: number;
  events: number;
  seconds: number;
  rejections: { line: number; record?: number; field: string; reason: string; deadLetter: string }[];
  /** Records by source, and whether its profile was assumed from the format. */
  sources: { source: string; records: number; assumed: boolean }[];
}
