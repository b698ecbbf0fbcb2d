import type { Expiry } from './expiry.js';
import type { Name } from './names.js';
import type { Audiences } from './observations.js';
import type { RefusalClass, RefusalReason } from './refusal-reasons.js';
import type { Authority } from './settings.js';
import type { Millis } from './time.js';

/** Display order of MODEL §5.7, strongest first. */
export const STATUSES = [
  'compromised',
  'revoked',
  'rotated',
  'consumed',
  'expired',
  'suspended',
  'active',
  'issued',
  'observed',
] as const;
export type Status = (typeof STATUSES)[number];

export type EndKind = 'compromised' | 'revoked' | 'fenced' | 'familyEnded' | 'rotated' | 'consumed';

/** One way in which a token ended, at or before the cut. */
export interface End {
  kind: EndKind;
  at: Millis;
  cause: string;
  scope?: string;
  authority: Authority;
  /** The version stamped on the line that says so, if any. */
  version?: string;
  gateway?: string;
  /** rotated: the token that took its place. */
  successor?: Name;
}

/** How a line of a gateway left the token. `observed`: seen without a judgement. */
export type Outcome = 'accepted' | 'refused' | 'observed';

/** First and last of the uses that are alike in everything but time, within one bucket (MODEL §5.4). */
export interface Use {
  outcome: Outcome;
  /** What the observation was: validated, rejected, renewed, rotated … */
  via: string;
  source: string;
  gateway?: string;
  region?: string;
  version?: string;
  reason?: RefusalReason;
  class?: RefusalClass;
  status?: number;
  net?: Name;
  agent?: string;
  client?: Name;
  country?: string;
  proof?: { present: boolean; jkt?: string; x5t?: string };
  scheme?: string;
  kind?: string;
  typ?: string;
  shadow?: boolean;
  future?: boolean;
  first: Millis;
  last: Millis;
  /** Each use between first and last is known only as lying within them when false. */
  exact: boolean;
}

export interface Onset {
  at: Millis;
  authority: Authority;
  gateway?: string;
  version?: string;
}

/** One token (or one part of a conflicting identity) as of a cut: what `evaluate` answers. */
export interface TokenView {
  name: Name;
  /** Every name of this token, the canonical first. */
  names: Name[];
  /** Set on a part of an identity conflict, or of a key changed in place: the jti or cred that indexes it. */
  partOf?: Name;
  identityConflict: boolean;
  issuer?: string;
  jti?: string;
  kind: 'access' | 'refresh' | 'id' | 'apiKey' | 'assertion' | 'logout' | 'consumer' | 'unknown';
  form?: 'jwt' | 'opaque';
  exchanged: boolean;
  status: Status;
  /** Sorted: conflict, overflow, unitSuspect (these three are in the state digest), and more for people. */
  flags: string[];
  subject?: Name;
  client?: Name;
  consumer?: Name;
  credential?: Name;
  /** Text and name of the signing key's id. */
  kid?: string;
  kidName?: Name;
  alg?: string;
  typ?: string;
  audiences?: Audiences;
  scopes?: string[];
  cnf?: { jkt?: string; x5t?: string };
  claims?: string[];
  verifiedClaims: boolean;
  /** The family's label: its smallest fam name, else its smallest member; absent for a token without edges. */
  family?: Name;
  sessions: Name[];
  parent?: Name;
  successors: Name[];
  subjectToken?: Name;
  /** exchanged without a named subject token: the family that it came from. */
  subjectFamily?: Name;
  actorDepth?: number;
  iat?: Millis;
  /** The earliest issuance seen, stated with authority. */
  issuedAt?: Millis;
  issuedBy?: Onset;
  /** Issuance may not have committed. */
  unconfirmed: boolean;
  birth?: Millis;
  firstSeen: Millis;
  expiry: Expiry;
  /** The `exp` claim as the token carries it, if any line showed it: what each version reads in its own unit. */
  exp?: number | string;
  ends: End[];
  endedAt?: Millis;
  cause?: string;
  suspended: boolean;
  suspendedBy: string[];
  /** First acceptance per (gateway, version). */
  accepted: Onset[];
  uses: Use[];
  /** Versions that issued, accepted and refused it; stamped ones only. */
  versions: { issued: string[]; accepted: string[]; refused: string[] };
  /** Attestations by operators, in order of time. */
  attestations: { statement: string; at: Millis }[];
  legalHold: boolean;
  /** Names of attributes with more than one value. */
  conflicts: string[];
  /** Facts that belong to no one part (identity conflict only). */
  unattributed: number;
}

/** Where a history is cut: facts with effectiveAt ≤ T count; `gateways` overrides T where a version's cut differs. */
export interface Cut {
  T: Millis;
  gateways?: ReadonlyMap<string, Millis>;
}

export const SEVERITIES = ['info', 'low', 'medium', 'high', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

export interface Finding {
  /** H(rule, anchor): the same incident keeps its id. */
  id: string;
  rule: string;
  kind: string;
  severity: Severity;
  provisional: boolean;
  tokens: Name[];
  family?: Name;
  gateway?: string;
  summary: string;
  evidence: Record<string, unknown>;
}

export function worst(a: Severity, b: Severity): Severity {
  return SEVERITIES.indexOf(a) >= SEVERITIES.indexOf(b) ? a : b;
}
