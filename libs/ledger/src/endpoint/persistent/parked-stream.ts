import { foreignContent, type StoredEvent } from '../embedded-store.js';
import { newUuid } from '../identifiers.js';
import { LINK, originalOf, type ResolvedEvent } from '../links.js';
import type { ServerCore } from '../server-core.js';
import { keyOf } from './group-config.js';
import type { SourceEvent } from './message.js';
import { bookkeepingMetadata } from './system-stream.js';

/** What a group put aside: links to the events, with the reasons. */
export class ParkedStream {
  readonly name: string;

  constructor(
    private readonly core: ServerCore,
    stream: string,
    group: string,
  ) {
    this.name = `$persistentsubscription-${keyOf(stream, group)}-parked`;
  }

  get count(): number {
    const { first, end } = this.#shown();
    return end - first;
  }

  /** Resolves when the message is on disk. */
  async add(message: ResolvedEvent, reason: string): Promise<void> {
    const metadata = {
      added: new Date().toISOString(),
      reason,
      subscriptionEventNumber: originalOf(message)?.revision ?? -1,
    };
    const event = {
      id: newUuid(),
      type: LINK,
      data: foreignContent(linkTo(message), false),
      metadata: new Uint8Array(Buffer.from(JSON.stringify(metadata))),
    };
    await this.core.change({ stream: this.name, events: [event], expected: 'any' });
  }

  /**
   * Everything that is parked, in batches; what points to nothing any more is left out.
   * @param stopAt revision of the first one that stays parked
   */
  *batches(size: number, stopAt: number): Generator<SourceEvent<ResolvedEvent>[]> {
    for (let { first: from } = this.#shown(); from < stopAt;) {
      const page = this.core.ledger.streamPage('forwards', this.name, from, Math.min(size, stopAt - from));
      const last = page.at(-1);
      if (!last) return;
      yield page.flatMap((link) => this.#resolved(link));
      from = last.revision + 1;
    }
  }

  /** Where a replay ends, given up to where it was asked for; undefined if it has nothing to do. */
  endOfReplay(asked: number | undefined): number | undefined {
    const { first, end } = this.#shown();
    const stopAt = Math.min(asked ?? end, end);
    return stopAt > first ? stopAt : undefined;
  }

  async truncate(stopAt: number): Promise<void> {
    await this.core.ledger.change([bookkeepingMetadata(this.name, { $tb: stopAt })]);
  }

  #shown(): { first: number; end: number } {
    const state = this.core.stateOf(this.name);
    return state.kind === 'there' ? { first: Math.min(state.first, state.last + 1), end: state.last + 1 } : NOTHING;
  }

  #resolved(link: StoredEvent): SourceEvent<ResolvedEvent>[] {
    const event = this.core.resolve(link, { resolveLinks: true });
    return event.event ? [{ id: link.id, place: BigInt(link.revision), event }] : [];
  }
}
const NOTHING = { first: 0, end: 0 };

/** To the event itself; where a link points to nothing, to the same nothing. */
function linkTo({ event, link }: ResolvedEvent): Uint8Array {
  return event || !link ? Buffer.from(event ? `${event.revision}@${event.stream}` : '') : link.data;
}
