import { z } from 'zod';
import { isName } from './names.js';
import { OWN_SOURCE } from './settings.js';
import { SEVERITIES } from './view.js';

/** A finding as an event carries it: the whole of it, so that the latest event of its stream is the finding. */
const findingSchema = z.looseObject({
  id: z.string(),
  rule: z.string(),
  kind: z.string(),
  severity: z.enum(SEVERITIES),
  provisional: z.boolean(),
  tokens: z.array(z.string().refine(isName, 'is not a name')),
  family: z.string().optional(),
  gateway: z.string().optional(),
  summary: z.string(),
  evidence: z.record(z.string(), z.unknown()),
});

/** Why a finding no longer stands. */
export const WITHDRAWALS = [
  'names merged',
  'settings changed',
  'source distrusted',
  'time passed',
  'later facts',
] as const;
export type Withdrawal = (typeof WITHDRAWALS)[number];

/**
 * The data of what was concluded from facts. Conclusions stand in the ledger for people and other systems; they are
 * never folded, are nobody's clock, and change no answer (MODEL §2.4).
 */
export const CONCLUSIONS = {
  'finding.raised': z.looseObject({ finding: findingSchema }),
  'finding.amended': z.looseObject({ finding: findingSchema }),
  /** `finding` as it stood last; `by`: the finding that took its place where names merged (MODEL §5.8). */
  'finding.withdrawn': z.looseObject({
    finding: findingSchema,
    reason: z.enum(WITHDRAWALS),
    by: z.string().optional(),
  }),
} as const;
export type ConclusionType = keyof typeof CONCLUSIONS;
export const CONCLUSION_TYPES = Object.keys(CONCLUSIONS) as ConclusionType[];

/**
 * Whether an event is a conclusion of ours. A source may send an event of such a type, too: that is a fact of a type
 * that folds to nothing, taken in like any other, and concludes nothing.
 * @param type full, such as `tallystick.finding.raised.v1`
 */
export function isOwnConclusion({ type, source }: { type: string; source: string }): boolean {
  return source === OWN_SOURCE && isConclusion(type);
}

/** Whether a full type is that of a conclusion: cheap, for looking closer. */
export function isConclusion(type: string): boolean {
  return /^tallystick\.(finding|gate|rollback)\./.test(type);
}

/** Ids of findings are the same in every tenant, their streams are not: those of `default` have the plain name. */
export function findingStream(tenant: string, id: string): string {
  return tenant === 'default' ? `finding-${id}` : `finding-${id}-${tenant}`;
}
