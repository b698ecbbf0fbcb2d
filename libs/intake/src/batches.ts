import type { Prepared } from './prepared.js';
import type { Preparer } from './prepare.js';
import { linesOfBlock, type InputBlock } from './split-lines.js';

/** Prepares blocks of lines, one batch a block: one batch is one sync to disk. */
export async function* preparedBatches(
  blocks: AsyncIterable<InputBlock>,
  preparer: Preparer,
): AsyncGenerator<Prepared[]> {
  for await (const block of blocks) {
    const batch = preparer.lines(linesOfBlock(block));
    if (batch.length > 0) yield batch;
  }
}
