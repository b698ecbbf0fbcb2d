import type { IngestAnswer } from '../../../api/src/tally/questions.js';
import { cell } from '../output/cells.js';

const COUNTED = ['records', 'accepted', 'duplicates', 'conflicts', 'rejected', 'ignored', 'events'] as const;

/** What `tally ingest` answers, over all its inputs; the names are stable. */
export type IngestTotals = Record<(typeof COUNTED)[number] | 'seconds', number> & {
  rejections?: (IngestAnswer['rejections'][number] & { file: string })[];
};

export function totalsOf(reports: readonly { file: string; answer: IngestAnswer }[]): IngestTotals {
  const sum = (of: (answer: IngestAnswer) => number): number =>
    reports.reduce((all, { answer }) => all + of(answer), 0);
  const counts = Object.fromEntries(COUNTED.map((key) => [key, sum((answer) => answer[key])]));
  const totals = { ...counts, seconds: Math.round(sum((answer) => answer.seconds) * 1000) / 1000 } as IngestTotals;
  const rejections = reports.flatMap(({ file, answer }) => answer.rejections.map((each) => ({ file, ...each })));
  if (rejections.length > 0) totals.rejections = rejections;
  return totals;
}

/** One line for people, such as `12 records: 10 accepted, 2 rejected; 11 events in 0.1 s`. */
export function reportLine(report: Omit<IngestTotals, 'rejections'>): string {
  const outcomes = (['accepted', 'duplicates', 'conflicts', 'rejected', 'ignored'] as const)
    .filter((outcome) => outcome === 'accepted' || report[outcome] > 0)
    .map((outcome) => `${number(report[outcome])} ${outcome}`);
  return `${number(report.records)} records: ${outcomes.join(', ')}; ${number(report.events)} events in ${report.seconds} s`;
}

export function rejectionLine(
  file: string,
  { line, record, field, reason, deadLetter }: IngestAnswer['rejections'][number],
): string {
  const place = record === undefined ? `${line}` : `${line} (record ${record})`;
  return `${file}:${place} ${cell(field)}: ${cell(reason)} (dead letter ${cell(deadLetter)})`;
}

function number(n: number): string {
  return n.toLocaleString('en');
}
