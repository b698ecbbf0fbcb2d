import { attribute, conflictingAttributes, namingAttribute, type Attribute } from './attributes.js';
import { birthOf } from './birth.js';
import { cutFor, endsOf, marksOf } from './ends.js';
import { expiryOf, isExpiryReplaced } from './expiry-state.js';
import type { Links } from './links.js';
import { kindOfName, type Name } from './names.js';
import type { Audiences } from './observations.js';
import { compareOnsets, type OnsetEntry } from './onsets.js';
import { refusalFlags } from './refusals.js';
import { thresholdsOf } from './settings.js';
import type { TokenState } from './state.js';
import { causesAt, isStatedBy } from './toggles.js';
import type { Cut, End, Onset, Status, TokenView, Use } from './view.js';
import { eachUse } from './uses.js';
import type { World } from './world.js';

/** One token as the fold left it: its state and what is known of its identity. */
export interface FoldedToken {
  name: Name;
  names: Name[];
  partOf?: Name;
  identityConflict: boolean;
  unattributed: number;
  /** The earliest of the facts that belong to no one part: from then on any part may be known. */
  unattributedFrom?: number;
  state: TokenState;
  /**
   * Set on a part: everything that was stated of the identity, with the names it was stated under. Fences, keys and
   * families that reach the identity end each part; else a line that splits it would take back an end (MODEL §1.4).
   */
  reach?: { state: TokenState; names: readonly Name[] };
}

/** Statuses that an end gives, by its kind. */
const STATUS_OF_END: Record<End['kind'], Status> = {
  compromised: 'compromised',
  revoked: 'revoked',
  fenced: 'revoked',
  familyEnded: 'revoked',
  rotated: 'rotated',
  consumed: 'consumed',
};

