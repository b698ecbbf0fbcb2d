import { absorbAttributes, isPresentation, mergeAttributes, type Attributes } from './attributes.js';
import { absorbExpiry, mergeExpiries, type ContestedExpiries, type Renewals } from './expiry-state.js';
import { placementOf, type Name } from './names.js';
import { addNotes, mergeNotes, type Notes } from './notes.js';
import { addOnset, mergeOnsets, type OnsetEntry, type OnsetKind, type Onsets } from './onsets.js';
import { addProof, mergeProofs, type Proofs } from './proofs.js';
import type { ResolvedFact } from './resolve.js';
import { addToggle, mergeToggles, type Toggles } from './toggles.js';
import { outcomeOf } from './use-likeness.js';
import { addUse, coarsen, mergeUses, noUses, type Borders, type Uses } from './uses.js';

/** The state of one token as a join-semilattice: a pure function of the set of its facts (DESIGN §2.2). */
export interface TokenState {
  onsets: Onsets;
  attributes: Attributes;
  renewals: Renewals;
  contestedExpiries: ContestedExpiries;
  /** Suspensions by cause: (authority, reason id), so that lifting one leaves the others (MODEL §5.3). */
  suspensions: Toggles;
  uses: Uses;
  proofs: Proofs;
  notes: Notes;
  families: Set<Name>;
  /** Every sub, cli, kid and ses name that was stated with authority: what fences and keys are held against. */
  marks: Set<Name>;
  /** The earliest verified issue time (iat) of all that were stated; Infinity without. */
  earliestIat: number;
  /** The earliest statement without effect (a reinstatement by a conflicting record): the token is known all the same. */
  withoutEffectFrom: number;
  /** Whether the grant was said to outlive the login session, and whether it was said not to. */
  offline: boolean;
  online: boolean;
  /** Whether some line attests that the claims were verified. */
  verified: boolean;
  attestations: Map<string, { statement: string; at: number }>;
  holds: Toggles;
  exchanged: boolean;
  /** The acceptances absorbed last: most lines repeat one. No part of the state. */
  recentAcceptances: OnsetEntry[];
  /** The presentation absorbed last that was more than a repeat. No part of the state. */
  recentPresentation?: ResolvedFact;
}

export function emptyState(): TokenState {
  return {
    onsets: new Map(),
    attributes: new Map(),
    renewals: new Map(),
    contestedExpiries: new Map(),
    suspensions: new Map(),
    uses: noUses(),
    proofs: new Map(),
    notes: new Map(),
    families: new Set(),
    marks: new Set(),
    earliestIat: Infinity,
    withoutEffectFrom: Infinity,
    offline: false,
    online: false,
    verified: false,
    attestations: new Map(),
    holds: new Map(),
    exchanged: false,
    recentAcceptances: [],
  };
}

/** The state that one fact alone gives. */
export function stateOf(fact: ResolvedFact, borders: Borders = []): TokenState {
  const state = emptyState();
  absorb(state, fact, borders);
  return state;
}

/** a ∨ b: associative, commutative, idempotent. Neither argument is changed; both must have the same borders. */
export function join(a: TokenState, b: TokenState): TokenState {
  const out = emptyState();
  mergeInto(out, a);
  mergeInto(out, b);
  out.uses = coarsen(out.uses);
  return out;
}

/** Adds a fact to a state in place: absorb(s, f) = join(s, stateOf(f)) before coarsening. */
export function absorb(state: TokenState, fact: ResolvedFact, borders: Borders = []): void {
  const { recentPresentation } = state;
  if (recentPresentation !== undefined && isRepeat(fact, recentPresentation)) {
    absorbRepeat(state, fact, borders);
    return;
  }
  if (isPlainPresentation(fact)) state.recentPresentation = fact;
  addNotes(state.notes, fact);
  if (fact.authority === 'claimed') return;
  const outcome = outcomeOf(fact);
  if (outcome !== undefined) {
    addUse(state.uses, fact, outcome, borders);
    // A dark launch is shown among the uses, and says nothing of the token.
    if (fact.data['shadow'] === true) return;
    if (outcome === 'accepted') absorbAcceptance(state, fact);
  }
  absorbAttributes(state.attributes, fact);
  absorbMarks(state, fact);
  absorbExpiry(state, fact);
  if (!isPresentation(fact)) absorbStatement(state, fact);
}

/** A presentation of which nothing but its use, acceptance and proof depends on its time and record. */
function isPlainPresentation(fact: ResolvedFact): boolean {
  if (!isPresentation(fact) || fact.authority === 'claimed' || fact.conflicting || fact.future) return false;
  return fact.data['notes'] === undefined && fact.data['raw'] === undefined;
}

/** Whether a fact says what a plain presentation said, at another time; where they share their parsed parts. */
function isRepeat(fact: ResolvedFact, known: ResolvedFact): boolean {
  return (
    fact.data === known.data &&
    fact.names === known.names &&
    fact.type === known.type &&
    fact.source === known.source &&
    fact.version === known.version &&
    fact.gateway === known.gateway &&
    fact.region === known.region &&
    fact.authority === known.authority &&
    !fact.conflicting &&
    !fact.future
  );
}

/** As `absorb` for a repeat: attributes, marks and notes hold all that it says. */
function absorbRepeat(state: TokenState, fact: ResolvedFact, borders: Borders): void {
  const outcome = outcomeOf(fact);
  if (outcome === undefined) return;
  addUse(state.uses, fact, outcome, borders);
  if (outcome === 'accepted' && fact.data['shadow'] !== true) absorbAcceptance(state, fact);
}

