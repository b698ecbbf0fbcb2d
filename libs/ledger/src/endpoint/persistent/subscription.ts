import { Buffers, type Taken } from './buffers.js';
import {
  firstTime,
  isLeftOut,
  type Message,
  onceMore,
  type Place,
  type SourceEvent,
  type SourceItem,
} from './message.js';
import { type InFlight, Outstanding } from './outstanding.js';
import { Progress } from './progress.js';
import type { GroupSettings } from './settings.js';
import type { Strategy } from './strategies/strategy.js';
import type { Subscriber } from './subscriber.js';

/** What the world has to do for a group. None of it may call the subscription back at once. */
export interface Duties<E> {
  send(subscriber: Subscriber, message: Message<E>): void;
  /** Read up to `count` events from a place, inclusive, and give them to `pageRead`. */
  read(from: Place, count: number): void;
  /** Everything up to the place is done. */
  checkpoint(place: Place): void;
  /** Put the message away durably, and say `parked` when that is done. */
  park(message: Message<E>, reason: string): void;
}

/** `stop` is taken note of and does nothing, as with the server. */
export type Refusal = 'unknown' | 'retry' | 'park' | 'skip' | 'stop';

export interface Beginning {
  /** The last place that is not to be given out; -1n for the start. */
  after: Place;
  /** Whether `after` comes from a checkpoint. */
  isCheckpoint: boolean;
  /** Nothing after `after` is in the source yet. */
  isAtEnd: boolean;
}

/**
 * What one group does with its events and its subscribers: who gets what, what comes again, and how far it is done.
 * At least once: a message leaves only by an acknowledgement, a skip, or when it is parked durably.
 */
export class Subscription<E> {
  readonly #subscribers = new Set<Subscriber>();
  readonly #outstanding = new Outstanding<E>();
  readonly #progress: Progress;
  readonly #buffers: Buffers<E>;
  #isReading = false;
  /** Messages given out so far, repetitions included. */
  total = 0;
  isReplaying = false;

  /** @param clock milliseconds that never step back */
  constructor(
    private readonly settings: GroupSettings,
    private readonly strategy: Strategy<E>,
    private readonly duties: Duties<E>,
    private readonly clock: () => number,
    { after, isCheckpoint, isAtEnd }: Beginning,
  ) {
    const { checkpointAfterMs: afterMs, minCheckpointCount: minCount, maxCheckpointCount: maxCount } = settings;
    this.#progress = new Progress({ afterMs, minCount, maxCount }, isCheckpoint ? after : undefined);
    const limits = { history: settings.historyBufferSize, live: settings.liveBufferSize };
    this.#buffers = new Buffers(limits, this.#progress, after, isAtEnd);
  }

  get subscribers(): ReadonlySet<Subscriber> {
    return this.#subscribers;
  }

  get isFull(): boolean {
    const { maxSubscriberCount } = this.settings;
    return maxSubscriberCount !== 0 && this.#subscribers.size >= maxSubscriberCount;
  }

