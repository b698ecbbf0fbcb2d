import type { Contract, Millis, TokenView } from '#lifecycle';
import { CHECKS, type ContractField } from './checks.js';

/** What one field of a contract says about one token. */
export type Issue =
  | { field: ContractField; kind: 'refuse'; reason: string }
  /** The version reads the claim otherwise than it was meant; `until`: the end of its own reading, if it reads one. */
  | { field: ContractField; kind: 'misread'; claim: string; effect: string; until?: Millis | 'never' }
  /** Accepted, but by the version's own maximum only until then. */
  | { field: ContractField; kind: 'limit'; notAfter: Millis }
  /** `undeclared`: the contract is silent. `unseen`: no line showed what the field is about. */
  | { field: ContractField; kind: 'unknown'; why: 'undeclared' | 'unseen'; what: string };

/** What version X would do with a token at T (MODEL §7.5). All issues are kept: rules look at each of them. */
export type Prediction = { issues: Issue[] } & (
  | { kind: 'accept' }
  | { kind: 'refuse'; reason: string }
  | { kind: 'misread'; claim: string; effect: string }
  | { kind: 'unknown'; why: string }
);

/** What is known besides the contract itself. */
export interface Surmise {
  /** Claims that another version says restrict access; this one may ignore them. */
  restrictingClaims?: readonly string[];
  /** Whether the version's store holds this opaque token; undefined: not known. */
  inStore?: boolean | undefined;
}

/**
 * Predicts what a version with this contract does with the token. A missing contract or field gives `unknown`, never
 * accept, and so does a field about something that no line showed of the token; a field that cannot matter to this
 * token is not asked. A certain refusal outweighs a misreading, which outweighs what is not known.
 */
export function predict(contract: Contract | undefined, view: TokenView, T: Millis, surmise: Surmise = {}): Prediction {
  if (contract === undefined) return { kind: 'unknown', why: 'no contract is declared', issues: [] };
  const issues: Issue[] = [];
  for (const check of CHECKS) {
    if (!check.applies(view)) continue;
    issues.push(...check.check({ contract, view, T, surmise }));
  }
  for (const issue of issues) if (issue.kind === 'refuse') return { kind: 'refuse', reason: issue.reason, issues };
  for (const issue of issues) {
    if (issue.kind === 'misread') return { kind: 'misread', claim: issue.claim, effect: issue.effect, issues };
  }
  for (const issue of issues) if (issue.kind === 'unknown') return { kind: 'unknown', why: wordsOf(issue), issues };
  return { kind: 'accept', issues };
}

export function wordsOf(issue: Issue): string {
  switch (issue.kind) {
    case 'refuse':
      return `refuses it: ${issue.reason}`;
    case 'misread':
      return `misreads ${issue.claim}: ${issue.effect}`;
    case 'limit':
      return 'accepts it for a shorter time';
    case 'unknown':
      return issue.why === 'undeclared'
        ? `the contract does not declare ${issue.what}`
        : `no line showed ${issue.what}`;
  }
}
