import { agedTo, FindingSet, type Finding } from '#lifecycle';

/**
 * One finding out of what units give to it, as it is compared and stored: without the age that grows by itself.
 * Undefined where no unit gives anything.
 */
export function mergedFinding(parts: Iterable<Finding>): Finding | undefined {
  const set = new FindingSet();
  for (const part of parts) set.add(part);
  const [finding] = set.list();
  return finding === undefined ? undefined : agedTo(finding, undefined);
}
