import type { Contract, Finding, KeyFacts, Millis, Name, TokenView } from '#lifecycle';
import type { Blocker } from './blockers.js';
import type { DecisionLabel } from './decide.js';
import type { FamilyMember } from './exchange.js';
import type { Interval } from './intervals.js';
import type { Access, Reason, Step } from './rules/effect.js';

/** What a plan is made of; everything that changes the answer stands here. */
export interface PlanInput {
  component: string;
  /** V2, the version that is rolled back. */
  from: string;
  /** V1, the version that gets the traffic. It may never have been active (a hotfix), if it is declared. */
  to: string;
  T: Millis;
  /** Opaque: the ledger prefix that the views were folded from. */
  K: string;
  position: string;
  /** Intervals of one tenant. */
  intervals: readonly Interval[];
  contracts: { from?: Contract | undefined; to?: Contract | undefined };
  /** Versions of the component that are declared, active or not. */
  declared?: readonly string[];
  settingsDigest: string;
  rulesVersion: string;
  /** Per source: how far it is known to be complete. */
  watermarks: Readonly<Record<string, Millis>>;
  /** Every token as of T, in any order; one that comes twice counts once. */
  views: Iterable<TokenView> | AsyncIterable<TokenView>;
  /** Findings about the token or its family: see `indexFindings`. */
  findingsOf(view: TokenView): readonly Finding[];
  keys: ReadonlyMap<Name, KeyFacts>;
  /** Members of a family, for exchanged tokens that name no subject token. */
  membersOf(family: Name): Iterable<FamilyMember>;
  /** Whether the issuer reported reuse in a family at or before T. */
  reuseReported?(family: Name): boolean;
  /** The component whose versions a source stamps; undefined means this one. */
  componentOf?(source: string): string | undefined;
  /** Clock error of a source; of all sources the largest, if asked without one. In ms, default 0. */
  clockErrorOf?(source: string | undefined): Millis;
  /** Share of tokens whose issuance was never seen, above which the verdict is hold. */
  observedOnlyShare?: number;
  /** Policy: whether exchanged tokens inherit from their subject tokens; on by default. */
  exchangedInherit?: boolean;
  /** Other components' active versions, checked pairwise against the target. */
  peers?: readonly { component: string; version: string; contract: Contract }[];
}

/** One token that the plan touches. Plain keeps are counted, never listed. */
export interface Decision {
  token: Name;
  decision: DecisionLabel;
  access: Access;
  reissue: boolean;
  /** In ms: not to be accepted at or after it. */
  notAfter?: Millis;
  steps: Step[];
  reasons: Reason[];
}

export interface PlanStep {
  step: Step | 'traffic';
  text: string;
  tokens: number;
  /** publishKey: name of the key at its issuer, and its id if a line showed it. */
  key?: Name;
  kid?: string;
  /** publishKey: how long the target may go on without it. */
  waitSeconds?: number;
  /** pushEnd: suspensions and earlier expiries that go out with it. */
  quarantine?: number;
  until?: number;
}

export type Counts = Record<DecisionLabel | 'reissue', number>;

export interface Plan {
  component: string;
  from: string;
  to: string;
  /** fail: something is blocked; hold: a person must look first. */
  verdict: 'pass' | 'hold' | 'fail';
  counts: Counts;
  /** Sorted by token. */
  decisions: Decision[];
  /** Root of the RFC 6962 tree over the decisions, so that they may lie elsewhere in chunks. */
  decisionsRoot: string;
  blockers: Blocker[];
  /** In the order in which they are carried out; traffic moves last. */
  steps: PlanStep[];
  /** Whom the plan touches: distinct subjects and clients of live tokens that stop working or are replaced. */
  blastRadius: { subjects: number; clients: number; expectedReLogins: number; keysToReplace: number };
  covers: {
    T: Millis;
    K: string;
    position: string;
    /** The lowest of all sources; null without any. */
    watermark: Millis | null;
    watermarks: Record<string, Millis>;
    state: 'provisional' | 'final';
  };
  inputs: { contracts: { from?: Contract; to?: Contract }; settings: string; rules: string };
  notes: string[];
  /** SHA-256 over the RFC 8785 bytes of the plan without this field. */
  digest: string;
}
