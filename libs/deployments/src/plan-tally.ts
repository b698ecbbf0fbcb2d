import type { Name, TokenView } from '#lifecycle';
import { Blockers, type Blocker } from './blockers.js';
import { isTouched, labelOf } from './decide.js';
import type { Counts, Decision, PlanStep } from './plan.js';
import type { Prediction } from './prediction.js';
import { isNobodys } from './rules/acceptance.js';
import type { Effect } from './rules/effect.js';
import { isObservedOnly } from './rules/evidence.js';

/** What a plan needs of a token once its rules have been evaluated: views are not kept. */
export interface Counted {
  token: Name;
  subject: Name | undefined;
  client: Name | undefined;
  apiKey: boolean;
  kid: string | undefined;
  /** Name of the key at its issuer, else issuer and kid. */
  key: Name | undefined;
  /** It worked for somebody at T: its end would be felt. */
  live: boolean;
  nobodys: boolean;
  observedOnly: boolean;
  unconfirmed: boolean;
  /** Why the target refuses it, where no end explains that. */
  refusal: string | undefined;
}

export function countedOf(view: TokenView, prediction: Prediction): Counted {
  const live = view.endedAt === undefined && !view.suspended && view.status !== 'expired';
  const nobodys = isNobodys(view);
  return {
    token: view.name,
    subject: view.subject ?? view.consumer,
    client: view.client,
    apiKey: view.kind === 'apiKey',
    kid: view.kid,
    key: keyOf(view),
    live: live && !nobodys,
    nobodys,
    observedOnly: isObservedOnly(view),
    unconfirmed: view.unconfirmed && view.accepted.length === 0,
    refusal: live && !nobodys && prediction.kind === 'refuse' ? prediction.reason : undefined,
  };
}

export function keyOf(view: TokenView): string | undefined {
  return view.kidName ?? (view.kid === undefined ? undefined : JSON.stringify([view.issuer, view.kid]));
}

/** Adds up decisions; what it holds grows with the touched tokens and with the causes. */
export class Tally {
  readonly counts: Counts = { revoke: 0, quarantine: 0, until: 0, restore: 0, keep: 0, none: 0, reissue: 0 };
  readonly decisions: Decision[] = [];
  private readonly blockers: Blockers;
  private readonly subjects = new Set<Name>();
  private readonly clients = new Set<Name>();
  private readonly logins = new Set<string>();
  private readonly keys = new Map<string, { kid: string | undefined; tokens: number }>();
  private readonly refusals = new Map<string, number>();
  private keysToReplace = 0;
  private unconfirmed = 0;
  private observed = 0;
  private candidates = 0;
  private pushed = 0;
  private seeded = 0;
  private unlocked = 0;

  constructor(
    private readonly versions: { from: string; to: string; contract: boolean },
    private readonly observedOnlyShare: number,
  ) {
    this.blockers = new Blockers(versions);
  }

  add(token: Counted, effect: Effect): void {
    const label = labelOf(effect);
    this.counts[label]++;
    if (effect.reissue) this.counts.reissue++;
    this.blockers.add(effect);
    if (!token.nobodys) this.candidates++;
    if (token.observedOnly) this.observed++;
    if (token.unconfirmed) this.unconfirmed++;
    if (!isTouched(effect)) {
      if (token.refusal !== undefined) this.refusals.set(token.refusal, (this.refusals.get(token.refusal) ?? 0) + 1);
      return;
    }
    const decision: Decision = {
      token: token.token,
      decision: label,
      access: effect.access,
      reissue: effect.reissue,
      steps: effect.steps,
      reasons: effect.reasons,
    };
    if (effect.notAfter !== undefined) decision.notAfter = effect.notAfter;
    this.decisions.push(decision);
    this.addSteps(token, effect);
    if (token.live && (effect.access !== 'keep' || effect.reissue)) this.addBlast(token);
  }

  private addSteps(token: Counted, { access, steps, reasons }: Effect): void {
    // An end that the plan itself decides is known to nobody yet, so it goes out with those that must be pushed.
    const ownEnd = access === 'end' && !reasons.some((reason) => reason.rule === 'ended');
    if (steps.includes('pushEnd') || ownEnd) this.pushed++;
    if (steps.includes('seedStore')) this.seeded++;
    if (steps.includes('clearLockout')) this.unlocked++;
    if (steps.includes('publishKey') && token.key !== undefined) {
      const known = this.keys.get(token.key) ?? { kid: token.kid, tokens: 0 };
      known.tokens++;
      this.keys.set(token.key, known);
    }
  }

  private addBlast({ token, subject, client, apiKey }: Counted): void {
    if (subject !== undefined) this.subjects.add(subject);
    if (client !== undefined) this.clients.add(client);
    if (apiKey) this.keysToReplace++;
    else this.logins.add(JSON.stringify([subject ?? token, client ?? null]));
  }

  blockersList(): Blocker[] {
    return this.blockers.list({ tokens: this.observed, of: this.candidates, limit: this.observedOnlyShare });
  }

  blastRadius(): { subjects: number; clients: number; expectedReLogins: number; keysToReplace: number } {
    return {
      subjects: this.subjects.size,
      clients: this.clients.size,
      expectedReLogins: this.logins.size,
      keysToReplace: this.keysToReplace,
    };
  }

  /** What no rule asks for and people should know all the same. */
  notes(): string[] {
    const { to } = this.versions;
    const out: string[] = [];
    if (this.unconfirmed > 0)
      out.push(`kept, though issuance may not have committed and nobody used it: ${this.unconfirmed}`);
    for (const [reason, tokens] of [...this.refusals].sort()) {
      out.push(`${to} will refuse ${tokens} that this plan does not touch: ${reason}`);
    }
    return out;
  }

  /** The steps in their order. */
  steps(waitSeconds: number | undefined): PlanStep[] {
    const { from, to } = this.versions;
    const { quarantine, until } = this.counts;
    const out: PlanStep[] = [];
    if (this.pushed + quarantine + until > 0) {
      const text = `push ends (${this.pushed}), suspensions (${quarantine}) and earlier expiries (${until}) everywhere`;
      out.push({ step: 'pushEnd', text, tokens: this.pushed, quarantine, until });
    }
    if (this.seeded > 0) {
      out.push({ step: 'seedStore', text: `write them into the store of ${to}`, tokens: this.seeded });
    }
    for (const [key, { kid, tokens }] of [...this.keys].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const step: PlanStep = { step: 'publishKey', text: `publish key ${kid ?? key} to ${to}`, tokens, key };
      if (kid !== undefined) step.kid = kid;
      if (waitSeconds !== undefined) step.waitSeconds = waitSeconds;
      out.push(step);
    }
    if (this.unlocked > 0) {
      out.push({ step: 'clearLockout', text: `clear the lockouts that ${from} caused`, tokens: this.unlocked });
    }
    return [...out, { step: 'traffic', text: `move traffic from ${from} to ${to}`, tokens: 0 }];
  }
}
