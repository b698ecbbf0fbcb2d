import type { IngestAnswer, Tally } from '../../../api/src/tally/questions.js';
import type { Talk } from '../output/talk.js';
import { bytesOf, type FileInput } from './file-input.js';
import type { Interruption } from './interruption.js';
import { Progress } from './progress.js';

const NOTHING: IngestAnswer = {
  records: 0,
  accepted: 0,
  duplicates: 0,
  conflicts: 0,
  rejected: 0,
  ignored: 0,
  events: 0,
  seconds: 0,
  rejections: [],
  sources: [],
};

export interface IngestedFile {
  file: string;
  /** What is durable: the whole input, or what was acknowledged before it broke off. */
  answer: IngestAnswer;
  /** Why it broke off, if it did. */
  error?: unknown;
}

/** Takes one input in. It does not throw: what was acknowledged before an error or a Ctrl-C is told beside it. */
export async function ingestFile(
  input: FileInput,
  tally: Tally,
  options: { tenant: string; source: string },
  { interruption, talk }: { interruption: Interruption; talk: Talk },
): Promise<IngestedFile> {
  const progress = new Progress(input.name, input.size, talk);
  let acknowledged = NOTHING;
  try {
    const bytes = bytesOf(input.open(), interruption.signal, (n) => progress.read(n));
    const { signal } = interruption;
    acknowledged = await tally.ingest(bytes, { ...options, what: input.name, finished: true, signal }, (report) => {
      acknowledged = report;
      progress.took(report.records);
    });
    return { file: input.name, answer: acknowledged };
  } catch (error) {
    return { file: input.name, answer: acknowledged, error: interruption.reason ?? error };
  } finally {
    progress.stop();
  }
}
