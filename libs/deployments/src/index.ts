export * from './errors.js';
export { covers, describeScope, mayTouch, scopeOf, type Scope } from './scope.js';
export { declaredIntervals, type Carved, type DeploymentFact, type Interval, type IntervalEnd } from './intervals.js';
export { inferredIntervals, intervalsOf, type Sighting } from './sightings.js';
export { activationsOf, selectActivation, type Activation, type Selection } from './activation.js';
export { attribute, lineageOf, type Attributable, type Attribution } from './attribution.js';
export { ANY, CHECKS, CONTRACT_FIELDS, type Check, type ContractField } from './checks.js';
export { predict, wordsOf, type Issue, type Prediction, type Surmise } from './prediction.js';
export { contractDiff, pairIssues, type ContractChange } from './compare.js';
export {
  produced,
  timeCut,
  type CutQuestion,
  type Produced,
  type ProducedContext,
  type TimeCut,
} from './projections.js';
export { revocationLag, versionMatrix, type LagCell, type MatrixCell, type MatrixContext } from './matrix.js';
export {
  join as joinEffects,
  settle,
  type Access,
  type Effect,
  type Reason,
  type Step,
  type TokenVerdict,
} from './rules/effect.js';
export { type EffectPart, type Match, type Rule, type RuleContext, type Under } from './rules/rule.js';
export { RULES } from './rules/table.js';
export { FALSE_REVOCATION } from './rules/ends.js';
export { decide, DECISIONS, isTouched, labelOf, type DecisionLabel } from './decide.js';
export { membershipOf, type Membership, type PopulationContext } from './population.js';
export { Inheritance, type Exchanged, type FamilyMember } from './exchange.js';
export { indexFindings } from './findings-index.js';
export { planRollback, verifyPlan } from './rollback.js';
export type { Counts, Decision, Plan, PlanInput, PlanStep } from './plan.js';
export type { Blocker } from './blockers.js';
export { canonicalDigest, canonicalJson } from './canonical.js';
export { merkleRoot } from './merkle.js';
