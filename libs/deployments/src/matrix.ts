import type { Millis, TokenView } from '#lifecycle';
import { attribute, type Attributable, type Attribution } from './attribution.js';
import type { Interval } from './intervals.js';

/** Tokens by the version that issued them and the version that judged them: what a canary hides in averages. */
export interface MatrixCell {
  issued: string;
  validated: string;
  /** Distinct tokens that this version accepted, or refused, at least once. */
  accepted: number;
  refused: number;
}

export interface MatrixContext {
  /** Intervals of the component that issues, and of the one that validates; they may be the same. */
  issuing: readonly Interval[];
  validating: readonly Interval[];
  clockErrorOf?(source: string | undefined): Millis;
}

/** Rows and columns are versions, `ambiguous` or `unknown`; sorted. Shadow traffic has no effect and does not count. */
export function versionMatrix(views: Iterable<TokenView>, context: MatrixContext): MatrixCell[] {
  const cells = new Map<string, MatrixCell>();
  for (const view of views) {
    const issued = issuedVersion(view, context);
    const seen = new Set<string>();
    for (const use of view.uses) {
      if (use.shadow === true || use.outcome === 'observed') continue;
      const validated = versionOf(attribute(use, context.validating, context.clockErrorOf?.(use.source) ?? 0));
      const key = JSON.stringify([issued, validated]);
      let cell = cells.get(key);
      if (!cell) cells.set(key, (cell = { issued, validated, accepted: 0, refused: 0 }));
      if (seen.has(key + use.outcome)) continue;
      seen.add(key + use.outcome);
      cell[use.outcome]++;
    }
  }
  return [...cells].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, cell]) => cell);
}

function issuedVersion({ issuedBy, issuedAt }: TokenView, context: MatrixContext): string {
  if (issuedAt === undefined) return 'unknown';
  const fact: Attributable = { first: issuedAt, last: issuedAt };
  if (issuedBy?.version !== undefined) fact.version = issuedBy.version;
  if (issuedBy?.gateway !== undefined) fact.gateway = issuedBy.gateway;
  return versionOf(attribute(fact, context.issuing, context.clockErrorOf?.(undefined) ?? 0));
}

function versionOf(attribution: Attribution): string {
  return 'version' in attribution ? attribution.version : attribution.kind;
}

/** How long after a revocation a region still accepted the token. */
export interface LagCell {
  /** Region of the gateway that stated the end; `issuer` if none did. */
  from: string;
  to: string;
  tokens: number;
  /** Largest time from an end to a later acceptance in the region, in ms; 0 if none was accepted later. */
  lagMs: Millis;
}

const STATED_ENDS: ReadonlySet<string> = new Set(['compromised', 'revoked', 'fenced', 'familyEnded']);

/** Revocation lag, region by region, over tokens that were ended and used in the region afterwards; sorted. */
export function revocationLag(
  views: Iterable<TokenView>,
  regionOf: (gateway: string) => string | undefined,
): LagCell[] {
  const cells = new Map<string, LagCell>();
  for (const view of views) {
    const end = view.ends.find((e) => STATED_ENDS.has(e.kind));
    if (!end) continue;
    const from = (end.gateway === undefined ? undefined : regionOf(end.gateway)) ?? 'issuer';
    const lags = new Map<string, Millis>();
    for (const use of view.uses) {
      const to = use.region ?? (use.gateway === undefined ? undefined : regionOf(use.gateway));
      if (to === undefined || use.shadow === true || use.outcome === 'observed' || use.last <= end.at) continue;
      const lag = use.outcome === 'accepted' ? use.last - end.at : 0;
      lags.set(to, Math.max(lags.get(to) ?? 0, lag));
    }
    for (const [to, lag] of lags) {
      const key = JSON.stringify([from, to]);
      const cell = cells.get(key) ?? { from, to, tokens: 0, lagMs: 0 };
      cells.set(key, { ...cell, tokens: cell.tokens + 1, lagMs: Math.max(cell.lagMs, lag) });
    }
  }
  return [...cells].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, cell]) => cell);
}
