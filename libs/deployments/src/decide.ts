import type { TokenView } from '#lifecycle';
import { join, NO_EFFECT, settle, type Effect } from './rules/effect.js';
import type { Match, Rule, RuleContext } from './rules/rule.js';
import { RULES } from './rules/table.js';

/** The label of a decision, for people. A token has exactly one; `reissue` stands beside it. */
export const DECISIONS = ['revoke', 'quarantine', 'until', 'restore', 'keep', 'none'] as const;
export type DecisionLabel = (typeof DECISIONS)[number];

/** All rules evaluated, their effects joined and settled. */
export function decide(view: TokenView, context: RuleContext): Effect {
  let effect = NO_EFFECT;
  for (const row of RULES) {
    const match = row.when(view, context);
    if (match) effect = join(effect, effectOf(row, match));
  }
  if (effect.reasons.length === 0) effect = join(effect, unmatched());
  return settle(effect);
}

/** The effect of one match of one rule. */
export function effectOf(row: Rule, match: Match): Effect {
  const part = row.effects[match.case]!;
  const access = part.access ?? 'keep';
  const verdict = part.verdict ?? 'pass';
  const effect: Effect = {
    access,
    reissue: part.reissue ?? false,
    steps: [...(part.steps ?? [])],
    verdict,
    reasons: [match.text, ...(match.also ?? [])].map((text) =>
      verdict === 'pass' ? { rule: row.id, text } : { rule: row.id, text, verdict },
    ),
  };
  if (match.notAfter !== undefined) effect.notAfter = match.notAfter;
  const inherits = match.inherits ?? (access === 'suspend' ? 'suspend' : undefined);
  if (inherits) effect.inherits = inherits;
  return effect;
}

function unmatched(): Effect {
  return { ...NO_EFFECT, reasons: [{ rule: 'none', text: 'no rule asks for anything' }] };
}

/** By access first, then by what is done to a token that is kept. */
export function labelOf(effect: Effect): DecisionLabel {
  if (effect.access === 'end') return 'revoke';
  if (effect.access === 'suspend') return 'quarantine';
  if (effect.notAfter !== undefined) return 'until';
  if (effect.steps.includes('clearLockout')) return 'restore';
  return effect.reasons.some((reason) => reason.rule === 'none') ? 'none' : 'keep';
}

/** Whether the plan must name the token: everything but a plain keep or none. */
export function isTouched(effect: Effect): boolean {
  const label = labelOf(effect);
  return (label !== 'keep' && label !== 'none') || effect.reissue || effect.steps.length > 0;
}
