import { attributesOf, mergeAttributes, type Attributes } from './attributes.js';
import type { Expiry } from './expiry.js';
import type { Name } from './names.js';
import { OWN_SOURCE, rankOf, type ResolvedFact } from './resolve.js';
import type { Authority } from './settings.js';
import { addUse, coarsen, mergeUses, noUses, outcomeOf, type Borders, type Uses } from './uses.js';

/** The kinds of onset (MODEL §5.1): each keeps its smallest effectiveAt. */
export type OnsetKind = 'issued' | 'accepted' | 'rotated' | 'consumed' | 'revoked' | 'compromised' | 'expired' | 'seen';

export interface OnsetEntry {
  kind: OnsetKind;
  /** rotated: the successor; revoked: `cause ‖ scope`. */
  qualifier: string;
  authority: Authority;
  gateway?: string;
  version?: string;
  at: number;
  unconfirmed: boolean;
}

export interface Toggle {
  at: number;
  op: 'suspend' | 'reinstate';
}

/** What one source stated of an input: first and last time, for findings about inputs. */
export interface InputNote {
  source: string;
  field: string;
  what: string;
  detail: string;
  first: number;
  last: number;
}

export interface ProofUse {
  proof: Name;
  htu: string;
  source: string;
  gateway: string;
  /** The two earliest acceptances, by (time, record). */
  accepted: { at: number; record: string }[];
}

/** The state of one token as a join-semilattice: a pure function of the set of its facts (DESIGN §2.2). */
export interface TokenState {
  onsets: Map<string, OnsetEntry>;
  attributes: Attributes;
  renewals: Map<string, { at: number; expiry: Expiry }>;
  /** Expiries of conflicting records: of one record's variants the earliest alone may count. */
  contestedExpiry: Map<string, { expiry: Expiry; authority: Authority }>;
  toggles: Map<string, Map<string, Toggle>>;
  uses: Uses;
  proofs: Map<string, ProofUse>;
  notes: Map<string, InputNote>;
  families: Set<Name>;
  sessions: Set<Name>;
  offline: boolean;
  /** Whether some line attests that the claims were verified. */
  verified: boolean;
  attestations: Map<string, { statement: string; at: number }>;
  holds: Map<string, { at: number; op: 'place' | 'release' }>;
  exchanged: boolean;
}

export function emptyState(): TokenState {
  return {
    onsets: new Map(),
    attributes: new Map(),
    renewals: new Map(),
    contestedExpiry: new Map(),
    toggles: new Map(),
    uses: noUses(),
    proofs: new Map(),
    notes: new Map(),
    families: new Set(),
    sessions: new Set(),
    offline: false,
    verified: false,
    attestations: new Map(),
    holds: new Map(),
    exchanged: false,
  };
}

/** The state that one fact alone gives. */
export function stateOf(fact: ResolvedFact, borders: Borders = []): TokenState {
  const state = emptyState();
  absorb(state, fact, borders);
  return state;
}

/** a ∨ b: associative, commutative, idempotent. Neither argument is changed. */
export function join(a: TokenState, b: TokenState): TokenState {
  const out = emptyState();
  mergeInto(out, a);
  mergeInto(out, b);
  out.uses = coarsen(out.uses);
  return out;
}

