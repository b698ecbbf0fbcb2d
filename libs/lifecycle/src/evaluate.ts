import { attribute, conflictingAttributes, expiryOfText, type Attribute } from './attributes.js';
import { birthOf } from './birth.js';
import { cutFor, endsOf, suspensionsAt } from './ends.js';
import type { Expiry } from './expiry.js';
import type { Links } from './links.js';
import { kindOfName, type Name } from './names.js';
import type { Audiences } from './observations.js';
import { thresholdsOf } from './settings.js';
import type { OnsetEntry, TokenState } from './state.js';
import { refusalFlags } from './refusals.js';
import type { Cut, End, Onset, Status, TokenView, Use } from './view.js';
import type { World } from './world.js';

/** One token as the fold left it: its state and what is known of its identity. */
export interface FoldedToken {
  name: Name;
  names: Name[];
  partOf?: Name;
  identityConflict: boolean;
  unattributed: number;
  state: TokenState;
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
  const onsets = [...state.onsets.values()].filter((onset) => onset.at <= cutFor(cut, onset.gateway));
  const uses = usesUpTo(state, cut);
  if (onsets.length === 0 && uses.length === 0 && !togglesBy(state, cut.T)) return undefined;

  const { birth, firstSeen } = birthOf(state, thresholdsOf(world.settings).birthSlack);
  const family = links.familyOf([...token.names, ...state.families]);
  const kind = kindOfToken(token);
  const subject = current(links, attribute<Name>(a, 'subject'));
  const client = current(links, attribute<Name>(a, 'client'));
  const kidName = current(links, attribute<Name>(a, 'kidName'));
  const sessions = [...state.sessions].map((s) => links.current(s)).sort();
  const ends = endsOf(
    state,
    { subject, client, kidName, sessions, offline: state.offline, kind, birth },
    family,
    cut,
    world,
    links,
  );
  const suspendedBy = suspensionsAt(
    [
      ...[...state.toggles].map(([cause, t]): [string, Iterable<{ at: number; op: 'suspend' | 'reinstate' }>] => [
        cause,
        t.values(),
      ]),
      ...(subject === undefined ? [] : (world.subjects.get(subject) ?? [])),
    ],
    cut.T,
  );
  const expiry = expiryOf(state, cut.T);
  const issued = onsets.filter((o) => o.kind === 'issued').sort(byTime);
  const accepted = onsets.filter((o) => o.kind === 'accepted').sort(byTime);
  const conflicts = conflictingAttributes(a);
  const issuedByWord = onsets.some((o) => o.kind === 'expired');
  const status = statusOf(
    ends,
    expiry,
    cut.T,
    suspendedBy.length > 0,
    accepted.length > 0,
    issued.length > 0,
    issuedByWord,
  );
  const refusals = refusalFlags(uses, ends, expiry);

  const view: TokenView = {
    name: token.name,
    names: token.names,
    identityConflict: token.identityConflict,
    kind,
    exchanged: state.exchanged,
    status,
    flags: [],
    verifiedClaims: state.verified,
    sessions,
    successors: successorsOf(onsets, links),
    unconfirmed: issued.length > 0 && issued.every((o) => o.unconfirmed),
    firstSeen,
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
    legalHold: [...state.holds.values()].some((h) => h.op === 'place'),
    conflicts,
    unattributed: token.unattributed,
  };
  assign(view, 'partOf', token.partOf);
  assign(view, 'issuer', attribute<string>(a, 'issuer'));
  assign(view, 'jti', attribute<string>(a, 'jti'));
  assign(view, 'form', attribute<'jwt' | 'opaque'>(a, 'form'));
  assign(view, 'subject', subject);
  assign(view, 'client', client);
  assign(view, 'consumer', current(links, attribute<Name>(a, 'consumer')));
  assign(view, 'credential', current(links, attribute<Name>(a, 'credential')));
  assign(view, 'kid', attribute<string>(a, 'kid'));
  assign(view, 'kidName', kidName);
  assign(view, 'alg', attribute<string>(a, 'alg'));
  assign(view, 'typ', attribute<string>(a, 'typ'));
  assign(view, 'audiences', attribute<Audiences>(a, 'audiences'));
  assign(view, 'scopes', attribute<string[]>(a, 'scopes'));
  assign(view, 'cnf', attribute<{ jkt?: string; x5t?: string }>(a, 'cnf'));
  assign(view, 'claims', attribute<string[]>(a, 'claims'));
  assign(view, 'family', family);
  assign(view, 'parent', current(links, attribute<Name>(a, 'parent')));
  assign(view, 'subjectToken', current(links, attribute<Name>(a, 'subjectToken')));
  assign(view, 'subjectFamily', current(links, attribute<Name>(a, 'subjectFamily')));
  assign(view, 'actorDepth', attribute<number>(a, 'actorDepth'));
  assign(view, 'iat', attribute<number>(a, 'iat'));
  assign(view, 'issuedAt', issued[0]?.at);
  if (issued[0] !== undefined) view.issuedBy = onsetOf(issued[0]);
  assign(view, 'birth', birth);
  if (ends.length > 0) {
    view.endedAt = ends[0]!.at;
    view.cause = ends.find((end) => STATUS_OF_END[end.kind] === status)?.cause ?? ends[0]!.cause;
  } else if (status === 'expired') view.cause = 'expired';
  view.flags = flagsOf(view, state, refusals);
  return view;
}

