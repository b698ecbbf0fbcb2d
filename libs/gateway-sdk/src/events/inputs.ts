import type { RefusalReason } from '../../shared.js';

/** What every event may say of itself. */
export interface EventInput {
  /** When it became true, in ms since 1970; default: now. */
  at?: number;
  /** Your own id of it, unique at this source, so that telling it again after a crash is one event. Default: a new one. */
  id?: string;
}

/** How a token is found: by itself, its digest, its credential id, or its id at its issuer. */
export interface TokenRef {
  /** The raw token. It is hashed within the call, and no more is kept of it. */
  token?: string;
  /** Its SHA-256, 64 hex digits. */
  tokenSha256?: string;
  /** A raw API key; hashed within the call as well. */
  apiKey?: string;
  /** An API key or client credential by the id that a system gave it. */
  credential?: { system: string; id: string };
  issuer?: string;
  jti?: string;
}

export type TokenKind = 'access' | 'refresh' | 'id' | 'apiKey' | 'assertion' | 'logout';

/** A token and what is known of it. Claims count only if somebody verified them. */
export interface TokenInput extends EventInput, TokenRef {
  /** The payload of a verified JWT: its registered claims are told, other values are not. */
  claims?: Readonly<Record<string, unknown>>;
  /** The header of that JWT: `alg`, `kid` and `typ` are told. */
  header?: Readonly<Record<string, unknown>>;
  /** Whether somebody verified what is said of the token. Default: false for `rejected` and `observed` of a gateway. */
  verified?: boolean;
  subject?: string;
  client?: string;
  session?: string;
  kid?: string;
  /** The id of the grant at the issuer: it makes the family. */
  grant?: string;
  consumer?: string | { system: string; id: string };
  aud?: string | readonly string[];
  scope?: string | readonly string[];
  /** Seconds since 1970, as in a JWT. */
  iat?: number;
  nbf?: number;
  exp?: number;
  typ?: string;
  alg?: string;
  kind?: TokenKind;
  form?: 'jwt' | 'opaque';
  offline?: boolean;
  /** Where it was seen; default: those of the emitter. */
  version?: string;
  gateway?: string;
  region?: string;
  api?: string;
}

/** A use of a token at a gateway. */
export interface TokenUse extends TokenInput {
  /** The HTTP status that the gateway answered with. */
  status?: number;
  /** The status of the upstream, where that is what the client got: the gateway itself let the token pass. */
  upstreamStatus?: number;
  scheme?: string;
  /** Told to the intake, which names the network and seals the rest as personal data. */
  clientIp?: string;
  userAgent?: string;
  proof?: { present?: boolean; jkt?: string; x5t?: string; htm?: string; htu?: string };
  /** A dark launch: shown, never state. */
  shadow?: boolean;
  anonymous?: boolean;
}

export interface TokenRefusal extends TokenUse {
  reason?: RefusalReason;
}

export interface TokenIssue extends TokenInput {
  parent?: TokenRef;
  grantType?: string;
  /** The issuer may not have committed it. */
  unconfirmed?: boolean;
}

/** A refresh token that was used: `rotated` ended it, `renewed` did not. */
export interface TokenTurn extends TokenUse {
  parent?: TokenRef;
  successor?: TokenRef;
  grantType?: string;
}

export interface TokenExchange extends TokenInput {
  subjectToken?: TokenRef;
  /** The grant of the subject token, where the token itself is not known. */
  subjectGrant?: string;
  actorToken?: TokenRef;
  grantType?: string;
}

export interface TokenEnd extends TokenInput {
  cause?: string;
  unconfirmed?: boolean;
}

/** Suspensions are lifted per reason: `reinstated` with the same `reasonId` takes back one, not all. */
export interface TokenToggle extends TokenInput {
  reasonId?: string;
  cause?: string;
}

export interface FamilyEnd extends EventInput {
  issuer: string;
  grant: string;
  cause?: string;
  unconfirmed?: boolean;
}

export interface ReuseReport extends FamilyEnd {
  /** The token that was presented again. */
  token?: TokenRef;
}

export interface SubjectToggle extends EventInput {
  issuer: string;
  subject: string;
  reasonId?: string;
  cause?: string;
}

/** Ends every token born before `cutoff` of everything that is named here together. */
export interface FenceInput extends EventInput {
  issuer: string;
  subject?: string;
  client?: string;
  session?: string;
  kid?: string;
  /** Ms since 1970; default: what was born up to `at`. */
  cutoff?: number;
  tokenKind?: TokenKind;
  offline?: boolean;
  cause?: string;
}

export interface KeyInput extends EventInput {
  issuer: string;
  kid: string;
  alg?: string;
  symmetric?: boolean;
  /** `keyRemoved`: whether it was taken away because nobody should trust it. */
  distrusted?: boolean;
}

/** Where and how far a version is active; component, version, gateway and region default to those of the emitter. */
export interface DeploymentScope extends EventInput {
  component?: string;
  version?: string;
  gateway?: string;
  region?: string;
  cohort?: string;
}
export interface DeploymentDeclaration extends EventInput {
  component?: string;
  version?: string;
  /** What the version accepts; see docs/deployments.md. */
  contract?: Readonly<Record<string, unknown>>;
  artifact?: string;
  lineage?: readonly string[];
}
export interface DeploymentActivation extends DeploymentScope {
  /** 0 to 1. */
  weight?: number;
  sticky?: boolean;
}
export interface DeploymentWeight extends DeploymentScope {
  weight: number;
}
export interface DeploymentRollback extends EventInput {
  component?: string;
  from: string;
  to: string;
  gateway?: string;
  region?: string;
}

/** Something of this source was lost or comes late, between two instants in ms. */
export interface GapInput extends EventInput {
  from: number;
  to?: number;
  /** How many events. */
  count?: number;
  /** The late events are in after all. */
  closed?: boolean;
}
/** Nothing before this instant will come any more. */
export interface ClosedInput extends EventInput {
  watermark: number;
}
