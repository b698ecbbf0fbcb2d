import { SEVERITIES } from '#lifecycle';
import type { Frames } from './frames.js';
import type { Answer, ReadParams } from './questions.js';
import { stepByStep } from './turns.js';

/** Findings as of T, as known at K; `--severity` means that or worse. */
export async function listFindings(params: ReadParams<'findings'>, frames: Frames): Promise<Answer> {
  const frame = await frames.frame(params);
  const floor = params.severity === undefined ? 0 : SEVERITIES.indexOf(params.severity);
  const token = params.token === undefined ? undefined : frame.history.links.current(params.token);
  const all = await stepByStep(frame.history.findingsInSteps(frame.cut));
  const wanted = all.filter(
    (finding) =>
      SEVERITIES.indexOf(finding.severity) >= floor &&
      (params.rule === undefined || finding.rule === params.rule || finding.kind === params.rule) &&
      (token === undefined || finding.tokens.includes(token)),
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
