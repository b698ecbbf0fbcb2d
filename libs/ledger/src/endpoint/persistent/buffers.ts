import {
  firstTime,
  isLeftOut,
  type LeftOut,
  type Message,
  type Order,
  type Place,
  type SourceEvent,
  type SourceItem,
} from './message.js';
import type { Progress } from './progress.js';

/** `later`: not now, but others behind it may go. `full`: nobody takes anything now. */
export type Taken = 'given' | 'later' | 'full';

interface Waiting<E> {
  message: Message<E>;
  /** What the filter left out just before it. */
  leftOut: LeftOut | undefined;
}

/**
 * What a group holds in memory. Retries go first. While the group is live, events come straight into the history
 * buffer; once that is full, the newest wait in the live buffer (the oldest of them are forgotten, for they can be
 * read again), and the group reads until it meets them.
 */
export class Buffers<E> {
  #retries: Message<E>[] = [];
  readonly #history = new Set<Waiting<E>>();
  #recent: SourceEvent<E>[] = [];
  #leftOut: LeftOut | undefined;
  #taken: Place;
  #isLive: boolean;

  /**
   * @param after nothing up to this place is wanted
   * @param isLive nothing after it can be read yet
   */
  constructor(
    private readonly limits: { history: number; live: number },
    private readonly progress: Progress,
    after: Place,
    isLive: boolean,
  ) {
    this.#taken = after;
    this.#isLive = isLive;
  }

  get isLive(): boolean {
    return this.#isLive;
  }

  /** The place up to which everything was taken in. */
  get taken(): Place {
    return this.#taken;
  }

  get counts(): { retry: number; history: number; live: number } {
    return { retry: this.#retries.length, history: this.#history.size, live: this.#recent.length };
  }

  hasRoomFor(count: number): boolean {
    return this.limits.history - this.#retries.length - this.#history.size > count;
  }

  /** An event just appended. Without room for it the group falls behind, and must read. */
  addLive(item: SourceItem<E>): void {
    if (item.place <= this.#taken) return;
    if (this.#isLive && (isLeftOut(item) || this.hasRoomFor(0))) return this.#add(item);
    this.#isLive = false;
    if (isLeftOut(item)) return;
    this.#recent.push(item);
    if (this.#recent.length > this.limits.live) this.#recent.shift();
  }

  /**
   * What was read from the source, from the place after `taken` on. Where the read meets the newest ones, the group is live again.
   * @param end the last place of the source at that time, if the read came to it: what was appended up to there and
   * is not shown any more is passed over
   */
  addRead(items: readonly SourceItem<E>[], end: Place | undefined): void {
    for (const item of items) {
      if (this.#isLive) this.addLive(item);
      else this.#addOneRead(item);
    }
    if (end === undefined || this.#isLive) return;
    if (end > this.#taken) this.#taken = end;
    this.#forgetUpTo(end);
    if (this.#recent.length === 0) this.#isLive = true;
  }

  addRetry(message: Message<E>): void {
    const later = message.isReplayed
      ? -1
      : this.#retries.findIndex((other) => !other.isReplayed && other.place > message.place);
    if (later < 0) this.#retries.push(message);
    else this.#retries.splice(later, 0, message);
  }

  /** Offers what waits, retries first, until nobody takes more. */
  offer(give: (message: Message<E>) => Taken): void {
    if (!this.#offerRetries(give)) return;
    for (const waiting of this.#history) {
      const { message, leftOut } = waiting;
      if (leftOut) this.progress.advance(leftOut);
      waiting.leftOut = undefined;
      message.order = this.progress.next();
      const taken = give(message);
      if (taken === 'full') break;
      this.#history.delete(waiting);
      this.progress.advance({ count: 1, place: message.place });
      // It keeps its turn in the order, so that no checkpoint passes it.
      if (taken === 'later') this.addRetry(message);
    }
    this.#settleLeftOut();
  }

  /** The earliest message that waits to be given out again. */
  lowestRetry(): Order | undefined {
    let lowest: Order | undefined;
    for (const { order } of this.#retries) {
      if (order && (!lowest || order.sequence < lowest.sequence)) lowest = order;
    }
    return lowest;
  }

  #offerRetries(give: (message: Message<E>) => Taken): boolean {
    const waiting = this.#retries;
    const kept: Message<E>[] = [];
    let at = 0;
    for (; at < waiting.length; at++) {
      const message = waiting[at] as Message<E>;
      const taken = give(message);
      if (taken === 'full') break;
      if (taken === 'later') kept.push(message);
    }
    this.#retries = [...kept, ...waiting.slice(at)];
    return at === waiting.length;
  }

  #addOneRead(item: SourceItem<E>): void {
    this.#forgetUpTo(item.place - 1n);
    this.#add(item);
    if (this.#recent[0]?.place !== item.place) return;
    for (const newer of this.#recent.slice(1)) this.#add(newer);
    this.#recent = [];
    this.#isLive = true;
  }

  #forgetUpTo(place: Place): void {
    while (this.#recent[0] && this.#recent[0].place <= place) this.#recent.shift();
  }

  #add(item: SourceItem<E>): void {
    this.#taken = item.place;
    if (isLeftOut(item)) {
      this.#leftOut = { count: (this.#leftOut?.count ?? 0) + item.count, place: item.place };
      this.#settleLeftOut();
      return;
    }
    this.#history.add({ message: firstTime(item), leftOut: this.#leftOut });
    this.#leftOut = undefined;
  }

  /** Left-out events count as done only when nothing before them waits any more. */
  #settleLeftOut(): void {
    if (!this.#leftOut || this.#history.size > 0) return;
    this.progress.advance(this.#leftOut);
    this.#leftOut = undefined;
  }
}
