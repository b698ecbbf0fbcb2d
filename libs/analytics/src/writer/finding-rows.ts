import { factOfRow, type RawRow } from '#ledger';
import type { Finding, Name } from '#lifecycle';
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
  const { finding, reason, by } = data as { finding: Finding; reason?: string; by?: string };
  const columns = [
    tsvText(tenant),
    tsvText(finding.id),
    row.position,
    what,
    time,
    tsvText(finding.rule),
    tsvText(finding.kind),
    finding.severity,
    finding.provisional ? 1 : 0,
    arrayOf(finding.tokens),
    finding.family ?? NO_NAME,
    tsvText(finding.gateway ?? ''),
    tsvText(finding.summary),
    tsvText(JSON.stringify(finding.evidence)),
    tsvText(reason ?? ''),
    tsvText(by ?? ''),
  ];
  return `${columns.join('\t')}\n`;
}

function arrayOf(names: readonly Name[]): string {
  return `[${names.map((name) => `'${name}'`).join(',')}]`;
}
