import type { FoldedView } from '../view-unit.js';
import type { Links } from '../links.js';
import { worst, type Finding } from '../view.js';
import type { Watermarks } from '../watermarks.js';
import type { World } from '../world.js';
import { clockSkew } from './clock-skew.js';
import { contextOf, type Rule, type Surroundings } from './context.js';
import { refreshReuse } from './d01-refresh-reuse.js';
import { useAfterRevocation } from './d02-use-after-revocation.js';
import { useAfterExpiry } from './d03-use-after-expiry.js';
import { replay } from './d04-replay.js';
import { bindingMismatch } from './d06-binding-mismatch.js';
import { issuanceNotSeen } from './d12-issuance-not-seen.js';
import { drift } from './d13-drift.js';
import { identityConflict } from './d17-identity-conflict.js';
import { wrongKind } from './d18-wrong-kind.js';
import { inputFindings } from './inputs.js';

/** The rules that one history decides, by the name under which they stand in findings. */
export const RULES: readonly Rule[] = [
  refreshReuse,
  useAfterRevocation,
  useAfterExpiry,
  replay,
  bindingMismatch,
  issuanceNotSeen,
  drift,
  wrongKind,
  clockSkew,
  inputFindings,
];

/** Every finding of the tokens of one unit. */
export function findingsOf(
  parts: readonly FoldedView[],
  world: World,
  links: Links,
  watermarks: Watermarks,
  around: Surroundings,
  T: number,
): Finding[] {
  const out = identityConflict(parts, links);
  for (const { token, view } of parts) {
    const context = contextOf(view, token.state, world, links, watermarks, around, T);
    for (const rule of RULES) out.push(...rule(context));
  }
  return out;
}

/** Tokens listed in one finding at most; `evidence.more` counts the rest. */
const LISTED = 100;

/** Collects findings by id: one incident, however many tokens and units speak of it. Order does not matter. */
export class FindingSet {
  private readonly byId = new Map<string, { finding: Finding; tokens: Set<string> }>();

  add(finding: Finding): void {
    const known = this.byId.get(finding.id);
    if (known === undefined) {
      this.byId.set(finding.id, { finding, tokens: new Set(finding.tokens) });
      return;
    }
    for (const token of finding.tokens) known.tokens.add(token);
    const [a, b] = order(known.finding, finding);
    known.finding = {
      ...a,
      severity: worst(a.severity, b.severity),
      provisional: a.provisional || b.provisional,
      evidence: mergeEvidence(a.evidence, b.evidence),
    };
  }

  /** Sorted: worst first, then by rule and id. */
  list(): Finding[] {
    const out: Finding[] = [];
    for (const { finding, tokens } of this.byId.values()) {
      const first = finding.tokens[0];
      const rest = [...tokens].filter((token) => token !== first).sort();
      const all = finding.rule.startsWith('D') && first !== undefined ? [first, ...rest] : [...tokens].sort();
      const listed: Finding = { ...finding, tokens: all.slice(0, LISTED) };
      if (all.length > LISTED) listed.evidence = { ...finding.evidence, more: all.length - LISTED };
      out.push(listed);
    }
    return out.sort(bySeverity);
  }
}

export function bySeverity(a: Finding, b: Finding): number {
  if (a.severity !== b.severity) return worst(a.severity, b.severity) === a.severity ? -1 : 1;
  const [x, y] = [`${a.rule} ${a.id}`, `${b.rule} ${b.id}`];
  return x < y ? -1 : x > y ? 1 : 0;
}

/** A fixed order of two variants, so that merging does not depend on which came first; of lower bounds the higher. */
function order(a: Finding, b: Finding): [Finding, Finding] {
  const [x, y] = [atLeast(a), atLeast(b)];
  if (x !== y) return x > y ? [a, b] : [b, a];
  return a.summary < b.summary || (a.summary === b.summary && (a.tokens[0] ?? '') <= (b.tokens[0] ?? ''))
    ? [a, b]
    : [b, a];
}

function atLeast({ evidence }: Finding): number {
  const ahead = evidence['aheadMs'] as { atLeast?: number } | undefined;
  return ahead?.atLeast ?? -Infinity;
}

/** First and last widen; lists unite; everything else is the first's. */
function mergeEvidence(a: Record<string, unknown>, b: Record<string, unknown>): Record<string, unknown> {
  const out = { ...a };
  if (typeof a['first'] === 'string' && typeof b['first'] === 'string')
    out['first'] = a['first'] < b['first'] ? a['first'] : b['first'];
  if (typeof a['last'] === 'string' && typeof b['last'] === 'string')
    out['last'] = a['last'] > b['last'] ? a['last'] : b['last'];
  for (const list of ['variants', 'refusals', 'jtis']) {
    const [x, y] = [a[list], b[list]];
    if (!Array.isArray(x) || !Array.isArray(y)) continue;
    const byText = new Map<string, unknown>([...x, ...y].map((item: unknown) => [JSON.stringify(item), item]));
    out[list] = [...byText]
      .sort(([p], [q]) => (p < q ? -1 : 1))
      .slice(0, LISTED)
      .map(([, item]) => item);
  }
  return out;
}