/** What a token is, as of a cut and under the settings of a world (MODEL §5). Undefined if it has no fact ≤ T. */
export function evaluate(token: FoldedToken, cut: Cut, world: World, links: Links): TokenView | undefined {
  const { state } = token;
  const a = state.attributes;
  const onsets = [...state.onsets.values()].filter((o) => o.at <= cutFor(cut, o.gateway)).sort(compareOnsets);
  const uses = usesUpTo(state, cut, links);
  const isSeen = uses.some((use) => use.shadow !== true);
  const besides = Math.min(state.withoutEffectFrom, token.unattributedFrom ?? Infinity);
  const isKnown = onsets.length > 0 || isSeen || isStatedBy(state.suspensions, cut.T) || besides <= cut.T;
  if (!isKnown) return undefined;

  const { birth, seenBefore, ...seen } = birthOf(state, thresholdsOf(world.settings).birthSlack);
  const canonical = (name: Name): Name => links.canonical(name);
  const named = (attributeName: Attribute): Name | undefined => namingAttribute(a, attributeName, canonical);
  const familyNames = [...token.names, ...state.families];
  const family = links.familyOf(familyNames);
  const subject = named('subject');
  const reach = token.reach ?? { state, names: [] };
  const marks = marksOf(reach.state, token.name, links, world);
  const ends = endsOf(state, marks, [...familyNames, ...reach.names, ...reach.state.families], cut, world, links);
  const suspendedBy = suspensionsOf(state, marks.names, cut.T, world);
  const expiry = expiryOf(state, cut.T);
  const issued = onsets.filter((o) => o.kind === 'issued');
  const accepted = onsets.filter((o) => o.kind === 'accepted');
  const status = statusOf({
    ends,
    expired: (expiry.kind === 'at' && cut.T >= expiry.at!) || onsets.some((o) => o.kind === 'expired'),
    suspended: suspendedBy.length > 0,
    accepted: accepted.length > 0,
    issued: issued.length > 0,
  });

  const view: TokenView = {
    name: token.name,
    names: token.names,
    identityConflict: token.identityConflict,
    kind: kindOfToken(token),
    exchanged: state.exchanged,
    status,
    flags: [],
    verifiedClaims: state.verified,
    sessions: sessionsOf(state, links),
    successors: successorsOf(onsets, links),
    unconfirmed: issued.length > 0 && issued.every((o) => o.unconfirmed),
    firstSeen: Math.min(seen.firstSeen, besides),
    expiry,
    ends,
    suspended: suspendedBy.length > 0,
    suspendedBy,
    accepted: accepted.map(onsetOf),
    uses,
    versions: {
      issued: versionsOf(issued),
      accepted: versionsOf(accepted),
      refused: versionsOf(uses.filter((u) => u.outcome === 'refused')),
    },
    attestations: [...state.attestations.values()]
      .filter((x) => x.at <= cut.T)
      .sort((x, y) => x.at - y.at || (x.statement < y.statement ? -1 : 1)),
    legalHold: isHeld(state, marks.names, cut.T, world),
    conflicts: conflictingAttributes(a, canonical),
    unattributed: token.unattributed,
  };
  assign(view, 'partOf', token.partOf);
  assign(view, 'issuer', attribute<string>(a, 'issuer'));
  assign(view, 'jti', attribute<string>(a, 'jti'));
  assign(view, 'form', attribute<'jwt' | 'opaque'>(a, 'form'));
  assign(view, 'subject', subject);
  assign(view, 'client', named('client'));
  assign(view, 'consumer', named('consumer'));
  assign(view, 'credential', named('credential'));
  assign(view, 'kid', attribute<string>(a, 'kid'));
  assign(view, 'kidName', named('kidName'));
  assign(view, 'alg', attribute<string>(a, 'alg'));
  assign(view, 'typ', attribute<string>(a, 'typ'));
  assign(view, 'audiences', attribute<Audiences>(a, 'audiences'));
  assign(view, 'scopes', attribute<string[]>(a, 'scopes'));
  assign(view, 'cnf', attribute<{ jkt?: string; x5t?: string }>(a, 'cnf'));
  assign(view, 'claims', attribute<string[]>(a, 'claims'));
  assign(view, 'family', family);
  assign(view, 'parent', named('parent'));
  assign(view, 'subjectToken', named('subjectToken'));
  assign(view, 'subjectFamily', named('subjectFamily'));
  assign(view, 'actorDepth', attribute<number>(a, 'actorDepth'));
  assign(view, 'iat', attribute<number>(a, 'iat'));
  assign(view, 'exp', attribute<number | string>(a, 'exp'));
  assign(view, 'issuedAt', issued[0]?.at);
  if (issued[0] !== undefined) view.issuedBy = onsetOf(issued[0]);
  assign(view, 'birth', birth);
  if (ends.length > 0) {
    view.endedAt = ends[0]!.at;
    view.cause = ends.find((end) => STATUS_OF_END[end.kind] === status)?.cause ?? ends[0]!.cause;
  } else if (status === 'expired') view.cause = 'expired';
  view.flags = flagsOf(view, state, seenBefore);
  return view;
}

/**
 * Flags of the state digest (conflict, overflow, unitSuspect) and those for people, sorted. `expiryReplaced` and
 * `seenBeforeIssue` list the two ways in which a fact may weaken an end (MODEL §5, invariants).
 */
function flagsOf(view: TokenView, state: TokenState, seenBefore: number | undefined): string[] {
  const flags = refusalFlags(view.uses, view.ends, view.expiry);
  if (view.identityConflict || view.conflicts.length > 0) flags.push('conflict');
  if ([...state.attributes.values()].some((values) => values.overflow)) flags.push('overflow');
  if (view.expiry.flags.includes('unit-suspect')) flags.push('unitSuspect');
  if (view.expiry.kind === 'never') flags.push('noExpiry');
  if (view.unconfirmed) flags.push('unconfirmed');
  if (view.legalHold) flags.push('legalHold');
  if (view.audiences?.kind === 'invalid') flags.push('audienceInvalid');
  if (view.uses.some((use) => use.future)) flags.push('futureDated');
  if (isExpiryReplaced(state)) flags.push('expiryReplaced');
  if (seenBefore !== undefined) flags.push('seenBeforeIssue');
  return flags.sort();
}