/** Adds a fact to a state in place: absorb(s, f) = join(s, stateOf(f)) before coarsening. */
export function absorb(state: TokenState, fact: ResolvedFact, borders: Borders = []): void {
  addNotes(state, fact);
  if (fact.authority === 'claimed') return;
  const { data, names, kind } = fact;
  mergeAttributes(state.attributes, attributesOf(fact));
  if (names.fam !== undefined && kind !== 'token.exchanged') state.families.add(names.fam);
  if (names.ses !== undefined) state.sessions.add(names.ses);
  if (data['offline'] === true) state.offline = true;
  if (data['verified'] === true) state.verified = true;
  const outcome = outcomeOf(fact);
  if (outcome !== undefined) {
    if (kind !== 'token.renewed' && kind !== 'token.rotated') addOnset(state, fact, 'seen', '');
    addUse(state.uses, fact, outcome, borders);
    if (outcome === 'accepted' && data['shadow'] !== true) {
      addOnset(state, fact, 'accepted', '');
      addProof(state, fact);
    }
  }
  switch (kind) {
    case 'token.issued':
    case 'token.exchanged':
    case 'token.reissued':
      if (kind === 'token.exchanged') state.exchanged = true;
      addOnset(state, fact, 'issued', '');
      break;
    case 'token.renewed':
      if (data['expiry'] !== undefined) {
        const expiry = data['expiry'] as Expiry;
        if (!fact.conflicting)
          state.renewals.set(`${fact.time} ${expiry.kind} ${expiry.at}`, { at: fact.time, expiry });
      }
      break;
    case 'token.rotated':
      addOnset(state, fact, 'rotated', typeof data['successor'] === 'string' ? data['successor'] : '');
      break;
    case 'token.consumed':
    case 'token.expired':
    case 'token.compromised':
      addOnset(state, fact, kind.slice('token.'.length) as OnsetKind, text(data['cause']));
      break;
    case 'token.revoked':
      addOnset(state, fact, 'revoked', `${text(data['cause'])}\n${text(data['scope'])}`);
      break;
    case 'token.suspended':
      addToggle(state, fact, 'suspend');
      break;
    case 'token.reinstated':
      if (!fact.conflicting) addToggle(state, fact, 'reinstate');
      break;
    case 'attestation.made':
      state.attestations.set(`${fact.time} ${text(data['statement'])}`, {
        statement: text(data['statement']),
        at: fact.time,
      });
      break;
    case 'legalhold.placed':
    case 'legalhold.released':
      addHold(state, text(data['hold']), { at: fact.time, op: kind === 'legalhold.placed' ? 'place' : 'release' });
      break;
    default:
  }
  if (fact.conflicting && data['expiry'] !== undefined && kind !== 'token.renewed') addContested(state, fact);
}

function addContested(state: TokenState, fact: ResolvedFact): void {
  putContested(state.contestedExpiry, fact.record.key, {
    expiry: fact.data['expiry'] as Expiry,
    authority: fact.authority,
  });
}

function putContested(
  into: TokenState['contestedExpiry'],
  key: string,
  theirs: { expiry: Expiry; authority: Authority },
): void {
  const ours = into.get(key);
  if (ours === undefined || contestedOrder(theirs, ours) < 0) into.set(key, theirs);
}

function contestedOrder(
  a: { expiry: Expiry; authority: Authority },
  b: { expiry: Expiry; authority: Authority },
): number {
  const instant = (e: Expiry): number => (e.kind === 'at' ? e.at! : Infinity);
  const byTime = instant(a.expiry) - instant(b.expiry);
  if (byTime !== 0 && !Number.isNaN(byTime)) return byTime;
  const byRank = rankOf(b.authority) - rankOf(a.authority);
  return byRank !== 0 ? byRank : JSON.stringify(a.expiry) < JSON.stringify(b.expiry) ? -1 : 1;
}

function addOnset(state: TokenState, fact: ResolvedFact, kind: OnsetKind, qualifier: string): void {
  const at = kind === 'accepted' || kind === 'seen' ? firstOf(fact) : fact.time;
  const key = `${kind}\t${qualifier}\t${fact.authority}\t${fact.gateway ?? ''}\t${fact.version ?? ''}\t${kind === 'seen' && fact.future ? 'f' : ''}`;
  const known = state.onsets.get(key);
  const unconfirmed = fact.data['unconfirmed'] === true;
  if (known !== undefined) {
    known.at = Math.min(known.at, at);
    known.unconfirmed &&= unconfirmed;
    return;
  }
  const entry: OnsetEntry = { kind, qualifier, authority: fact.authority, at, unconfirmed };
  if (fact.gateway !== undefined) entry.gateway = fact.gateway;
  if (fact.version !== undefined) entry.version = fact.version;
  state.onsets.set(key, entry);
}

function firstOf(fact: ResolvedFact): number {
  return typeof fact.data['firstAt'] === 'number' ? fact.data['firstAt'] : fact.time;
}

/** A cause of suspension is (authority, reason id): lifting one leaves the others (MODEL §5.3). */
function addToggle(state: TokenState, fact: ResolvedFact, op: Toggle['op']): void {
  const cause = `${fact.authority}:${text(fact.data['reasonId'])}`;
  let toggles = state.toggles.get(cause);
  if (toggles === undefined) state.toggles.set(cause, (toggles = new Map()));
  toggles.set(`${fact.time} ${op}`, { at: fact.time, op });
}

function addHold(state: TokenState, hold: string, theirs: { at: number; op: 'place' | 'release' }): void {
  const ours = state.holds.get(hold);
  // The latest word holds; at the same instant the hold stands.
  if (ours === undefined || theirs.at > ours.at || (theirs.at === ours.at && theirs.op === 'place')) {
    state.holds.set(hold, theirs);
  }
}

