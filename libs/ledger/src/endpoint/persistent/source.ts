import { type StoredEvent, TOMBSTONE } from '../embedded-store.js';
import { selecting } from '../event-filter.js';
import type { ResolvedEvent } from '../links.js';
import { PAGE, type ServerCore } from '../server-core.js';
import { ALL, type FilterText, type GroupConfig, isBookkeepingOfAll } from './group-config.js';
import { isLeftOut, type Place, type SourceItem } from './message.js';

export type ResolvedItem = SourceItem<ResolvedEvent>;

export interface SourcePage {
  items: ResolvedItem[];
  /** The last place, if the page came to the end. */
  end?: Place;
}

/** What a group follows. */
export interface Source {
  /** The last place now; -1n, or 0n for `$all`, where nothing is there yet. */
  last(): Place;
  /** Never empty but at the end. */
  page(from: Place, count: number): SourcePage;
  /** Of events just appended, in order, those that concern the group. */
  appended(events: readonly StoredEvent[]): ResolvedItem[];
}

/** @throws CallRefused for a pattern that is none */
export function sourceOf(core: ServerCore, { stream, filter, settings }: GroupConfig): Source {
  const item = (place: number, stored: StoredEvent): ResolvedItem => {
    const event = core.resolve(stored, { resolveLinks: settings.resolveLinks });
    return { id: stored.id, place: BigInt(place), event };
  };
  return stream === ALL ? new AllSource(core, item, filter) : new StreamSource(core, item, stream);
}

type ToItem = (place: number, event: StoredEvent) => ResolvedItem;

class StreamSource implements Source {
  constructor(
    private readonly core: ServerCore,
    private readonly toItem: ToItem,
    private readonly stream: string,
  ) {}

  last(): Place {
    return BigInt(this.core.ledger.lastRevision(this.stream));
  }

  page(from: Place, count: number): SourcePage {
    const state = this.core.stateOf(this.stream);
    if (state.kind !== 'there') return { items: [], end: this.last() };
    for (let next = Math.max(Number(from), state.first); ; next += count) {
      const page = this.core.ledger.streamPage('forwards', this.stream, next, count);
      const items = page
        .filter(({ recordedAt }) => recordedAt >= state.oldest)
        .map((event) => this.toItem(event.revision, event));
      if (page.length < count) return { items, end: BigInt(state.last) };
      if (items.length > 0) return { items };
    }
  }

  appended(events: readonly StoredEvent[]): ResolvedItem[] {
    return events
      .filter(({ stream, revision }) => stream === this.stream && revision !== TOMBSTONE)
      .map((event) => this.toItem(event.revision, event));
  }
}

class AllSource implements Source {
  readonly #select: (events: readonly StoredEvent[]) => boolean[];

  constructor(
    private readonly core: ServerCore,
    private readonly toItem: ToItem,
    filter: FilterText | undefined,
  ) {
    const { on, regex, prefixes } = filter ?? {};
    const wanted =
      on && selecting((event) => (on === 'stream' ? event.stream : event.type), regex ?? '', prefixes ?? []);
    this.#select = (events) => wanted?.select(events) ?? events.map(() => true);
  }

  last(): Place {
    return BigInt(this.core.ledger.head);
  }

  page(from: Place, count: number): SourcePage {
    for (let next = Number(from); ;) {
      const page = this.core.ledger.allPage('forwards', next, Number.MAX_SAFE_INTEGER, PAGE);
      const all = this.appended(page);
      const items = upTo(count, all);
      if (page.length < PAGE && items.length === all.length) return { items, end: this.last() };
      if (items.length > 0) return { items };
      next = (page.at(-1)?.position ?? next) + 1;
    }
  }

  /** The group's own bookkeeping is not there at all: to count it would make more of it. */
  appended(events: readonly StoredEvent[]): ResolvedItem[] {
    const shown = events.filter(({ stream }) => !isBookkeepingOfAll(stream));
    const wanted = this.#select(shown);
    const items: ResolvedItem[] = [];
    for (const [index, event] of shown.entries()) {
      const before = items.at(-1);
      if (wanted[index]) items.push(this.toItem(event.position, event));
      else if (before && isLeftOut(before)) items[items.length - 1] = leftOut(before.count + 1, event);
      else items.push(leftOut(1, event));
    }
    return items;
  }
}

function leftOut(count: number, { position }: StoredEvent): ResolvedItem {
  return { count, place: BigInt(position) };
}

/** The first items, with so many events among them. */
function upTo(count: number, items: readonly ResolvedItem[]): ResolvedItem[] {
  let events = 0;
  const end = items.findIndex((item) => !isLeftOut(item) && ++events > count);
  return end < 0 ? [...items] : items.slice(0, end);
}
