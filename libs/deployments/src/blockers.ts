import type { Effect, Reason } from './rules/effect.js';

/** Why a plan does not pass: one entry a cause, never one a token. */
export interface Blocker {
  code: string;
  verdict: 'hold' | 'blocked';
  tokens: number;
  text: string;
}

interface Versions {
  from: string;
  to: string;
  /** Whether the target declares a contract at all. */
  contract: boolean;
}

/** Collects reasons that keep a plan from passing; its size is bounded by the causes, not by the tokens. */
export class Blockers {
  private readonly found = new Map<string, { reason: Reason; tokens: number }>();

  constructor(private readonly versions: Versions) {}

  add(effect: Effect): void {
    if (effect.verdict === 'pass') return;
    const keys = new Map<string, Reason>();
    for (const reason of effect.reasons) {
      // What a contract leaves open is a few different texts; of other rules the text names times of one token.
      if (reason.verdict) keys.set(reason.rule === 'contract silent' ? reason.text : reason.rule, reason);
    }
    for (const [key, reason] of keys) {
      const known = this.found.get(key);
      if (known) known.tokens++;
      else this.found.set(key, { reason, tokens: 1 });
    }
  }

  /** Blocked before hold, then by code and text. */
  list(observed: { tokens: number; of: number; limit: number }): Blocker[] {
    const out = [...this.found.values()].map(({ reason, tokens }): Blocker => {
      const { code, text } = this.describe(reason, tokens);
      return { code, verdict: reason.verdict!, tokens, text };
    });
    if (observed.tokens > observed.limit * observed.of) {
      const share = Math.round((observed.tokens / observed.of) * 1000) / 10;
      out.push({
        code: 'issuance-unseen',
        verdict: 'hold',
        tokens: observed.tokens,
        text: `issuance was never seen for ${observed.tokens} of ${count(observed.of)} (${share} %; the limit is ${observed.limit * 100} %)`,
      });
    }
    const rank = (b: Blocker): string => `${b.verdict === 'blocked' ? 0 : 1}\n${b.code}\n${b.text}`;
    return out.sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
  }

  private describe(reason: Reason, tokens: number): { code: string; text: string } {
    const { from, to, contract } = this.versions;
    const n = count(tokens);
    switch (reason.rule) {
      case 'contract silent':
        return contract
          ? { code: 'contract-silent', text: `what ${to} would do with ${n} is not known: ${reason.text}` }
          : { code: 'contract-missing', text: `${to} declares no contract: what it would do with ${n} is not known` };
      case 'ended':
        return {
          code: 'store-unknown',
          text: `${n} ended under ${from}, and no contract says whether ${to} shares the store that knows it (declare "store" of both)`,
        };
      case 'reuse':
        return { code: 'reuse-provisional', text: `refresh reuse in the family of ${n} is not final yet` };
      case 'misused':
        return { code: 'misused', text: `${n} misused under ${from}: a person must look at it first` };
      default:
        return { code: reason.rule.replace(/[^a-z]+/g, '-'), text: `${n}: ${reason.text}` };
    }
  }
}

export function count(tokens: number): string {
  return tokens === 1 ? '1 token' : `${tokens} tokens`;
}
