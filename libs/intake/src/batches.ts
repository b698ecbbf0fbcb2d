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
  let cut: { error: unknown } | undefined;
  try {
    for await (const lines of blocks) {
      for (const line of lines) {
        batch.push(...preparer.line(line));
        if (batch.length < BATCH_RECORDS) continue;
        flush();
        yield batch;
        batch = [];
      }
    }
  } catch (error) {
    // The input broke off: what came before it is still taken in, then the error is told.
    cut = { error };
  }
  if (batch.length > 0) {
    flush();
    yield batch;
  }
  if (cut !== undefined) throw cut.error;
}
