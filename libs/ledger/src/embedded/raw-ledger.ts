import type { AppendQueue } from './append-queue.js';
import type { Appender } from './appender.js';
import type { EventPages } from './event-pages.js';
import { storedEvent, type StoredEvent } from './stored-event.js';
import type { ChangeOutcome, StreamChange } from './stream-change.js';
import type { StreamMetadata } from './stream-metadata.js';
import type { Tail } from './tail.js';

/** How the store lets one in: refuses when it is closed, and names errors of the file. */
export type Entering = <T>(read: () => T) => T;

/**
 * The store as the wire endpoint needs it: every event, whoever wrote it, with bytes for data and numbers for places.
 * Reads are pages, each read at once; nothing is hidden here.
 */
export class RawLedger {
  constructor(
    private readonly appender: Appender,
    private readonly pages: EventPages,
    private readonly queue: AppendQueue,
    private readonly tail: Tail,
    private readonly enter: Entering,
  ) {}

  /** Position of the last event, 0 if there is none. */
  get head(): number {
    return this.appender.head;
  }

  /** Makes changes in order, with one sync to disk; each is atomic by itself. */
  change(changes: readonly StreamChange[]): Promise<ChangeOutcome[]> {
    return this.enter(() => this.queue.add(changes));
  }

  /** -1 if there is no such stream, `TOMBSTONE` if it was deleted for good. */
  lastRevision(stream: string): number {
    return this.enter(() => this.appender.revisionOf(stream) ?? -1);
  }

  metadataOf(stream: string): StreamMetadata {
    return this.enter(() => this.appender.metadata.of(stream));
  }

  hasMetadata(stream: string): boolean {
    return this.enter(() => this.appender.metadata.has(stream));
  }

  /** Events of a stream from a revision on, inclusive; fewer than `count` only at its end. */
  streamPage(direction: 'forwards' | 'backwards', stream: string, from: number, count: number): StoredEvent[] {
    return this.enter(() => {
      const streamId = this.pages.streamId(stream);
      return streamId === undefined ? [] : this.pages.stream(direction, streamId, from, count).map(storedEvent);
    });
  }

  /** Events of `$all` between two positions, both inclusive: upwards from `low`, or downwards from `high`. */
  allPage(direction: 'forwards' | 'backwards', low: number, high: number, count: number): StoredEvent[] {
    return this.enter(() => this.pages.all(direction, low, high, count).map(storedEvent));
  }

  /** Resolves when something was appended, the ledger closed, or the signal aborted. */
  moved(signal?: AbortSignal): Promise<void> {
    return this.tail.next(signal);
  }
}
