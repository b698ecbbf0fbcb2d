import { parseNumber, type Contract, type Millis, type TimeUnit, type TokenView } from '#lifecycle';

const PER_UNIT: Record<TimeUnit, number> = { s: 1000, ms: 1, us: 1e-3, ns: 1e-6 };

/** What of a token says when it ends. */
export type Ending = Pick<TokenView, 'expiry' | 'exp'>;

/** The raw `exp` claim, if any line showed it: an absolute number, in whatever unit. */
export function rawExp({ expiry, exp }: Ending): number | undefined {
  const isClaim = expiry.unit !== 'iso' && expiry.unit !== 'duration-s' && expiry.unit !== 'none';
  const raw = exp ?? (isClaim ? expiry.raw : undefined);
  return typeof raw === 'string' ? parseNumber(raw) : (raw ?? undefined);
}

/**
 * When a version reads the token to expire, without leeway: `exp` in the version's own unit.
 * Undefined if its unit is not declared or the claim was not shown.
 */
export function readByVersion(contract: Contract | undefined, ending: Ending): Millis | 'never' | undefined {
  if (ending.expiry.kind === 'never') return 'never';
  const raw = rawExp(ending);
  if (raw === undefined || contract?.expUnit === undefined) return undefined;
  return Math.floor(raw * PER_UNIT[contract.expUnit]);
}

export function leewayOf(contract: Contract | undefined): Millis {
  return (contract?.leewaySeconds ?? 0) * 1000;
}
