import { TallyError } from '#platform';
import { LedgerClosed } from '../errors.js';
import type { Ledger, Position, RecordedEvent } from '../port.js';
import type { MirrorFile } from './mirror-file.js';

/** Rows of one transaction. */
const BATCH = 1000;

interface Waiting {
  position: Position;
  resolve(): void;
  reject(reason: unknown): void;
}

/**
 * Follows the other ledger into the file: 1,000 events at once while there is much to fetch, and at the end of each
 * turn of the event loop what came in it once the mirror has caught up.
 */
export class Feed {
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;
  #waiting: Waiting[] = [];
  #buffer: RecordedEvent[] = [];
  /** It has once reached the end. */
  #isLive = false;
  #willFlush = false;
  #failure: unknown;

  constructor(
    private readonly remote: Ledger,
    private readonly file: MirrorFile,
    private readonly moved: () => void,
    private readonly keeps: (event: RecordedEvent) => boolean,
  ) {
    this.#ended = this.#follow().then(
      () => this.#fail(new LedgerClosed()),
      (error: unknown) => this.#fail(error),
    );
  }

  get hasEnded(): boolean {
    return this.#failure !== undefined;
  }

  /** @throws what stopped the feed, for a mirror that does not follow any more must not answer as if it did */
  assertRunning(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Resolves when everything up to a position is in the file. */
  settleTo(position: Position): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure as Error);
    if (this.file.cursor >= position) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiting.push({ position, resolve, reject }));
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }

  async #follow(): Promise<void> {
    const messages = this.remote.subscribeAll({ after: this.file.cursor, signal: this.#stop.signal });
    for await (const message of messages) {
      if (message.kind === 'caughtUp') {
        this.#isLive = true;
        this.#flush(message.position);
      } else {
        if (!this.keeps(message.event)) continue;
        this.#buffer.push(message.event);
        if (this.#buffer.length >= BATCH) this.#flush();
        else if (this.#isLive) this.#flushSoon();
      }
      this.assertRunning();
    }
    this.#flush();
  }

  #flushSoon(): void {
    if (this.#willFlush) return;
    this.#willFlush = true;
    setImmediate(() => {
      this.#willFlush = false;
      try {
        if (this.#failure === undefined) this.#flush();
      } catch (error) {
        this.#fail(error);
        this.#stop.abort();
      }
    });
  }

  #flush(cursor: Position = this.#buffer.at(-1)?.position ?? this.file.cursor): void {
    const events = this.#buffer;
    if (events.length === 0 && cursor === this.file.cursor) return this.#settle();
    this.#buffer = [];
    this.file.take(events, cursor);
    this.#settle();
    if (events.length > 0) this.moved();
  }

  #settle(): void {
    if (this.#waiting.length === 0) return;
    const reached = this.file.cursor;
    const settled = this.#waiting.filter(({ position }) => position <= reached);
    this.#waiting = this.#waiting.filter(({ position }) => position > reached);
    for (const { resolve } of settled) resolve();
  }

  #fail(reason: unknown): void {
    // The first cause counts, not what follows from it.
    this.#failure ??= reason instanceof TallyError ? reason : (reason ?? new LedgerClosed());
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure);
    this.moved();
  }
}
