import type { RecordedEvent, StreamAppend } from '../port.js';

/** Appends that may be under way at once: each of another stream, so that none waits for another and order is kept. */
export interface AppendWindow {
  appends: (StreamAppend & { events: RecordedEvent[] })[];
  events: number;
}

const MAX_APPENDS = 128;
const MAX_EVENTS = 1000;
/** Of data and metadata, in UTF-16 units: three bytes each at most stay below the 1 MiB of a server. */
const MAX_APPEND_UNITS = 300_000;

/**
 * Cuts events in the order of `$all` into windows. Neighbours of one stream become one append; a stream that comes
 * again behind others begins the next window.
 */
export class AppendWindows {
  #window: AppendWindow = { appends: [], events: 0 };
  #streams = new Set<string>();
  #units = 0;

  /** @returns the window before this event, if it ends here */
  add(event: RecordedEvent): AppendWindow | undefined {
    const units = event.data.length + (event.metadata?.length ?? 0);
    const last = this.#window.appends.at(-1);
    const isFull = this.#window.events >= MAX_EVENTS;
    if (last?.stream === event.stream && !isFull && this.#units + units <= MAX_APPEND_UNITS) {
      last.events.push(event);
      this.#window.events += 1;
      this.#units += units;
      return undefined;
    }
    const ended =
      isFull || this.#window.appends.length >= MAX_APPENDS || this.#streams.has(event.stream) ? this.take() : undefined;
    const expected = event.revision === 0n ? ('no_stream' as const) : event.revision - 1n;
    this.#window.appends.push({ stream: event.stream, events: [event], expected });
    this.#window.events += 1;
    this.#streams.add(event.stream);
    this.#units = units;
    return ended;
  }

  /** What has gathered; a new window begins. */
  take(): AppendWindow | undefined {
    const window = this.#window;
    this.#window = { appends: [], events: 0 };
    this.#streams = new Set();
    this.#units = 0;
    return window.events === 0 ? undefined : window;
  }
}
