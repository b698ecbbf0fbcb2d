import type { Ledger } from '#ledger';
import type { PreparedEvent } from './prepared.js';
import { memoryOf, recordOf } from './remember.js';
import type { SeenIndex } from './seen-index.js';

export interface WrittenBefore {
  /** Ids of the events that stand at the end of the stream. */
  written: Set<string>;
  /** The last revision; undefined if nothing can be read of the stream. */
  end: bigint | undefined;
}

/**
 * Reads what stands at the end of a stream and is not remembered yet, and remembers it: an append with an unknown
 * outcome, or another process, may have written the very events that are to be appended.
 * @param conflicting gets the ids of own events whose record the ledger had with other content before
 */
export async function writtenBefore(
  ledger: Ledger,
  seen: SeenIndex,
  stream: string,
  own: readonly PreparedEvent[],
  conflicting: Map<string, boolean>,
): Promise<WrittenBefore> {
  const written = new Set<string>();
  let end: bigint | undefined;
  for await (const event of ledger.readStream(stream, { direction: 'backwards' })) {
    end ??= event.revision;
    if (event.position <= seen.cursor) break;
    written.add(event.id);
    const record = recordOf(event);
    if (record === undefined) continue;
    const { key, digest } = memoryOf(record);
    if (seen.see(key, digest) !== 'conflict') continue;
    // This batch saw the record first, but the ledger had it with other content before.
    for (const { id, data } of own) {
      const ours = recordOf({ type: '', data });
      if (ours?.key === record.key && ours.digest !== record.digest) conflicting.set(id, true);
    }
  }
  return { written, end };
}
