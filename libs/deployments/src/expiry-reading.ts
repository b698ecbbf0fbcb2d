import { parseNumber, type Contract, type Expiry, type Millis, type TimeUnit } from '#lifecycle';

const PER_UNIT: Record<TimeUnit, number> = { s: 1000, ms: 1, us: 1e-3, ns: 1e-6 };

/** Whether the raw `exp` claim itself was shown: an absolute number, in whatever unit. */
export function rawExp(expiry: Expiry): number | undefined {
  if (expiry.unit === 'iso' || expiry.unit === 'duration-s' || expiry.unit === 'none') return undefined;
  return typeof expiry.raw === 'number' ? expiry.raw : parseNumber(expiry.raw ?? '');
}

/**
 * When a version reads the token to expire, without leeway: `exp` in the version's own unit.
 * Undefined if its unit is not declared or the claim was not shown.
 */
export function readByVersion(contract: Contract | undefined, expiry: Expiry): Millis | 'never' | undefined {
  if (expiry.kind === 'never') return 'never';
  const raw = rawExp(expiry);
  if (raw === undefined || contract?.expUnit === undefined) return undefined;
  return Math.floor(raw * PER_UNIT[contract.expUnit]);
}

export function leewayOf(contract: Contract | undefined): Millis {
  return (contract?.leewaySeconds ?? 0) * 1000;
}
