import type { Ledger, Position, RecordedEvent } from '../port.js';
import { AppendWindows, type AppendWindow } from './append-windows.js';
import { differingField } from './compare.js';
import { CopyDisturbed, LedgersDiffer } from './errors.js';
import { EventDigest, type LedgerDigest } from './event-digest.js';

export interface CopyLedger {
  from: Ledger;
  to: Ledger;
  /** Ends the copy between two windows; what is there stays, and the next copy goes on behind it. */
  signal?: AbortSignal;
  /** Called now and then with positions of `from`. */
  onProgress?: (progress: { step: 'comparing' | 'copying' | 'verifying'; reached: Position; head: Position }) => void;
}

export interface Copied {
  /** Events that were there before. */
  found: number;
  /** Events that were copied now. */
  copied: number;
}

/** Events between two words about progress. */
const TELL_EVERY = 1000;

/**
 * Copies every event of `$all` in order, with its id, type, data, metadata, stream and revision. What `to` holds
 * already must be what `from` begins with: so a copy that was broken off goes on, and nothing is written twice.
 * Positions and recorded times are those that `to` gives.
 * @throws LedgersDiffer (`to` holds something else), CopyDisturbed, the signal's reason, the errors of both ledgers
 */
export async function copyLedger({ from, to, signal, onProgress }: CopyLedger): Promise<Copied> {
  const head = await from.head();
  const there = to.readAll()[Symbol.asyncIterator]();
  const windows = new AppendWindows();
  const writer = new OrderedWriter(to);
  const counts = { found: 0, copied: 0 };
  /** Until the end of what is there already. */
  let isComparing = true;
  for await (const event of from.readAll({ to: head })) {
    if (isComparing) {
      const next = await there.next();
      if (next.done === true) isComparing = false;
      else {
        const field = differingField(event, next.value);
        if (field !== undefined) throw new LedgersDiffer(counts.found + 1, field, event, next.value);
        counts.found += 1;
      }
    }
    if (!isComparing) {
      const window = windows.add(event);
      if (window !== undefined) counts.copied += await writer.write(window);
    }
    if ((counts.found + counts.copied) % TELL_EVERY === 0 || !isComparing)
      onProgress?.({ step: isComparing ? 'comparing' : 'copying', reached: event.position, head });
    signal?.throwIfAborted();
  }
  const rest = windows.take();
  if (rest !== undefined) counts.copied += await writer.write(rest);
  if (isComparing) {
    const more = await there.next();
    if (more.done !== true) throw new LedgersDiffer(counts.found + 1, 'more', undefined, more.value);
  }
  return counts;
}

/**
 * Reads both ledgers side by side and digests each.
 * @throws LedgersDiffer, which names the first difference; the signal's reason
 */
export async function verifyCopy({
  from,
  to,
  signal,
  onProgress,
}: CopyLedger): Promise<{ from: LedgerDigest; to: LedgerDigest }> {
  const head = await from.head();
  const digests = { from: new EventDigest(), to: new EventDigest() };
  const copies = to.readAll()[Symbol.asyncIterator]();
  let ordinal = 0;
  try {
    for await (const event of from.readAll({ to: head })) {
      const next = await copies.next();
      const copy: RecordedEvent | undefined = next.done === true ? undefined : next.value;
      ordinal += 1;
      const field = differingField(event, copy);
      if (field !== undefined || copy === undefined) throw new LedgersDiffer(ordinal, field ?? 'missing', event, copy);
      digests.from.add(event);
      digests.to.add(copy);
      if (ordinal % TELL_EVERY === 0) onProgress?.({ step: 'verifying', reached: event.position, head });
      signal?.throwIfAborted();
    }
    const more = await copies.next();
    if (more.done !== true) throw new LedgersDiffer(ordinal + 1, 'more', undefined, more.value);
  } finally {
    await copies.return?.();
  }
  return { from: digests.from.result(), to: digests.to.result() };
}

/** Sees that a target writes in the order in which it is given. */
class OrderedWriter {
  #last: Position = 0n;

  constructor(private readonly to: Ledger) {}

  /** @returns how many events were written */
  async write({ appends, events }: AppendWindow): Promise<number> {
    const outcomes = await this.to.appendMany(appends);
    for (const [index, outcome] of outcomes.entries()) {
      const stream = appends[index]?.stream ?? '';
      if (!outcome.ok) {
        const found = outcome.actual === undefined ? 'there is none' : `it is at ${outcome.actual}`;
        throw new CopyDisturbed(stream, `revision ${String(outcome.expected)} was expected, and ${found}`);
      }
      if (outcome.position <= this.#last) throw new CopyDisturbed(stream, 'it was written in another order');
      this.#last = outcome.position;
    }
    return events;
  }
}
