import type { Contract } from '#lifecycle';
import { canonicalJson } from './canonical.js';
import { ANY, type ContractField } from './checks.js';

export interface ContractChange {
  field: ContractField;
  before: unknown;
  after: unknown;
}

/** How two contracts differ, field by field: a hotfix against the version that it stands for. Lists are sets. */
export function contractDiff(before: Contract, after: Contract): ContractChange[] {
  const fields = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort() as ContractField[];
  return fields
    .map((field) => ({ field, before: before[field], after: after[field] }))
    .filter((change) => normal(change.before) !== normal(change.after));
}

function normal(value: unknown): string {
  return value === undefined ? '' : canonicalJson(Array.isArray(value) ? [...new Set(value)].sort() : value);
}

const LISTS = ['issuers', 'kids', 'algorithms', 'typs', 'audiences', 'scopes'] as const;

/**
 * What one component may issue and another does not accept, in words: two components that roll back on their own must
 * fit pairwise. Fields that either leaves out say nothing. Empty unless the first is an issuer.
 */
export function pairIssues(issuer: Contract, validator: Contract | undefined): string[] {
  if (!validator || ![issuer.role ?? []].flat().includes('issuer')) return [];
  const out: string[] = [];
  for (const field of LISTS) {
    const [may, known] = [issuer[field], validator[field]];
    if (!may || !known || known.includes(ANY)) continue;
    const strange = may.filter((value) => !known.includes(value)).sort();
    if (strange.length > 0) out.push(`${field} not accepted: ${strange.join(', ')}`);
  }
  const missing = (validator.requiredClaims ?? []).filter(
    (claim) => issuer.knownClaims && !issuer.knownClaims.includes(claim),
  );
  if (missing.length > 0) out.push(`required claims never issued: ${missing.sort().join(', ')}`);
  if ((issuer.maxLifetimeSeconds ?? 0) > (validator.maxLifetimeSeconds ?? Infinity)) {
    out.push(`issued for up to ${issuer.maxLifetimeSeconds} s, accepted for ${validator.maxLifetimeSeconds} s`);
  }
  if (issuer.expUnit && validator.expUnit && issuer.expUnit !== validator.expUnit) {
    out.push(`exp is issued in ${issuer.expUnit} and read in ${validator.expUnit}`);
  }
  return out;
}
