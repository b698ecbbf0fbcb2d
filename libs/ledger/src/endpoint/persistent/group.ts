import { setImmediate as nextTurn } from 'node:timers/promises';
import type { StoredEvent, StreamChange } from '../embedded-store.js';
import type { ResolvedEvent } from '../links.js';
import { CallRefused } from '../refusals.js';
import type { ServerCore } from '../server-core.js';
import { CheckpointStream } from './checkpoint-stream.js';
import { type GroupConfig, keyOf } from './group-config.js';
import { groupDropped, groupIsFull } from './group-refusals.js';
import { type GroupFigures, GroupStatistics } from './group-statistics.js';
import { Measurements } from './measurements.js';
import type { Message, Place } from './message.js';
import { ParkedStream } from './parked-stream.js';
import { type Source, sourceOf } from './source.js';
import { strategyOf } from './strategies/choose-strategy.js';
import type { Pinnable } from './strategies/pins.js';
import { Subscriber, type SubscriberDetails } from './subscriber.js';
import { type Refusal, Subscription } from './subscription.js';

/** Where a subscriber's messages go. */
export interface Outlet {
  send(message: Message<ResolvedEvent>): void;
  /** It gets no more. */
  drop(why: CallRefused): void;
}

export interface Membership {
  acknowledge(ids: readonly string[]): void;
  refuse(ids: readonly string[], how: Refusal, reason: string): void;
  leave(): void;
}

const NOTHING: Pinnable = { stream: '', type: '', data: '' };

/** One group over the store: the subscription's duties done, its streams, and its subscribers' connections. */
export class Group {
  readonly #source: Source;
  readonly #checkpoints: CheckpointStream;
  readonly #parked: ParkedStream;
  readonly #subscription: Subscription<ResolvedEvent>;
  readonly #outlets = new Map<Subscriber, Outlet>();
  readonly #statistics: GroupStatistics<ResolvedEvent>;
  /** A filter that takes too long, and the like: nothing goes on before the group is made anew. */
  #fault: CallRefused | undefined;
  #isStopped = false;

  /**
   * @param clock milliseconds that never step back
   * @throws CallRefused for a filter that is none
   */
  constructor(
    core: ServerCore,
    readonly config: GroupConfig,
    clock: () => number,
  ) {
    const { stream, group, settings, startFrom, since } = config;
    this.#source = sourceOf(core, config);
    this.#checkpoints = new CheckpointStream(core, stream, group);
    this.#parked = new ParkedStream(core, stream, group);
    const checkpoint = this.#checkpoints.last;
    const after = checkpoint ?? (startFrom.place < 0n ? since : startFrom.place - 1n);
    this.#subscription = new Subscription(
      settings,
      strategyOf(settings.strategy, ({ event, link }: ResolvedEvent) => event ?? link ?? NOTHING),
      {
        send: (subscriber, message) => this.#outlets.get(subscriber)?.send(message),
        read: (from, count) => void this.#read(from, count),
        checkpoint: (place) => this.#isStopped || this.#checkpoints.write(place),
        park: (message, reason) => void this.#park(message, reason),
      },
      clock,
      { after, isCheckpoint: checkpoint !== undefined, isAtEnd: after >= this.#source.last() },
    );
    this.#statistics = new GroupStatistics(this.#subscription, clock);
    this.#subscription.begin();
  }

  get key(): string {
    return keyOf(this.config.stream, this.config.group);
  }

  figures(): GroupFigures {
    return this.#statistics.figures(this.#checkpoints.last, this.#parked.count);
  }

  /** @throws CallRefused if as many as may are there, or the group cannot go on */
  join(details: Omit<SubscriberDetails, 'measurements'>, outlet: Outlet): Membership {
    const { stream, group, settings } = this.config;
    if (this.#subscription.isFull) throw groupIsFull(stream, group);
    if (this.#fault) throw this.#fault;
    if (this.#isStopped) throw groupDropped(stream, group);
    const subscriber = new Subscriber(
      settings.extraStatistics ? { ...details, measurements: new Measurements() } : details,
    );
    this.#outlets.set(subscriber, outlet);
    this.#subscription.join(subscriber);
    return {
      acknowledge: (ids) => this.#subscription.acknowledge(ids),
      refuse: (ids, how, reason) => this.#subscription.refuse(ids, how, reason),
      leave: () => {
        this.#outlets.delete(subscriber);
        this.#subscription.leave(subscriber);
      },
    };
  }

  /** Events just appended, in order. */
  appended(events: readonly StoredEvent[]): void {
    if (this.#isOver) return;
    const items = this.#unlessFaulty(() => this.#source.appended(events));
    for (const item of items ?? []) {
      this.#statistics.knows(item);
      this.#subscription.appended(item);
    }
  }

  tick(): void {
    if (!this.#isOver) this.#subscription.tick();
  }

  /**
   * Gives out what is parked, in the background. One replay at a time: another one asked for meanwhile does nothing.
   * @param stopAt revision of the first parked one that stays
   */
  replayParked(stopAt: number | undefined): void {
    if (!this.#subscription.isReplaying) void this.#replay(stopAt);
  }

  /** No subscriber gets any more; resolves when nothing is being written any more. */
  async stop(why = groupDropped(this.config.stream, this.config.group)): Promise<void> {
    this.#isStopped = true;
    this.#drop(why);
    await this.#checkpoints.settled();
  }

  /** What takes its streams away. */
  removal(): StreamChange[] {
    return [this.#checkpoints.name, this.#parked.name].map((stream) => ({ stream, expected: 'any', remove: 'soft' }));
  }

  get #isOver(): boolean {
    return this.#isStopped || this.#fault !== undefined;
  }

  async #read(from: Place, count: number): Promise<void> {
    await nextTurn();
    if (this.#isOver) return;
    try {
      const page = this.#unlessFaulty(() => this.#source.page(from, count));
      for (const item of page?.items ?? []) this.#statistics.knows(item);
      if (page) this.#subscription.pageRead(page.items, page.end);
    } catch {
      // The file cannot be read just now: the next tick tries again.
      this.#subscription.readFailed();
    }
  }

  async #park(message: Message<ResolvedEvent>, reason: string): Promise<void> {
    const isDurable = await this.#parked.add(message.event, reason).then(
      () => true,
      () => false,
    );
    if (!this.#isOver) this.#subscription.parked(message.id, isDurable);
  }

  async #replay(asked: number | undefined): Promise<void> {
    this.#subscription.isReplaying = true;
    try {
      const stopAt = this.#parked.endOfReplay(asked);
      if (stopAt === undefined) return;
      for (const batch of this.#parked.batches(this.config.settings.readBatchSize, stopAt)) {
        this.#subscription.replay(batch);
        await nextTurn();
        if (this.#isOver) return;
      }
      await this.#parked.truncate(stopAt);
    } catch {
      // What could not be read or truncated stays parked, and can be replayed again.
    } finally {
      this.#subscription.isReplaying = false;
    }
  }

  /** What no trial can mend ends the group until it is made anew; nothing is lost by that. */
  #unlessFaulty<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof CallRefused)) throw error;
      this.#fault = error;
      this.#drop(error);
      return undefined;
    }
  }

  #drop(why: CallRefused): void {
    const dropped = [...this.#outlets];
    this.#outlets.clear();
    for (const [subscriber, outlet] of dropped) {
      this.#subscription.leave(subscriber);
      outlet.drop(why);
    }
  }
}
