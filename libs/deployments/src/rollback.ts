import { DEFAULT_THRESHOLDS, type TokenView } from '#lifecycle';
import { selectActivation } from './activation.js';
import { canonicalDigest } from './canonical.js';
import { pairIssues } from './compare.js';
import { decide } from './decide.js';
import { SameVersionError, UnknownVersionError } from './errors.js';
import { Inheritance } from './exchange.js';
import { merkleRoot } from './merkle.js';
import { NameSet } from './name-set.js';
import { contextFor } from './plan-context.js';
import { countedOf, keyOf, Tally, type Counted } from './plan-tally.js';
import type { Plan, PlanInput } from './plan.js';
import { membershipOf } from './population.js';
import { isBlockedByKey } from './rules/acceptance.js';
import { join, settle, type Effect } from './rules/effect.js';

/** A token whose decision waits for the whole population: its key may get published, or it was exchanged. */
interface Waiting {
  counted: Counted;
  effect: Effect;
  /** The decision if its key is published. */
  ifPublished?: Effect;
  names: readonly string[];
  view?: Pick<TokenView, 'subjectToken' | 'subjectFamily'> & { at: number };
  member: boolean;
}

/**
 * Plans a rollback (MODEL §8): every token that either version might still honour is decided, in one pass over the
 * views. Held in memory are the touched and the exchanged tokens, and 32 bytes of every name. The plan is a function of
 * its inputs: order and repetition of the views change nothing, not even the digest.
 * @throws SameVersionError, UnknownComponentError, UnknownVersionError
 */
export async function planRollback(input: PlanInput): Promise<Plan> {
  const versionNotes = checkVersions(input);
  const { T, contracts, from, to } = input;
  const contextOf = contextFor(input);
  const population = { T, fromContract: contracts.from, toContract: contracts.to };
  const share = input.observedOnlyShare ?? DEFAULT_THRESHOLDS.observedOnlyShare;
  const tally = new Tally({ from, to, contract: contracts.to !== undefined }, share);
  const seen = new NameSet();
  const inheritance = new Inheritance();
  const inherit = input.exchangedInherit ?? true;
  const waiting: Waiting[] = [];
  const publishedKeys = new Set<string>();
  let refreshLeftOut = 0;
  let provisional = false;

  for await (const view of input.views) {
    if (!seen.add(view.name)) continue;
    const membership = membershipOf(view, population);
    if (membership === 'consumer') continue;
    if (membership === 'refresh') refreshLeftOut++;
    const context = contextOf(view);
    const effect = decide(view, context);
    const key = keyOf(view);
    const byKey = key !== undefined && isBlockedByKey(context);
    const member = membership === 'in';
    if (member && context.findings.some((finding) => finding.provisional)) provisional = true;
    if (member && byKey && effect.steps.includes('publishKey')) publishedKeys.add(key);
    if (!member && effect.inherits === undefined && !view.exchanged) continue;
    if (member && !byKey && !view.exchanged && effect.inherits === undefined) {
      tally.add(countedOf(view, context.prediction), effect);
      continue;
    }
    const entry: Waiting = { counted: countedOf(view, context.prediction), effect, names: view.names, member };
    if (byKey) entry.ifPublished = decide(view, { ...context, keyPublished: true });
    if (view.exchanged) entry.view = exchangeOf(view);
    waiting.push(entry);
  }

  for (const entry of waiting) {
    // Whoever verifies one token of a key can verify them all: each is decided as if the key were published.
    if (entry.ifPublished && publishedKeys.has(entry.counted.key!)) entry.effect = entry.ifPublished;
    const inherits = entry.effect.inherits ?? 'keep';
    if (entry.view)
      inheritance.addExchanged({ name: entry.counted.token, names: entry.names, inherits, ...entry.view });
    else inheritance.addSource(entry.names, inherits);
  }
  const inherited = inherit ? inheritance.resolve((family) => input.membersOf(family)) : new Map<string, Effect>();
  for (const { counted, effect, member } of waiting) {
    const more = inherited.get(counted.token);
    if (member) tally.add(counted, more ? settle(join(effect, more)) : effect);
  }

  const notes = [...versionNotes, ...tally.notes()];
  if (refreshLeftOut > 0) {
    notes.push(
      `left out, as ${input.component} is not declared to issue or store them: refresh tokens (${refreshLeftOut})`,
    );
  }
  for (const peer of input.peers ?? []) {
    const between = `${peer.component} ${peer.version} and ${input.component} ${to}`;
    for (const issue of pairIssues(peer.contract, contracts.to)) notes.push(`between ${between}: ${issue}`);
  }
  return sealed(input, tally, notes, provisional);
}

