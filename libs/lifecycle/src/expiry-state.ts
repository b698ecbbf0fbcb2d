import { attribute, expiryText, type Attributes } from './attributes.js';
import type { Expiry } from './expiry.js';
import type { ResolvedFact } from './resolve.js';

/** An expiry that a renewal in place stated. */
export interface Renewal {
  at: number;
  expiry: Expiry;
  /** Stated by records with conflicting variants alone: it may shorten, not prolong (MODEL §2.2). */
  contested: boolean;
}
export type Renewals = Map<string, Renewal>;
/** Expiries of conflicting records, by record: of one record's variants the earliest alone may count. */
export type ContestedExpiries = Map<string, Expiry>;

/** The parts of a token's state that say when it ends by itself. */
export interface ExpiryState {
  attributes: Attributes;
  renewals: Renewals;
  contestedExpiries: ContestedExpiries;
}

/** Adds the expiry of a fact where it is more than a plain attribute. */
export function absorbExpiry(state: ExpiryState, fact: ResolvedFact): void {
  const expiry = fact.data['expiry'] as Expiry | undefined;
  if (expiry === undefined || fact.data['verified'] === false) return;
  if (fact.kind === 'token.renewed') {
    putRenewal(state.renewals, { at: fact.time, expiry, contested: fact.conflicting });
  } else if (fact.conflicting) putContested(state.contestedExpiries, fact.record.key, expiry);
}

export function mergeExpiries(into: ExpiryState, from: ExpiryState): void {
  for (const renewal of from.renewals.values()) putRenewal(into.renewals, renewal);
  for (const [record, expiry] of from.contestedExpiries) putContested(into.contestedExpiries, record, expiry);
}

function putRenewal(into: Renewals, theirs: Renewal): void {
  const key = `${theirs.at} ${theirs.expiry.kind} ${theirs.expiry.at}`;
  const ours = into.get(key);
  if (ours === undefined) {
    into.set(key, { ...theirs });
    return;
  }
  ours.contested &&= theirs.contested;
  if (compareExpiries(theirs.expiry, ours.expiry) < 0) ours.expiry = theirs.expiry;
}

function putContested(into: ContestedExpiries, record: string, theirs: Expiry): void {
  const ours = into.get(record);
  if (ours === undefined || compareExpiries(theirs, ours) < 0) into.set(record, theirs);
}

/**
 * The expiry that holds at T: the attribute, shortened by what conflicting records say, unless a renewal in place at
 * or before T says otherwise (MODEL §5.2). The latest renewal holds, of several at one instant the earliest expiry.
 */
export function expiryOf(state: ExpiryState, T: number): Expiry {
  let expiry = attribute<Expiry>(state.attributes, 'expiry');
  for (const contested of [...state.contestedExpiries.values()].sort(compareExpiries)) {
    if (expiry === undefined || instantOf(contested) < instantOf(expiry)) expiry = contested;
  }
  for (const renewal of [...state.renewals.values()].sort(compareRenewals)) {
    if (renewal.at > T) break;
    const shortens = expiry === undefined || instantOf(renewal.expiry) < instantOf(expiry);
    if (!renewal.contested || shortens) expiry = renewal.expiry;
  }
  return expiry ?? { kind: 'unknown', raw: null, unit: 'none', flags: [] };
}

/** Whether an expiry of higher authority took the place of an earlier one: the token may live longer for it. */
export function isExpiryReplaced({ attributes }: ExpiryState): boolean {
  const [best, ...others] = attributes.get('expiry')?.values ?? [];
  if (best === undefined) return false;
  const holds = instantOf(best.value as Expiry);
  return others.some(({ value, authority }) => authority !== best.authority && instantOf(value as Expiry) < holds);
}

/** By time; at one instant those in effect first, the earliest expiry last, so that it holds. */
function compareRenewals(a: Renewal, b: Renewal): number {
  return a.at - b.at || Number(a.contested) - Number(b.contested) || compareExpiries(b.expiry, a.expiry);
}

/** Earliest first; a total order, so that no answer depends on which came first. */
function compareExpiries(a: Expiry, b: Expiry): number {
  const [x, y] = [instantOf(a), instantOf(b)];
  if (x !== y) return x < y ? -1 : 1;
  const [p, q] = [expiryText(a), expiryText(b)];
  return p < q ? -1 : p > q ? 1 : 0;
}

function instantOf(expiry: Expiry): number {
  return expiry.kind === 'at' ? expiry.at! : Infinity;
}
