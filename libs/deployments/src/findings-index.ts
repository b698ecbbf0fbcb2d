import type { Finding, Name, TokenView } from '#lifecycle';

const DECISIVE: ReadonlySet<string> = new Set(['D1', 'D2', 'D6']);

/**
 * The findings that decide about a token: its own and its family's, so that reuse of one refresh token ends every
 * member. Only the rules that the decision table reads are kept.
 */
export function indexFindings(findings: Iterable<Finding>): (view: TokenView) => Finding[] {
  const byName = new Map<Name, Finding[]>();
  const put = (name: Name, finding: Finding): void => {
    const list = byName.get(name);
    if (list) list.push(finding);
    else byName.set(name, [finding]);
  };
  for (const finding of findings) {
    if (!DECISIVE.has(finding.rule)) continue;
    // A finding about one token lists its whole family only where the rule is about the family.
    const tokens = finding.rule === 'D1' ? finding.tokens : finding.tokens.slice(0, 1);
    for (const token of tokens) put(token, finding);
    if (finding.rule === 'D1' && finding.family !== undefined) put(finding.family, finding);
  }
  return (view) => {
    const names = view.family === undefined ? view.names : [...view.names, view.family];
    return [...new Set(names.flatMap((name) => byName.get(name) ?? []))];
  };
}