/** Flags of the state digest (conflict, overflow, unitSuspect) and those for people, sorted. */
function flagsOf(view: TokenView, state: TokenState, refusals: string[]): string[] {
  const flags = [...refusals];
  if (view.identityConflict || view.conflicts.length > 0) flags.push('conflict');
  if ([...state.attributes.values()].some((values) => values.overflow)) flags.push('overflow');
  if (view.expiry.flags.includes('unit-suspect')) flags.push('unitSuspect');
  if (view.expiry.kind === 'never') flags.push('noExpiry');
  if (view.unconfirmed) flags.push('unconfirmed');
  if (view.legalHold) flags.push('legalHold');
  if (view.audiences?.kind === 'invalid') flags.push('audienceInvalid');
  if (view.uses.some((use) => use.future)) flags.push('futureDated');
  return flags.sort();
}

function statusOf(
  ends: readonly End[],
  expiry: Expiry,
  T: number,
  suspended: boolean,
  accepted: boolean,
  issued: boolean,
  expiredByWord: boolean,
): Status {
  const byEnd = new Set(ends.map((end) => STATUS_OF_END[end.kind]));
  for (const status of ['compromised', 'revoked', 'rotated', 'consumed'] as const) if (byEnd.has(status)) return status;
  if ((expiry.kind === 'at' && T >= expiry.at!) || expiredByWord) return 'expired';
  if (suspended) return 'suspended';
  return accepted ? 'active' : issued ? 'issued' : 'observed';
}

/** The attribute, unless a renewal in place at or before T says later (MODEL §5.2); a tie takes the earlier expiry. */
export function expiryOf(state: TokenState, T: number): Expiry {
  let best: { at: number; expiry: Expiry } | undefined;
  for (const renewal of state.renewals.values()) {
    if (renewal.at > T) continue;
    if (
      best === undefined ||
      renewal.at > best.at ||
      (renewal.at === best.at && instantOf(renewal.expiry) < instantOf(best.expiry))
    ) {
      best = renewal;
    }
  }
  if (best !== undefined) return best.expiry;
  const stated = state.attributes.get('expiry' satisfies Attribute)?.values[0];
  let expiry = stated === undefined ? undefined : expiryOfText(stated.json);
  for (const contested of state.contestedExpiry.values()) {
    if (expiry === undefined || instantOf(contested.expiry) < instantOf(expiry)) expiry = contested.expiry;
  }
  return expiry ?? { kind: 'unknown', raw: null, unit: 'none', flags: [] };
}

function instantOf(expiry: Expiry): number {
  return expiry.kind === 'at' ? expiry.at! : Infinity;
}

function usesUpTo(state: TokenState, cut: Cut): Use[] {
  const out: Use[] = [];
  for (const use of state.uses.entries.values()) {
    const until = cutFor(cut, use.gateway);
    if (use.first > until) continue;
    out.push(use.last <= until ? use : { ...use, last: until, exact: false });
  }
  return out.sort((x, y) => x.first - y.first || x.last - y.last || (useOrder(x) < useOrder(y) ? -1 : 1));
}

function useOrder(use: Use): string {
  return JSON.stringify(use, Object.keys(use).sort());
}

function togglesBy(state: TokenState, T: number): boolean {
  for (const toggles of state.toggles.values()) for (const { at } of toggles.values()) if (at <= T) return true;
  return false;
}

function kindOfToken(token: FoldedToken): TokenView['kind'] {
  const stated = attribute<TokenView['kind']>(token.state.attributes, 'kind');
  if (stated !== undefined) return stated;
  const kind = kindOfName(token.name);
  if (kind === 'cred') return 'apiKey';
  if (kind === 'con') return 'consumer';
  return 'unknown';
}

function successorsOf(onsets: readonly OnsetEntry[], links: Links): Name[] {
  const out = new Set<Name>();
  for (const o of onsets) if (o.kind === 'rotated' && o.qualifier !== '') out.add(links.current(o.qualifier));
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

function byTime(a: OnsetEntry, b: OnsetEntry): number {
  return a.at - b.at || (`${a.gateway}${a.version}` < `${b.gateway}${b.version}` ? -1 : 1);
}

function current(links: Links, name: Name | undefined): Name | undefined {
  return name === undefined ? undefined : links.current(name);
}

function assign<K extends keyof TokenView>(view: TokenView, key: K, value: TokenView[K] | undefined): void {
  if (value !== undefined) view[key] = value;
}