function absorbAcceptance(state: TokenState, fact: ResolvedFact): void {
  const at = typeof fact.data['firstAt'] === 'number' ? fact.data['firstAt'] : fact.time;
  addProof(state.proofs, fact);
  for (const recent of state.recentAcceptances) {
    if (
      recent.gateway === fact.gateway &&
      recent.version === fact.version &&
      recent.authority === fact.authority &&
      !recent.unconfirmed
    ) {
      if (at < recent.at) recent.at = at;
      return;
    }
  }
  if (state.recentAcceptances.length === RECENT) state.recentAcceptances.shift();
  state.recentAcceptances.push(addOnset(state.onsets, fact, 'accepted', '', at));
}
const RECENT = 4;

function absorbMarks(state: TokenState, fact: ResolvedFact): void {
  const { names, data } = fact;
  const { marks } = state;
  if (names.sub !== undefined) marks.add(names.sub);
  if (names.kid !== undefined) marks.add(names.kid);
  if (names.ses !== undefined) marks.add(names.ses);
  const verified = data['verified'] === true;
  if (names.cli !== undefined && (verified || !isPresentation(fact))) marks.add(names.cli);
  // A consumer is no token and has no family; an exchange names its subject's (MODEL §2.4).
  if (names.fam !== undefined && fact.kind !== 'token.exchanged' && placementOf(names) !== names.con)
    state.families.add(names.fam);
  const offline = offlineOf(data);
  if (offline !== undefined) state[offline ? 'offline' : 'online'] = true;
  if (verified) state.verified = true;
  const iat = data['iat'];
  if (typeof iat === 'number' && iat < state.earliestIat && data['verified'] !== false) state.earliestIat = iat;
}

/** Stated, else by its scopes (OpenID Connect §11: `offline_access` lets a grant outlive the login). */
export function offlineOf(data: Record<string, unknown>): boolean | undefined {
  if (typeof data['offline'] === 'boolean') return data['offline'];
  const scopes = data['scopes'];
  return Array.isArray(scopes) && scopes.length > 0 ? scopes.includes('offline_access') : undefined;
}

/** Facts that state something of the token beyond its use. */
function absorbStatement(state: TokenState, fact: ResolvedFact): void {
  const { data, kind, time } = fact;
  const onset = (of: OnsetKind, qualifier = ''): void => {
    addOnset(state.onsets, fact, of, qualifier, time);
  };
  switch (kind) {
    case 'token.exchanged':
      state.exchanged = true;
      onset('issued');
      break;
    case 'token.issued':
    case 'token.reissued':
      onset('issued');
      break;
    case 'token.rotated':
      onset('rotated', text(data['successor']));
      break;
    case 'token.consumed':
    case 'token.expired':
    case 'token.compromised':
      onset(kind.slice('token.'.length) as OnsetKind, text(data['cause']));
      break;
    case 'token.revoked':
      onset('revoked', `${text(data['cause'])}\n${text(data['scope'])}`);
      break;
    case 'token.suspended':
      addToggle(state.suspensions, `${fact.authority}:${reasonOf(fact)}`, time, 'on');
      break;
    case 'token.reinstated':
      // A permissive operation of a conflicting record has no effect (MODEL §2.2).
      if (fact.conflicting) state.withoutEffectFrom = Math.min(state.withoutEffectFrom, time);
      else addToggle(state.suspensions, `${fact.authority}:${reasonOf(fact)}`, time, 'off');
      break;
    case 'attestation.made': {
      const statement = text(data['statement']);
      state.attestations.set(`${time} ${statement}`, { statement, at: time });
      break;
    }
    case 'legalhold.placed':
      addToggle(state.holds, text(data['hold']), time, 'on');
      break;
    case 'legalhold.released':
      if (!fact.conflicting) addToggle(state.holds, text(data['hold']), time, 'off');
      break;
    default:
  }
}

function mergeInto(into: TokenState, from: TokenState): void {
  mergeOnsets(into.onsets, from.onsets);
  mergeAttributes(into.attributes, from.attributes);
  mergeExpiries(into, from);
  mergeProofs(into.proofs, from.proofs);
  mergeNotes(into.notes, from.notes);
  mergeUses(into.uses, from.uses);
  mergeToggles(into.suspensions, from.suspensions);
  mergeToggles(into.holds, from.holds);
  mergeMarks(into, from);
  into.withoutEffectFrom = Math.min(into.withoutEffectFrom, from.withoutEffectFrom);
  into.verified ||= from.verified;
  into.exchanged ||= from.exchanged;
  for (const [key, attestation] of from.attestations) into.attestations.set(key, attestation);
}

function mergeMarks(into: TokenState, from: TokenState): void {
  for (const name of from.families) into.families.add(name);
  for (const name of from.marks) into.marks.add(name);
  into.earliestIat = Math.min(into.earliestIat, from.earliestIat);
  into.offline ||= from.offline;
  into.online ||= from.online;
}

const RESTRICTING: ReadonlySet<OnsetKind> = new Set(['revoked', 'compromised']);

/** What reaches every part of an identity (MODEL §1.4): revoked, compromised and suspensions, nothing else. */
export function mergeRestrictions(into: TokenState, from: TokenState): void {
  mergeToggles(into.suspensions, from.suspensions);
  mergeOnsets(into.onsets, from.onsets, RESTRICTING);
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** What tells two causes of suspension of one authority apart: the reason's id, else its words (MODEL §5.3). */
export function reasonOf({ data }: Pick<ResolvedFact, 'data'>): string {
  return text(data['reasonId']) || text(data['reason']);
}
