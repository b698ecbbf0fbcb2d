import * as acceptance from './acceptance.js';
import * as ends from './ends.js';
import * as evidence from './evidence.js';
import type { Rule } from './rule.js';
import * as stores from './stores.js';

/**
 * The decision table of MODEL §8, in its order. *Exchanged* is not here: it looks at other tokens' decisions and comes
 * after them (`exchange.ts`).
 */
export const RULES: readonly Rule[] = [
  acceptance.accepts,
  ends.ended,
  ends.reuse,
  ends.misused,
  ends.badKey,
  acceptance.outlives,
  evidence.wronglyRefused,
  ends.falseRevocation,
  acceptance.widened,
  acceptance.unknownScopeOrAudience,
  acceptance.unverifiable,
  acceptance.tooLong,
  acceptance.unbound,
  acceptance.boundUnchecked,
  stores.rotatedParent,
  stores.rotatedSuccessor,
  stores.orphan,
  ends.suspended,
  evidence.unconfirmed,
  evidence.observedOnly,
  ends.conflict,
  evidence.versionUnknown,
  acceptance.silent,
  evidence.none,
];
