import { TOMBSTONE } from '../embedded/stored-event.js';
import type { EventFilter } from './event-filter.js';
import type { ResolvedEvent } from './links.js';
import { streamDeleted } from './refusals.js';
import { PAGE, selected, type CoreStreamRead, type Resolving, type ServerCore } from './server-core.js';

/** What a subscription says after its confirmation. */
export type LiveMessage =
  | { kind: 'event'; event: ResolvedEvent }
  | { kind: 'caughtUp' }
  /** Everything up to this position was looked at. */
  | { kind: 'checkpoint'; position: number };

export interface LiveStream extends Pick<CoreStreamRead, 'stream'>, Resolving {
  /** Exclusive; `end` is where the stream ends now. */
  after: 'start' | 'end' | number;
  signal: AbortSignal;
}

export interface LiveAll extends Resolving {
  after: 'start' | 'end' | number;
  filter?: EventFilter | undefined;
  /** With a filter: events looked at between two checkpoints. */
  checkpointInterval?: number;
  signal: AbortSignal;
}

/**
 * The events of a stream after a revision, then live, in batches; waits where there is no such stream. Events that the
 * stream's metadata hides are left out while it catches up, and given while it is live.
 * @throws CallRefused once the stream was deleted for good, after its tombstone
 */
export async function* followStream(core: ServerCore, live: LiveStream): AsyncGenerator<LiveMessage[]> {
  const { stream, signal } = live;
  const { ledger } = core;
  if (core.stateOf(stream).kind === 'deleted') throw streamDeleted(stream);
  let given = live.after === 'start' ? -1 : live.after === 'end' ? ledger.lastRevision(stream) : live.after;
  let isLive = false;
  while (!signal.aborted) {
    const state = core.stateOf(stream);
    const page = ledger.lastRevision(stream) > given ? ledger.streamPage('forwards', stream, given + 1, PAGE) : [];
    const shown =
      isLive || state.kind === 'deleted'
        ? page
        : page.filter(
            (event) => state.kind === 'there' && event.revision >= state.first && event.recordedAt >= state.oldest,
          );
    given = page.at(-1)?.revision ?? given;
    if (shown.length > 0) yield shown.map((event) => ({ kind: 'event', event: core.resolve(event, live) }));
    if (given === TOMBSTONE) throw streamDeleted(stream);
    if (page.length > 0) continue;
    if (!isLive) yield [{ kind: 'caughtUp' }];
    isLive = true;
    if (ledger.lastRevision(stream) <= given && !signal.aborted) await ledger.moved(signal);
  }
}

/** The events of `$all` after a position, then live, in batches; with a filter also how far it has come. */
export async function* followAll(core: ServerCore, live: LiveAll): AsyncGenerator<LiveMessage[]> {
  const { filter, signal } = live;
  const { ledger } = core;
  let given = live.after === 'start' ? 0 : live.after === 'end' ? ledger.head : live.after;
  let isLive = false;
  const progress = new Progress(filter === undefined ? Infinity : (live.checkpointInterval ?? Infinity));
  while (!signal.aborted) {
    const page = ledger.head > given ? ledger.allPage('forwards', given + 1, Number.MAX_SAFE_INTEGER, PAGE) : [];
    const wanted = new Set(selected(page, filter));
    const messages: LiveMessage[] = [];
    for (const event of page) {
      if (wanted.has(event)) messages.push({ kind: 'event', event: core.resolve(event, live) });
      if (progress.isDue()) messages.push(...progress.checkpoint(event.position));
    }
    given = page.at(-1)?.position ?? given;
    if (messages.length > 0) yield messages;
    if (page.length > 0) continue;
    if (!isLive) yield [...(filter === undefined ? [] : progress.checkpoint(given)), { kind: 'caughtUp' }];
    isLive = true;
    if (ledger.head <= given && !signal.aborted) await ledger.moved(signal);
  }
}

/** Counts events looked at; checkpoints rise, and none comes twice. */
class Progress {
  private seen = 0;
  private last = -1;

  constructor(private readonly interval: number) {}

  isDue(): boolean {
    this.seen += 1;
    return this.seen >= this.interval;
  }

  checkpoint(position: number): LiveMessage[] {
    this.seen = 0;
    if (position <= this.last) return [];
    this.last = position;
    return [{ kind: 'checkpoint', position }];
  }
}
