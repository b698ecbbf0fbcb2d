import type { NewEvent, StreamAppend } from '#ledger';
import type { Due } from './topic.js';

/** A promise was broken. The message is enough to see which; the seed replays it. */
export class Violation extends Error {
  constructor(
    readonly promise: 'once' | 'durable when acknowledged' | 'complete' | 'marked' | 'progress' | 'as the ledger says',
    what: string,
  ) {
    super(`${promise}: ${what}`);
    this.name = 'Violation';
  }
}

/** Watches a ledger grow. */
export class LedgerWatch {
  /** By stream and id. */
  readonly ids = new Map<string, NewEvent>();

  /** @throws Violation if an event was there already */
  wrote({ stream, events }: StreamAppend): void {
    for (const event of events) {
      const key = `${stream} ${event.id}`;
      if (this.ids.has(key)) throw new Violation('once', `${event.id} was written to ${stream} again`);
      this.ids.set(key, event);
    }
  }

  has({ event }: Due): boolean {
    return this.ids.has(`${event.stream} ${event.id}`);
  }

  /** @throws Violation if an offset was committed before what stands before it was durable */
  checkCommitted(dues: readonly Due[], partition: number, offset: bigint): void {
    for (const due of dues) {
      if (due.partition !== partition || due.committed > offset || this.has(due)) continue;
      throw new Violation(
        'durable when acknowledged',
        `offset ${offset} of partition ${partition} was committed without ${due.event.id}`,
      );
    }
  }

  /** @throws Violation if the ledger does not hold exactly what is due */
  checkWhole(dues: readonly Due[]): void {
    const expected = new Set(dues.map(({ event }) => `${event.stream} ${event.id}`));
    for (const due of dues) if (!this.has(due)) throw new Violation('complete', `${due.event.id} is not there`);
    for (const key of this.ids.keys())
      if (!expected.has(key) && !key.startsWith('conflict-')) throw new Violation('once', `${key} is of no record`);
    this.checkMarks(dues);
  }

  /** Of the variants of a record all but the one that came first are marked (MODEL §2.2). */
  private checkMarks(dues: readonly Due[]): void {
    const variants = new Map<string, Map<string, Due>>();
    for (const due of dues) {
      if (due.event.once !== undefined) continue;
      const known = variants.get(due.key);
      if (known === undefined) variants.set(due.key, new Map([[due.digest, due]]));
      else known.set(due.digest, due);
    }
    for (const [key, known] of variants) {
      const marked = [...known.values()].filter(({ event }) =>
        this.ids.get(`${event.stream} ${event.id}`)?.metadata?.includes('conflict'),
      );
      const isStated = [...this.ids.keys()].some((each) => each.startsWith(`conflict-${key} `));
      if (marked.length < known.size - 1 && !isStated)
        throw new Violation('marked', `${known.size} variants of ${key}, ${marked.length} marked`);
    }
  }
}
