import type { Contract, Finding, KeyFacts, Millis, TokenView } from '#lifecycle';
import type { Attributable, Attribution } from '../attribution.js';
import type { Prediction } from '../prediction.js';
import type { Access, Step, TokenVerdict } from './effect.js';

/** Whether a fact was made under the version that is rolled back, over all candidates of its attribution. */
export interface Under {
  /** Under one candidate it was. */
  may: boolean;
  /** Under every candidate it was. */
  must: boolean;
  attribution: Attribution;
}

/** What the rules may look at beside the view itself. `from` is V2 and `to` is V1 of MODEL §8. */
export interface RuleContext {
  component: string;
  from: string;
  to: string;
  T: Millis;
  fromContract: Contract | undefined;
  toContract: Contract | undefined;
  /** Whether the two versions share the store that knows ends and opaque tokens. */
  store: 'shared' | 'separate' | 'unknown';
  /** The first activation of `from` ever, on any scope; in ms. */
  firstActivation: Millis;
  /** The largest clock error of the sources: an end this close before the activation may lie after it. */
  clockError: Millis;
  /** What `to` would do with this token. */
  prediction: Prediction;
  /** Findings about this token or its family. */
  findings: readonly Finding[];
  /** The issuer reported reuse in this token's family. */
  reuseReported: boolean;
  key: KeyFacts | undefined;
  /** The plan publishes this token's key: it is decided as if that were done. */
  keyPublished: boolean;
  under(fact: Attributable & { source?: string }): Under;
}

/** What one case of a rule does; what is left out does nothing. */
export interface EffectPart {
  access?: Access;
  reissue?: boolean;
  steps?: readonly Step[];
  verdict?: TokenVerdict;
}

export interface Match<Case extends string = string> {
  case: Case;
  /** Why, in words, without anything secret or personal. */
  text: string;
  /** Further reasons of the same row. */
  also?: readonly string[];
  notAfter?: Millis;
  /** Set where the default is wrong: tokens exchanged for this one inherit a suspension, but an end only if named here. */
  inherits?: 'end';
}

/** One row of the decision table of MODEL §8, as data. */
export interface Rule<Case extends string = string> {
  id: string;
  title: string;
  /** The effect of each case. */
  effects: Readonly<Record<Case, EffectPart>>;
  when(view: TokenView, context: RuleContext): Match<Case> | undefined;
}

/** Gives a rule its cases' type and lets it stand in one table with the others. */
export function rule<Case extends string>(row: Rule<Case>): Rule {
  return row;
}