function exchangeOf(view: TokenView): NonNullable<Waiting['view']> {
  const out: NonNullable<Waiting['view']> = { at: view.issuedAt ?? view.birth ?? view.firstSeen };
  if (view.subjectToken !== undefined) out.subjectToken = view.subjectToken;
  if (view.subjectFamily !== undefined) out.subjectFamily = view.subjectFamily;
  return out;
}

/** The versions must exist; what is odd about them is said. */
function checkVersions({ component, from, to, T, intervals, contracts, declared = [] }: PlanInput): string[] {
  if (from === to) throw new SameVersionError(component, from);
  const { notes } = selectActivation(intervals, { component, version: from, now: T });
  const known = intervals.filter((i) => i.component === component && i.on <= T).map((i) => i.version);
  if (!known.includes(to)) {
    if (!contracts.to && !declared.includes(to)) {
      throw new UnknownVersionError(component, to, [...new Set([...known, ...declared])].sort());
    }
    notes.push(`${to} was never active on ${component}`);
  }
  if (!contracts.from)
    notes.push(`${from} declares no contract: which refusals it meant, and its store, are not known`);
  if (contracts.from?.securityFix === true) {
    notes.push(`${from} closes a hole: what it refused was refused on purpose, and no lockout is cleared`);
  } else if (contracts.from?.securityFix === undefined) {
    notes.push(`${from} does not say whether it closes a hole: it is taken not to`);
  }
  return notes;
}

function sealed(input: PlanInput, tally: Tally, notes: string[], provisional: boolean): Plan {
  const { component, from, to, T, K, position, contracts } = input;
  const blockers = tally.blockersList();
  const marks = Object.values(input.watermarks);
  const complete = marks.length > 0 && marks.every((mark) => mark >= T);
  const decisions = tally.decisions.sort((a, b) => (a.token < b.token ? -1 : 1));
  const plan: Omit<Plan, 'digest'> = {
    component,
    from,
    to,
    verdict: blockers.some((b) => b.verdict === 'blocked') ? 'fail' : blockers.length > 0 ? 'hold' : 'pass',
    counts: tally.counts,
    decisions,
    decisionsRoot: merkleRoot(decisions),
    blockers,
    steps: tally.steps(contracts.to?.jwksCacheSeconds),
    blastRadius: tally.blastRadius(),
    covers: {
      T,
      K,
      position,
      watermark: marks.length > 0 ? Math.min(...marks) : null,
      watermarks: { ...input.watermarks },
      state: complete && !provisional ? 'final' : 'provisional',
    },
    inputs: {
      contracts: {
        ...(contracts.from ? { from: contracts.from } : {}),
        ...(contracts.to ? { to: contracts.to } : {}),
      },
      settings: input.settingsDigest,
      rules: input.rulesVersion,
    },
    notes,
  };
  return { ...plan, digest: canonicalDigest(plan) };
}

/** Whether a plan is the one that its digest names. */
export function verifyPlan(plan: Plan): boolean {
  const { digest, ...rest } = plan;
  return canonicalDigest(rest) === digest && merkleRoot(plan.decisions) === plan.decisionsRoot;
}
