import type { Contract, Millis, TokenView } from '#lifecycle';
import { leewayOf, readByVersion } from './expiry-reading.js';

export interface PopulationContext {
  T: Millis;
  fromContract: Contract | undefined;
  toContract: Contract | undefined;
}

/** Why a view is no part of a plan: the count of left-out refresh tokens is told to people. */
export type Membership = 'in' | 'expired' | 'refresh' | 'consumer';

/**
 * Whether a plan must decide the token (MODEL §8): not expired at T under at least one of our reading and the two
 * versions', whoever issued it, accepted or not. Consumers are no tokens; a refresh token is shown to nobody but its
 * issuer, so it counts only where the component is declared to be an issuer or a store.
 */
export function membershipOf(view: TokenView, { T, fromContract, toContract }: PopulationContext): Membership {
  if (view.kind === 'consumer') return 'consumer';
  const alive =
    isAlive(view.expiry.kind === 'at' ? view.expiry.at! : 'never', 0, T) ||
    [fromContract, toContract].some((contract) => isAlive(readingOf(contract, view), leewayOf(contract), T));
  if (!alive) return 'expired';
  if (view.kind === 'refresh' && ![fromContract, toContract].some(holdsRefreshTokens)) return 'refresh';
  return 'in';
}

/** A version without a contract, or whose unit is not declared, is taken to read as we do; its leeway still counts. */
function readingOf(contract: Contract | undefined, view: TokenView): Millis | 'never' {
  return readByVersion(contract, view) ?? (view.expiry.kind === 'at' ? view.expiry.at! : 'never');
}

function isAlive(expiry: Millis | 'never', leeway: Millis, T: Millis): boolean {
  return expiry === 'never' || T < expiry + leeway;
}

function holdsRefreshTokens(contract: Contract | undefined): boolean {
  const roles = [contract?.role ?? []].flat();
  return roles.includes('issuer') || roles.includes('store');
}