/** Display order (MODEL §5.7). */
function statusOf(known: {
  ends: readonly End[];
  expired: boolean;
  suspended: boolean;
  accepted: boolean;
  issued: boolean;
}): Status {
  const byEnd = new Set(known.ends.map((end) => STATUS_OF_END[end.kind]));
  for (const status of ['compromised', 'revoked', 'rotated', 'consumed'] as const) if (byEnd.has(status)) return status;
  if (known.expired) return 'expired';
  if (known.suspended) return 'suspended';
  return known.accepted ? 'active' : known.issued ? 'issued' : 'observed';
}

/** The causes that suspend at T: the token's own, and those of every subject that was stated of it. */
function suspensionsOf(state: TokenState, marks: ReadonlySet<Name>, T: number, world: World): string[] {
  const causes = new Set(causesAt(state.suspensions, T));
  if (world.subjects.size > 0) {
    for (const mark of marks) {
      const ofSubject = world.subjects.get(mark);
      if (ofSubject !== undefined) for (const cause of causesAt(ofSubject, T)) causes.add(cause);
    }
  }
  return [...causes].sort();
}

function isHeld(state: TokenState, marks: ReadonlySet<Name>, T: number, world: World): boolean {
  if (world.holds.stands(state.holds, T)) return true;
  for (const mark of marks) if (world.holds.standsFor(mark, T)) return true;
  return false;
}

function usesUpTo(state: TokenState, cut: Cut, links: Links): Use[] {
  const out: Use[] = [];
  for (const use of eachUse(state.uses)) {
    const until = cutFor(cut, use.gateway);
    if (use.first > until) continue;
    const known = use.last <= until ? use : { ...use, last: until, exact: false };
    out.push(links.hasRenames && use.client !== undefined ? { ...known, client: links.current(use.client) } : known);
  }
  return out.sort(compareUses);
}

function compareUses(a: Use, b: Use): number {
  if (a.first !== b.first) return a.first - b.first;
  if (a.last !== b.last) return a.last - b.last;
  const [x, y] = [orderText(a), orderText(b)];
  return x < y ? -1 : x > y ? 1 : 0;
}

function orderText(use: Use): string {
  return JSON.stringify(Object.entries(use).sort(([p], [q]) => (p < q ? -1 : 1)));
}

function sessionsOf(state: TokenState, links: Links): Name[] {
  const sessions = [...state.marks].filter((mark) => kindOfName(mark) === 'ses');
  return [...new Set(sessions.map((each) => links.current(each)))].sort();
}

/** A consumer stays one, whatever its lines say of the credential (ADR 0004). */
function kindOfToken(token: FoldedToken): TokenView['kind'] {
  const kind = kindOfName(token.name);
  if (kind === 'con') return 'consumer';
  const stated = attribute<TokenView['kind']>(token.state.attributes, 'kind');
  return stated ?? (kind === 'cred' ? 'apiKey' : 'unknown');
}

function successorsOf(onsets: readonly OnsetEntry[], links: Links): Name[] {
  const out = new Set<Name>();
  for (const o of onsets) if (o.kind === 'rotated' && o.qualifier !== '') out.add(links.canonical(o.qualifier));
  return [...out].sort();
}

function versionsOf(list: readonly { version?: string }[]): string[] {
  return [...new Set(list.map((o) => o.version).filter((v) => v !== undefined))].sort();
}

function onsetOf(entry: OnsetEntry): Onset {
  const onset: Onset = { at: entry.at, authority: entry.authority };
  if (entry.gateway !== undefined) onset.gateway = entry.gateway;
  if (entry.version !== undefined) onset.version = entry.version;
  return onset;
}

function assign<K extends keyof TokenView>(view: TokenView, key: K, value: TokenView[K] | undefined): void {
  if (value !== undefined) view[key] = value;
}