function addProof(state: TokenState, fact: ResolvedFact): void {
  const proof = fact.data['proof'] as { id?: Name; htu?: string } | undefined;
  if (proof?.id === undefined) return;
  const use: ProofUse = {
    proof: proof.id,
    htu: proof.htu ?? '',
    source: fact.source,
    gateway: fact.gateway ?? '',
    accepted: [{ at: fact.time, record: fact.record.key }],
  };
  putProof(state.proofs, use);
}

function putProof(into: Map<string, ProofUse>, theirs: ProofUse): void {
  const key = `${theirs.proof}\t${theirs.htu}`;
  const ours = into.get(key);
  if (ours === undefined) {
    into.set(key, { ...theirs, accepted: theirs.accepted.slice() });
    return;
  }
  const all = [...ours.accepted, ...theirs.accepted].sort((a, b) => a.at - b.at || (a.record < b.record ? -1 : 1));
  ours.accepted = all.filter((use, i) => i === 0 || use.record !== all[i - 1]!.record).slice(0, 2);
  if (theirs.gateway < ours.gateway) ours.gateway = theirs.gateway;
  if (theirs.source < ours.source) ours.source = theirs.source;
}

function addNotes(state: TokenState, fact: ResolvedFact): void {
  const { data } = fact;
  const note = (field: string, what: string, detail = ''): void => {
    putNote(state.notes, { source: fact.source, field, what, detail, first: fact.time, last: fact.time });
  };
  if (fact.authority === 'claimed' && fact.source !== OWN_SOURCE) note(fact.type, 'claimed');
  if (fact.future) note('time', 'future');
  if (fact.conflicting) note(fact.record.key, 'conflicting', `${fact.record.digest} ${fact.kind ?? fact.type}`);
  const raw = data['raw'];
  if (Array.isArray(raw)) for (const path of raw as string[]) note(path, 'raw');
  const notes = data['notes'];
  if (Array.isArray(notes)) for (const each of notes as string[]) note(each, 'note');
}

function putNote(into: Map<string, InputNote>, theirs: InputNote): void {
  const key = `${theirs.source}\t${theirs.field}\t${theirs.what}\t${theirs.detail}`;
  const ours = into.get(key);
  if (ours === undefined) into.set(key, { ...theirs });
  else {
    ours.first = Math.min(ours.first, theirs.first);
    ours.last = Math.max(ours.last, theirs.last);
  }
}

function mergeInto(into: TokenState, from: TokenState): void {
  for (const [key, theirs] of from.onsets) {
    const ours = into.onsets.get(key);
    if (ours === undefined) into.onsets.set(key, { ...theirs });
    else {
      ours.at = Math.min(ours.at, theirs.at);
      ours.unconfirmed &&= theirs.unconfirmed;
    }
  }
  mergeAttributes(into.attributes, from.attributes);
  for (const [key, renewal] of from.renewals) into.renewals.set(key, renewal);
  for (const [key, theirs] of from.contestedExpiry) putContested(into.contestedExpiry, key, theirs);
  for (const use of from.proofs.values()) putProof(into.proofs, use);
  for (const note of from.notes.values()) putNote(into.notes, note);
  for (const name of from.families) into.families.add(name);
  for (const name of from.sessions) into.sessions.add(name);
  mergeUses(into.uses, from.uses);
  mergeRestrictions(into, from);
  into.offline ||= from.offline;
  into.verified ||= from.verified;
  into.exchanged ||= from.exchanged;
  for (const [key, attestation] of from.attestations) into.attestations.set(key, attestation);
  for (const [hold, theirs] of from.holds) addHold(into, hold, theirs);
}

/** What reaches every part of an identity (MODEL §1.4): revoked, compromised and suspensions, nothing else. */
export function mergeRestrictions(into: TokenState, from: TokenState): void {
  for (const [cause, theirs] of from.toggles) {
    let ours = into.toggles.get(cause);
    if (ours === undefined) into.toggles.set(cause, (ours = new Map()));
    for (const [key, toggle] of theirs) ours.set(key, toggle);
  }
  for (const [key, theirs] of from.onsets) {
    if (theirs.kind !== 'revoked' && theirs.kind !== 'compromised') continue;
    const ours = into.onsets.get(key);
    if (ours === undefined) into.onsets.set(key, { ...theirs });
    else ours.at = Math.min(ours.at, theirs.at);
  }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
