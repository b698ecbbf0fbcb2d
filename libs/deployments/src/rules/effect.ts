import type { Millis } from '#lifecycle';

/** What a rule does to a token, each list from weakest to strongest (MODEL §8). */
export const ACCESS = ['keep', 'suspend', 'end'] as const;
export type Access = (typeof ACCESS)[number];

/** In the order in which they are carried out; traffic moves after all of them. */
export const STEPS = ['pushEnd', 'seedStore', 'publishKey', 'clearLockout'] as const;
export type Step = (typeof STEPS)[number];

export const VERDICTS = ['pass', 'hold', 'blocked'] as const;
export type TokenVerdict = (typeof VERDICTS)[number];

export interface Reason {
  rule: string;
  text: string;
  /** Set where this reason alone keeps the plan from passing. */
  verdict?: Exclude<TokenVerdict, 'pass'>;
}

export interface Effect {
  access: Access;
  /** The token must not be accepted at or after this instant. */
  notAfter?: Millis;
  reissue: boolean;
  /** Without repeats, in the order of {@link STEPS}. */
  steps: Step[];
  verdict: TokenVerdict;
  /** Every rule that matched, sorted. */
  reasons: Reason[];
  /** What tokens exchanged for this one inherit from it; absent: nothing. */
  inherits?: Exclude<Access, 'keep'>;
}

export const NO_EFFECT: Effect = { access: 'keep', reissue: false, steps: [], verdict: 'pass', reasons: [] };

/** The join of two effects: associative, commutative and idempotent, so that the order of rules cannot matter. */
export function join(a: Effect, b: Effect): Effect {
  const out: Effect = {
    access: strongest(ACCESS, a.access, b.access),
    reissue: a.reissue || b.reissue,
    steps: STEPS.filter((step) => a.steps.includes(step) || b.steps.includes(step)),
    verdict: strongest(VERDICTS, a.verdict, b.verdict),
    reasons: union(a.reasons, b.reasons),
  };
  if (a.notAfter !== undefined || b.notAfter !== undefined) {
    out.notAfter = Math.min(a.notAfter ?? Infinity, b.notAfter ?? Infinity);
  }
  const inherits = strongest(ACCESS, a.inherits ?? 'keep', b.inherits ?? 'keep');
  if (inherits !== 'keep') out.inherits = inherits;
  return out;
}

/** After the join: what is suspended or ended is neither seeded, nor unlocked, nor a reason to publish a key. */
export function settle(effect: Effect): Effect {
  if (effect.access === 'keep') return effect;
  return { ...effect, steps: effect.steps.filter((step) => step === 'pushEnd') };
}

export function strongest<T extends string>(order: readonly T[], a: T, b: T): T {
  return order.indexOf(a) >= order.indexOf(b) ? a : b;
}

function union(a: Reason[], b: Reason[]): Reason[] {
  if (a.length === 0 || a === b) return normalReasons(b);
  if (b.length === 0) return normalReasons(a);
  return normalReasons([...a, ...b]);
}

function normalReasons(reasons: Reason[]): Reason[] {
  if (reasons.length < 2) return reasons;
  const all = new Map(reasons.map((reason) => [`${reason.rule}\n${reason.text}\n${reason.verdict ?? ''}`, reason]));
  return [...all].sort(([x], [y]) => (x < y ? -1 : 1)).map(([, reason]) => reason);
}
