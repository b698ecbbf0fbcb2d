import { demoTraffic } from '#sources';
import type { IngestAnswer, Tally } from '../../../api/src/tally/questions.js';

export interface DemoInput {
  source: string;
  format: string;
  answer: IngestAnswer;
}

/** Lines before they are handed on as one chunk. */
const CHUNK_LINES = 500;

/**
 * Feeds the bundled traffic, source by source, each as if it were a finished log file of that system: through the
 * same intake as everybody's. Fed again, all of it is duplicates.
 */
export async function feedDemo(tally: Tally, tenant: string, signal: AbortSignal): Promise<DemoInput[]> {
  const traffic = demoTraffic();
  const bySource = new Map<string, { format: string; lines: string[] }>();
  for (const { source, format, line } of traffic.lines) {
    const input = bySource.get(source);
    if (input === undefined) bySource.set(source, { format, lines: [line] });
    else input.lines.push(line);
  }
  await tally.ask('settings.declare', { tenant, settings: traffic.settings });
  const inputs: DemoInput[] = [];
  for (const [source, { format, lines }] of bySource) {
    signal.throwIfAborted();
    const options = { tenant, source, what: `the sample of ${source}`, finished: true };
    inputs.push({ source, format, answer: await tally.ingest(chunksOf(lines), options) });
  }
  return inputs;
}

async function* chunksOf(lines: readonly string[]): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < lines.length; from += CHUNK_LINES) {
    yield Buffer.from(`${lines.slice(from, from + CHUNK_LINES).join('\n')}\n`);
  }
}
