import type { Message, Place, SourceItem } from './message.js';
import type { GroupSettings } from './settings.js';
import { strategyOf } from './strategies/choose-strategy.js';
import { Subscriber } from './subscriber.js';
import { type Beginning, Subscription } from './subscription.js';

export interface TestEvent {
  stream: string;
  type: string;
  data: string;
  metadata?: string;
}

export const SETTINGS: GroupSettings = {
  resolveLinks: false,
  extraStatistics: false,
  messageTimeoutMs: 30_000,
  maxRetryCount: 10,
  checkpointAfterMs: 2_000,
  minCheckpointCount: 10,
  maxCheckpointCount: 1_000,
  maxSubscriberCount: 0,
  liveBufferSize: 500,
  readBatchSize: 20,
  historyBufferSize: 500,
  strategy: 'RoundRobin',
};

export const idOf = (place: Place) => `event-${place}`;

export function testItem(place: Place, stream = 's', metadata?: string): SourceItem<TestEvent> {
  const event: TestEvent = { stream, type: 't', data: '{}' };
  if (metadata !== undefined) event.metadata = metadata;
  return { id: idOf(place), place, event };
}

/** A group without a world: what it asks for is written down. */
export class Watched {
  now = 0;
  readonly sent: { to: Subscriber; message: Message<TestEvent> }[] = [];
  readonly reads: { from: Place; count: number }[] = [];
  readonly checkpoints: Place[] = [];
  readonly parked: { id: string; reason: string }[] = [];
  readonly group: Subscription<TestEvent>;

  constructor(settings: Partial<GroupSettings> = {}, beginning: Partial<Beginning> = {}) {
    const all = { ...SETTINGS, ...settings };
    this.group = new Subscription(
      all,
      strategyOf(all.strategy, (event: TestEvent) => event),
      {
        send: (to, message) => this.sent.push({ to, message }),
        read: (from, count) => this.reads.push({ from, count }),
        checkpoint: (place) => this.checkpoints.push(place),
        park: ({ id }, reason) => this.parked.push({ id, reason }),
      },
      () => this.now,
      { after: -1n, isCheckpoint: false, isAtEnd: true, ...beginning },
    );
  }

  join(slots = 10): Subscriber {
    const subscriber = new Subscriber({ username: 'anonymous', connectionName: 'c', from: '', slots });
    this.group.join(subscriber);
    return subscriber;
  }

  append(...places: number[]): void {
    for (const place of places) this.group.appended(testItem(BigInt(place)));
  }

  /** Moves the clock, and lets the group notice. */
  pass(milliseconds: number): void {
    this.now += milliseconds;
    this.group.tick();
  }

  /** Places given out so far, or to one subscriber. */
  places(to?: Subscriber): number[] {
    return this.sent.filter((one) => !to || one.to === to).map((one) => Number(one.message.place));
  }
}
