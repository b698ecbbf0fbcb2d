import { factOfRow, type RawRow } from '#ledger';
import { isName, type Finding, type Name } from '#lifecycle';
import { NO_NAME, tsvText } from './tsv.js';

export const FINDING_COLUMNS = [
  ...['tenant', 'id', 'position', 'what', 'at', 'rule', 'kind', 'severity', 'provisional', 'tokens', 'family'],
  ...['gateway', 'summary', 'evidence', 'reason', 'by'],
] as const;

const FINDING = /^tallystick\.finding\.([a-z]+)\./;

/** The row of an event that tells of a finding; undefined for any other. */
export function findingRow(row: RawRow): string | undefined {
  const what = FINDING.exec(row.type)?.[1];
  if (what === undefined) return undefined;
  const { tenant, time, data } = factOfRow(row);
  const { finding, reason, by } = data as { finding?: Finding; reason?: string; by?: string };
  // Another program can write an event of this type, too.
  if (typeof finding?.id !== 'string' || !Array.isArray(finding.tokens) || !finding.tokens.every(isName))
    return undefined;
  const columns = [
    tsvText(tenant),
    tsvText(finding.id),
    row.position,
    what,
    time,
    tsvText(String(finding.rule)),
    tsvText(String(finding.kind)),
    tsvText(String(finding.severity)),
    finding.provisional ? 1 : 0,
    arrayOf(finding.tokens),
    finding.family !== undefined && isName(finding.family) ? finding.family : NO_NAME,
    tsvText(finding.gateway ?? ''),
    tsvText(String(finding.summary)),
    tsvText(JSON.stringify(finding.evidence ?? {})),
    tsvText(reason ?? ''),
    tsvText(by ?? ''),
  ];
  return `${columns.join('\t')}\n`;
}

function arrayOf(names: readonly Name[]): string {
  return `[${names.map((name) => `'${name}'`).join(',')}]`;
}