  get counts(): { retry: number; history: number; live: number; outstanding: number } {
    return { ...this.#buffers.counts, outstanding: this.#outstanding.count };
  }

  /** The state in the server's words. */
  get status(): string {
    const words = [
      ...(this.#buffers.isLive ? [] : ['Behind']),
      ...(this.#isReading ? ['OutstandingPageRequest'] : []),
      ...(this.isReplaying ? ['ReplayingParkedMessages'] : []),
      ...(this.#buffers.isLive ? ['Live'] : []),
    ];
    return words.join(', ');
  }

  /** Starts to read what is there. */
  begin(): void {
    this.#readMore();
  }

  join(subscriber: Subscriber): void {
    this.#subscribers.add(subscriber);
    this.strategy.joined(subscriber);
    this.#giveOut();
  }

  /** Whatever it held goes to others. */
  leave(subscriber: Subscriber): void {
    if (!this.#subscribers.delete(subscriber)) return;
    this.strategy.left(subscriber);
    for (const inFlight of this.#outstanding.of(subscriber)) if (!inFlight.isParking) this.#again(inFlight);
    this.#giveOut();
  }

  acknowledge(ids: readonly string[]): void {
    for (const id of ids) if (!this.#outstanding.find(id)?.isParking) this.#release(this.#outstanding.remove(id));
    this.#moveOn();
  }

  refuse(ids: readonly string[], how: Refusal, reason: string): void {
    if (how === 'skip' || how === 'stop') return this.acknowledge(ids);
    for (const id of ids) {
      const inFlight = this.#outstanding.find(id);
      if (!inFlight || inFlight.isParking) continue;
      if (how === 'park') this.#park(inFlight, `Client explicitly NAK'ed message.\n${reason}`);
      else this.#again(inFlight, this.settings.maxRetryCount);
    }
    this.#moveOn();
  }

  /** An event was appended to the source. Those that were taken already are passed over. */
  appended(item: SourceItem<E>): void {
    this.#buffers.addLive(item);
    if (isLeftOut(item)) this.#checkpoint(false);
    else this.#giveOut();
  }

  /**
   * The answer to a read, in order.
   * @param end the last place of the source at that time, if the page came to it; the source need not show that event
   */
  pageRead(items: readonly SourceItem<E>[], end?: Place): void {
    this.#isReading = false;
    this.#buffers.addRead(items, end);
    this.#giveOut();
    this.#checkpoint(false);
    this.#readMore();
  }

  /** A read failed; the next tick tries again. */
  readFailed(): void {
    this.#isReading = false;
  }

  /** The clock went on: what is overdue comes again, and a checkpoint may be due. */
  tick(): void {
    for (const inFlight of this.#outstanding.overdue(this.clock())) this.#again(inFlight, this.settings.maxRetryCount);
    this.#giveOut();
    this.#checkpoint(true);
    this.#readMore();
  }

  /** A parked message is on disk, or could not be put there: then it is given out again. */
  parked(id: string, isDurable: boolean): void {
    const inFlight = this.#outstanding.remove(id);
    if (inFlight && !isDurable) this.#buffers.addRetry(inFlight.message);
    this.#moveOn();
  }

  /** Messages out of the parked ones. */
  replay(events: readonly SourceEvent<E>[]): void {
    for (const event of events) this.#buffers.addRetry({ ...firstTime(event), isReplayed: true });
    this.#giveOut();
  }

  #moveOn(): void {
    this.#checkpoint(false);
    this.#giveOut();
    this.#readMore();
  }

  #readMore(): void {
    const { readBatchSize } = this.settings;
    if (this.#isReading || this.#buffers.isLive || !this.#buffers.hasRoomFor(readBatchSize)) return;
    this.#isReading = true;
    this.duties.read(this.#buffers.taken + 1n, Math.max(readBatchSize, 1));
  }

  #giveOut(): void {
    this.#buffers.offer((message) => this.#give(message));
  }

  #give(message: Message<E>): Taken {
    // Two events with one id could not be told apart by their acknowledgement: the second waits for the first.
    if (this.#outstanding.has(message.id)) return 'later';
    const subscriber = this.strategy.choose(message);
    if (typeof subscriber === 'string') return subscriber;
    const now = this.clock();
    const { messageTimeoutMs } = this.settings;
    subscriber.take(message.id, now);
    const dueAt = messageTimeoutMs === 0 ? undefined : now + messageTimeoutMs;
    this.#outstanding.add({ message, subscriber, dueAt, isParking: false });
    this.total += 1;
    this.duties.send(subscriber, message);
    return 'given';
  }

  /** @param most retries after which it is parked; without: none is too many */
  #again(inFlight: InFlight<E>, most = Infinity): void {
    if (inFlight.message.retries >= most) return this.#park(inFlight, `Reached retry count of ${most}`);
    this.#release(this.#outstanding.remove(inFlight.message.id));
    this.#buffers.addRetry(onceMore(inFlight.message));
  }

  /** It stays outstanding, so that no checkpoint passes it before it is on disk; its slot is free at once. */
  #park(inFlight: InFlight<E>, reason: string): void {
    inFlight.isParking = true;
    inFlight.dueAt = undefined;
    this.#release(inFlight);
    this.duties.park(inFlight.message, reason);
  }

  #release(inFlight: InFlight<E> | undefined): void {
    inFlight?.subscriber.release(inFlight.message.id, this.clock());
  }

  #checkpoint(onTick: boolean): void {
    if (!this.#progress.isNear(onTick)) return;
    const lowest = lower(this.#outstanding.lowest(), this.#buffers.lowestRetry());
    const place = this.#progress.due(lowest, this.clock(), onTick);
    if (place !== undefined) this.duties.checkpoint(place);
  }
}

function lower(a: ReturnType<Progress['next']> | undefined, b: ReturnType<Progress['next']> | undefined) {
  if (!a || !b) return a ?? b;
  return a.sequence < b.sequence ? a : b;
}
