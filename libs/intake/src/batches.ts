import type { Prepared } from './prepared.js';
import type { Preparer } from './prepare.js';
import type { InputLine } from './split-lines.js';

/** Records a batch; one batch is one sync to disk. */
export const BATCH_RECORDS = 2000;

/** Prepares blocks of lines into batches of bounded size. `flush` makes new box keys durable before each batch. */
export async function* preparedBatches(
  blocks: AsyncIterable<InputLine[]>,
  preparer: Preparer,
  flush: () => void,
): AsyncGenerator<Prepared[]> {
  let batch: Prepared[] = [];
  for await (const lines of blocks) {
    for (const line of lines) {
      batch.push(...preparer.line(line));
      if (batch.length < BATCH_RECORDS) continue;
      flush();
      yield batch;
      batch = [];
    }
  }
  if (batch.length === 0) return;
  flush();
  yield batch;
}
