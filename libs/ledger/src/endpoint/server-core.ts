import type { RawLedger } from '../embedded/raw-ledger.js';
import { type StoredEvent, TOMBSTONE } from '../embedded/stored-event.js';
import type { ChangeOutcome, StreamChange } from '../embedded/stream-change.js';
import { type StreamMetadata, streamOfMetadata } from '../embedded/stream-metadata.js';
import type { EventFilter } from './event-filter.js';
import { LINK, type ResolvedEvent, targetOf } from './links.js';
import { streamDeleted } from './refusals.js';

/** Events of one page: what is held in memory, and how long the event loop waits. */
export const PAGE = 256;

export interface CoreStreamRead {
  stream: string;
  direction: 'forwards' | 'backwards';
  /** Inclusive. */
  from: 'start' | 'end' | number;
  maxCount: number;
  resolveLinks: boolean;
  /** Whether a link's target may be shown; everything by default. */
  mayRead?: (stream: string) => boolean;
}

export interface CoreAllRead extends Omit<CoreStreamRead, 'stream'> {
  /** Inclusive forwards, exclusive backwards. */
  from: 'start' | 'end' | number;
  filter?: EventFilter | undefined;
}

/** What of a stream is shown. */
export type StreamState =
  | { kind: 'missing' }
  | { kind: 'deleted' }
  /** Revisions from `first` to `last`, those before `oldest` (ms) left out. */
  | { kind: 'there'; first: number; last: number; oldest: number };

/**
 * The store as EventStoreDB shows it: truncated and aged streams, deletes, links. Everything here is read at once, page
 * by page; nothing stays open in between.
 */
export class ServerCore {
  constructor(
    readonly ledger: RawLedger,
    private readonly clock: () => number,
  ) {}

  /** One change, with its outcome; changes asked for in one turn of the event loop share one sync to disk. */
  async change(change: StreamChange): Promise<ChangeOutcome> {
    const [outcome] = await this.ledger.change([change]);
    if (outcome === undefined) throw new RangeError('a change without an outcome');
    return outcome;
  }

  metadataOf(stream: string): StreamMetadata {
    return this.ledger.metadataOf(stream);
  }

  stateOf(stream: string): StreamState {
    const owner = streamOfMetadata(stream);
    if (owner !== undefined && this.ledger.lastRevision(owner) === TOMBSTONE) return { kind: 'deleted' };
    const last = this.ledger.lastRevision(stream);
    if (last === TOMBSTONE) return { kind: 'deleted' };
    const { isSoftDeleted, maxCount, maxAge, truncateBefore = 0 } = this.ledger.metadataOf(stream);
    if (last < 0 || isSoftDeleted) return { kind: 'missing' };
    const first = Math.max(truncateBefore, maxCount === undefined ? 0 : last - maxCount + 1, 0);
    return { kind: 'there', first, last, oldest: maxAge === undefined ? -Infinity : this.clock() - maxAge * 1000 };
  }

  /** Pages of a stream; none for one that is missing. @throws CallRefused if it was deleted for good */
  *streamPages(read: CoreStreamRead): Generator<ResolvedEvent[]> {
    const { stream, direction } = read;
    const forwards = direction === 'forwards';
    let from = read.from === 'start' ? 0 : read.from === 'end' ? TOMBSTONE : read.from;
    for (let left = read.maxCount; left > 0;) {
      const state = this.stateOf(stream);
      if (state.kind === 'deleted') throw streamDeleted(stream);
      if (state.kind === 'missing') return;
      if (forwards) from = Math.max(from, state.first);
      const asked = Math.min(left, PAGE);
      const page = this.ledger.streamPage(direction, stream, from, asked);
      const visible = page.filter((event) => event.revision >= state.first && event.recordedAt >= state.oldest);
      if (visible.length > 0) yield this.resolveAll(visible, read);
      const end = page.at(-1);
      if (end === undefined || page.length < asked || end.revision < state.first) return;
      left -= visible.length;
      from = end.revision + (forwards ? 1 : -1);
    }
  }

  *allPages(read: CoreAllRead): Generator<ResolvedEvent[]> {
    const { direction, filter } = read;
    const forwards = direction === 'forwards';
    let place = read.from === 'start' ? 0 : read.from === 'end' ? Number.MAX_SAFE_INTEGER : read.from;
    if (!forwards) place -= 1;
    for (let left = read.maxCount; left > 0;) {
      const [low, high] = forwards ? [place, Number.MAX_SAFE_INTEGER] : [0, place];
      const page = this.ledger.allPage(direction, low, high, PAGE);
      const wanted = selected(page, filter).slice(0, left);
      if (wanted.length > 0) yield this.resolveAll(wanted, read);
      const end = page.at(-1);
      if (end === undefined || page.length < PAGE) return;
      left -= wanted.length;
      place = end.position + (forwards ? 1 : -1);
    }
  }

  /** One event by its revision; undefined if it is not there, or not shown. */
  eventAt(stream: string, revision: number): StoredEvent | undefined {
    const state = this.stateOf(stream);
    if (state.kind !== 'there' || revision < state.first || revision > state.last) return undefined;
    const [event] = this.ledger.streamPage('forwards', stream, revision, 1);
    return event?.revision === revision && event.recordedAt >= state.oldest ? event : undefined;
  }

  /** An event as a reader gets it: a link with what it points to, if links are to be resolved. */
  resolve(event: StoredEvent, { resolveLinks, mayRead = everything }: Resolving): ResolvedEvent {
    if (!resolveLinks || event.type !== LINK) return { event };
    const target = targetOf(event);
    const found = target && mayRead(target.stream) ? this.eventAt(target.stream, target.revision) : undefined;
    return { event: found, link: event };
  }

  resolveAll(events: readonly StoredEvent[], resolving: Resolving): ResolvedEvent[] {
    return events.map((event) => this.resolve(event, resolving));
  }
}

export type Resolving = Pick<CoreStreamRead, 'resolveLinks' | 'mayRead'>;
const everything = () => true;

/** The events of a page of `$all` that a reader gets; without a filter the bookkeeping of others is left out. */
export function selected(page: readonly StoredEvent[], filter: EventFilter | undefined): StoredEvent[] {
  if (filter === undefined) return page.filter(({ stream }) => !isBookkeeping(stream));
  const wanted = filter.select(page);
  return page.filter((_event, index) => wanted[index]);
}

/** Checkpoints and parked events of persistent subscriptions to `$all` would follow themselves for ever. */
function isBookkeeping(stream: string): boolean {
  return stream.startsWith('$persistentsubscription-$all::') || stream === '$epoch-information';
}
