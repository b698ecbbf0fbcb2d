import { SEVERITIES, type Finding, type Name } from '#lifecycle';
import { ruleFilter } from './finding-rules.js';
import type { Frame } from './frame.js';
import type { Frames } from './frames.js';
import type { Answer, ReadParams } from './questions.js';
import type { Stores } from './stores.js';
import { select } from './tokens.js';
import { stepByStep } from './turns.js';

/** Findings as of T, as known at K; `--severity` means that or worse. */
export async function listFindings(params: ReadParams<'findings'>, stores: Stores, frames: Frames): Promise<Answer> {
  const frame = await frames.frame(params);
  const floor = params.severity === undefined ? 0 : SEVERITIES.indexOf(params.severity);
  const all = await stepByStep(frame.history.findingsInSteps(frame.cut));
  const isOfRule = ruleFilter(params.rule, all);
  const about = params.token === undefined ? undefined : namesOf(params.token, all, frame, stores);
  const wanted = all.filter(
    (finding) =>
      SEVERITIES.indexOf(finding.severity) >= floor &&
      isOfRule(finding) &&
      (about === undefined || finding.tokens.some((token) => about.has(token))),
  );
  const skip = Number(params.after ?? 0);
  const rows = wanted.slice(skip).map((finding) => ({
    id: finding.id,
    rule: finding.rule,
    kind: finding.kind,
    severity: finding.severity,
    provisional: finding.provisional,
    tokens: finding.tokens,
    family: finding.family ?? null,
    gateway: finding.gateway ?? null,
    summary: finding.summary,
    evidence: finding.evidence,
  }));
  return {
    kind: 'rows',
    rows,
    keyOf: (_row, index) => String(skip + index + 1),
    pinned: {
      asOf: params.asOf ?? `time:${new Date(frame.cut.T).toISOString()}`,
      asKnownAt: `position:${frame.knownAt.position}`,
    },
    end: () => ({ findings: wanted.length, asOf: frame.asOf, knownAt: frame.knownAt }),
  };
}

/** The names of a token in findings. @throws NotFound if neither a finding nor anything else speaks of it */
function namesOf(token: Name, all: readonly Finding[], frame: Frame, stores: Stores): Set<Name> {
  const { links } = frame.history;
  const names = new Set([links.current(token), ...links.rivalJtisOf(links.current(token))]);
  if (!all.some((finding) => finding.tokens.some((each) => names.has(each))))
    select({ tenant: frame.tenant, name: token }, frame, stores);
  return names;
}
