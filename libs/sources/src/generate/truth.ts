import { createHash } from 'node:crypto';

/** What identifies a token in clear; at least one is set. A credential is what `cred` names: system, then its id. */
export interface Identity {
  issuer?: string;
  jti?: string;
  sha256?: string;
  credential?: readonly string[];
}

export type TrueKind = 'access' | 'refresh' | 'id' | 'apiKey';
export interface TrueEnd {
  kind: 'revoked' | 'fenced' | 'familyEnded' | 'rotated';
  at: number;
}
export interface TrueUse {
  at: number;
  gateway: string;
  version?: string;
  outcome: 'accepted' | 'refused';
  reason?: string;
}

/** The true history of one token: what a right reading of the lines must come to. Times in ms. */
export interface TrueToken extends Identity {
  key: string;
  kind: TrueKind;
  /** Issuer and grant, as the issuer counts grants. */
  family?: string;
  issuedAt?: number;
  /** As the lines show it: a token whose lines show no expiry has an unknown one. */
  expiry: number | 'never' | 'unknown';
  ends: TrueEnd[];
  uses: TrueUse[];
}

export interface TrueFinding {
  rule: string;
  severity?: 'info' | 'low' | 'medium' | 'high' | 'critical';
  kind?: string;
  token?: Identity;
}
export interface TrueInterval {
  component: string;
  version: string;
  gateway?: string;
  on: number;
  off?: number;
}

export type TrueStatus = 'revoked' | 'rotated' | 'expired' | 'active' | 'issued' | 'observed';

/** The true answer beside the lines; it fills as they are taken. */
export class Truth {
  readonly tokens = new Map<string, TrueToken>();
  readonly findings: TrueFinding[] = [];
  readonly versions: TrueInterval[] = [];
  records = 0;
  duplicates = 0;
  /** Records whose id came before with other content. */
  conflicts = 0;
  /** Records that state nothing about a token. */
  ignored = 0;

  token(identity: Identity, kind: TrueKind, family?: string): TrueToken {
    const key = keyOf(identity);
    let token = this.tokens.get(key);
    if (token === undefined) {
      token = { ...identity, key, kind, expiry: 'unknown', ends: [], uses: [] };
      if (family !== undefined) token.family = family;
      this.tokens.set(key, token);
    }
    return token;
  }

  /** The status as of an instant (inclusive); undefined before anything is known of the token. */
  statusOf(token: TrueToken, at: number): TrueStatus | undefined {
    const ends = token.ends.filter((end) => end.at <= at);
    const uses = token.uses.filter((use) => use.at <= at);
    const issued = token.issuedAt !== undefined && token.issuedAt <= at;
    if (!issued && uses.length === 0 && ends.length === 0) return undefined;
    if (ends.some((end) => end.kind !== 'rotated')) return 'revoked';
    if (ends.length > 0) return 'rotated';
    if (typeof token.expiry === 'number' && token.expiry <= at) return 'expired';
    if (uses.some((use) => use.outcome === 'accepted')) return 'active';
    return issued ? 'issued' : 'observed';
  }

  /** Tokens that `version` refused though they are good: alive at the instant, and not accepted by it since. */
  wronglyRefused(version: string, at: number): TrueToken[] {
    return [...this.tokens.values()].filter((token) => {
      const status = this.statusOf(token, at);
      if (status !== 'active' && status !== 'issued') return false;
      const here = token.uses.filter((use) => use.at <= at && use.version === version);
      return here.length > 0 && here.at(-1)!.outcome === 'refused';
    });
  }

  /**
   * What a plan that rolls a version back must come to, for tokens that gateways see: `restore` are the wrongly
   * refused, `revoke` those that ended before their time and that a gateway could still honour.
   * @param leeway of the versions, in ms: how long past its expiry a token counts.
   */
  expectedRollback(from: string, at: number, leeway = 0): { restore: number; revoke: number } {
    const ended = [...this.tokens.values()].filter((token) => {
      if (token.kind === 'refresh' || token.ends.every((end) => end.at > at)) return false;
      return typeof token.expiry !== 'number' || token.expiry + leeway > at;
    });
    return { restore: this.wronglyRefused(from, at).length, revoke: ended.length };
  }
}

export function keyOf({ issuer, jti, sha256, credential }: Identity): string {
  if (issuer !== undefined && jti !== undefined) return `${issuer}\n${jti}`;
  if (sha256 !== undefined) return `sha256:${sha256}`;
  return `cred:${(credential ?? []).join('\n')}`;
}

/** The digest of the token that stands for a jti: nobody ever had that token. */
export function digestOfToken(issuer: string, jti: string): string {
  return createHash('sha256').update(`${issuer}\n${jti}`).digest('hex');
}
