import type Database from 'better-sqlite3';
import { storing } from '#platform';
import { LedgerClosed } from '../errors.js';
import type { ReadAll, ReadStream, RecordedEvent, SubscriptionMessage } from '../port.js';
import { EventPages, PAGE } from './event-pages.js';
import { type EventRow, productEvent } from './stored-event.js';
import type { Tail } from './tail.js';

/** What asynchronous readers need of a ledger file; who writes it says how far it has come. */
export interface FileState {
  /** Position of the last committed event. */
  head(): number;
  isClosed(): boolean;
}

/** The reading half of a ledger in a file: the embedded store and a mirror read the same way. */
export class FileReads {
  readonly #pages: EventPages;

  constructor(
    private readonly file: string,
    database: Database.Database,
    private readonly tail: Tail,
    private readonly state: FileState,
  ) {
    this.#pages = new EventPages(database);
  }

  async *stream(stream: string, options: ReadStream = {}): AsyncIterable<RecordedEvent> {
    const { direction = 'forwards', maxCount = Infinity } = options;
    const streamId = this.reading(() => this.#pages.streamId(stream));
    if (streamId === undefined) return;
    let from = startOf(direction, options.from);
    for (let left = maxCount; left > 0;) {
      const asked = Math.min(left, PAGE);
      const page = this.reading(() => this.#pages.stream(direction, streamId, from, asked));
      for (const event of productEvents(page)) {
        left -= 1;
        yield event;
      }
      const end = page.at(-1);
      if (!end || page.length < asked) return;
      from = end[2] + (direction === 'forwards' ? 1 : -1);
    }
  }

  async *all(options: ReadAll = {}): AsyncIterable<RecordedEvent> {
    const { direction = 'forwards', maxCount = Infinity } = options;
    const forwards = direction === 'forwards';
    let low = forwards ? startOf(direction, options.from) : Number(options.to ?? 0n);
    // Backwards leaves the given position out.
    let high = forwards ? safeNumber(options.to) : startOf(direction, options.from) - 1;
    for (let left = maxCount; left > 0;) {
      const asked = Math.min(left, PAGE);
      const page = this.reading(() => this.#pages.all(direction, low, high, asked));
      for (const event of productEvents(page)) {
        left -= 1;
        yield event;
      }
      const end = page.at(-1);
      if (!end || page.length < asked) return;
      if (forwards) low = end[0] + 1;
      else high = end[0] - 1;
    }
  }

  /** Every event after a position, then live, until the signal aborts or the file is closed. */
  async *follow(start: number, signal: AbortSignal | undefined): AsyncIterable<SubscriptionMessage> {
    const isOver = () => this.state.isClosed() || signal?.aborted === true;
    let given = start;
    let caughtUp = false;
    while (!isOver()) {
      const page = this.reading(() => this.#pages.all('forwards', given + 1, Number.MAX_SAFE_INTEGER, PAGE));
      for (const event of productEvents(page)) {
        caughtUp = false;
        given = Number(event.position);
        yield { kind: 'event', event };
        if (isOver()) return;
      }
      given = page.at(-1)?.[0] ?? given;
      if (page.length > 0) continue;
      if (!caughtUp) yield { kind: 'caughtUp', position: BigInt(given) };
      caughtUp = true;
      // Whatever was appended while the reader held the last message is there by now.
      if (this.state.head() <= given && !isOver()) await this.tail.next(signal);
    }
  }

  /** Runs something that reads the file. */
  reading<T>(read: () => T): T {
    if (this.state.isClosed()) throw new LedgerClosed();
    return storing(this.file, read);
  }
}

/** Events of other programs are left out. */
function productEvents(page: readonly EventRow[]): RecordedEvent[] {
  return page.map(productEvent).filter((event) => event !== undefined);
}

function startOf(direction: 'forwards' | 'backwards', from: 'start' | 'end' | bigint | undefined): number {
  if (from === undefined) return direction === 'forwards' ? 0 : Number.MAX_SAFE_INTEGER;
  if (from === 'start') return 0;
  return from === 'end' ? Number.MAX_SAFE_INTEGER : safeNumber(from);
}

export function safeNumber(place: bigint | undefined): number {
  if (place === undefined || place > BigInt(Number.MAX_SAFE_INTEGER)) return Number.MAX_SAFE_INTEGER;
  return Number(place);
}
