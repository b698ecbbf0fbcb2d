import {
  END,
  type EventStoreDBClient,
  jsonEvent,
  persistentSubscriptionToAllSettingsFromDefaults,
  persistentSubscriptionToStreamSettingsFromDefaults,
  START,
  type PersistentSubscriptionBase,
  type PersistentSubscriptionToAllSettings,
  type PersistentSubscriptionToStreamSettings,
  type ResolvedEvent,
} from '@eventstore/db-client';
import { ServedLedger } from './served-ledger.js';
import type { UserList } from '../endpoint/users.js';

/** What a subscriber was given. */
export interface Given {
  /** `stream/revision` of the event. */
  at: string;
  retries: number;
  resolved: ResolvedEvent;
}

type Subscribed = PersistentSubscriptionBase<ResolvedEvent & { retryCount: number }>;

/** A subscriber that keeps what it is given until it is told what to answer. */
export class TestSubscriber {
  readonly given: Given[] = [];
  #failed: unknown;
  #wake = () => {};

  constructor(readonly subscription: Subscribed) {
    subscription.on('data', (resolved: ResolvedEvent & { retryCount: number }) => {
      const { event, link } = resolved;
      const shown = event ?? link;
      this.given.push({ at: `${shown?.streamId}/${shown?.revision}`, retries: resolved.retryCount, resolved });
      this.#wake();
    });
    subscription.on('error', (error: unknown) => {
      this.#failed = error;
      this.#wake();
    });
    subscription.on('confirmation', () => this.#wake());
  }

  /** Waits for the confirmation. */
  async confirmed(): Promise<this> {
    await this.#until(() => this.subscription.id !== undefined);
    return this;
  }

  /** Waits until so many messages have come, and says where they stand. */
  async got(count: number): Promise<string[]> {
    await this.#until(() => this.given.length >= count);
    return this.given.map(({ at }) => at);
  }

  /** The error that ends it. */
  async failure(): Promise<unknown> {
    await this.#until(() => this.#failed !== undefined).catch(() => undefined);
    return this.#failed;
  }

  /** Acknowledges some of what it was given, by their numbers; everything by default. */
  ack(...numbers: number[]): Promise<void> {
    return this.subscription.ack(...this.#chosen(numbers));
  }

  nack(how: 'park' | 'retry' | 'skip' | 'stop', ...numbers: number[]): Promise<void> {
    return this.subscription.nack(how, 'because', ...this.#chosen(numbers));
  }

  #chosen(numbers: readonly number[]): ResolvedEvent[] {
    const chosen = numbers.length > 0 ? numbers.flatMap((number) => this.given[number] ?? []) : this.given;
    return chosen.map(({ resolved }) => resolved);
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo()) {
      if (this.#failed !== undefined) throw this.#failed;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

/** A served ledger whose persistent subscriptions take the time from the test. */
export class ServedGroups {
  /** In ms. */
  time = 0;
  #look = () => {};
  declare served: ServedLedger;

  static async start(users?: UserList): Promise<ServedGroups> {
    const groups = new ServedGroups();
    const repeat = (look: () => void) => {
      groups.#look = look;
      return () => {};
    };
    const persistent = { clock: () => groups.time, repeat };
    groups.served = await ServedLedger.start(users ? { persistent, users } : { persistent });
    return groups;
  }

  get client(): EventStoreDBClient {
    return this.served.client;
  }

  /** The time goes on, and the server looks at the clock. */
  pass(milliseconds: number): void {
    this.time += milliseconds;
    this.#look();
  }

  /** Stops the server, and starts it again on the same file. */
  async restart(): Promise<void> {
    await this.served.shut();
    await this.served.open();
  }

  async append(stream: string, ...labels: string[]): Promise<void> {
    await this.client.appendToStream(
      stream,
      labels.map((label) => jsonEvent({ type: label, data: { label } })),
    );
  }

  createOnStream(stream: string, changes: Partial<PersistentSubscriptionToStreamSettings> = {}): Promise<void> {
    const settings = persistentSubscriptionToStreamSettingsFromDefaults({ startFrom: START, ...changes });
    return this.client.createPersistentSubscriptionToStream(stream, 'group', settings);
  }

  createOnAll(
    changes: Partial<PersistentSubscriptionToAllSettings> = {},
    options: Parameters<EventStoreDBClient['createPersistentSubscriptionToAll']>[2] = {},
  ): Promise<void> {
    const settings = persistentSubscriptionToAllSettingsFromDefaults({ startFrom: END, ...changes });
    return this.client.createPersistentSubscriptionToAll('group', settings, options);
  }

  subscribe(stream: string, bufferSize = 10): TestSubscriber {
    return new TestSubscriber(
      this.client.subscribeToPersistentSubscriptionToStream(stream, 'group', { bufferSize }) as Subscribed,
    );
  }

  subscribeToAll(bufferSize = 10): TestSubscriber {
    return new TestSubscriber(
      this.client.subscribeToPersistentSubscriptionToAll('group', { bufferSize }) as Subscribed,
    );
  }

  stats(stream: string) {
    return this.client.getPersistentSubscriptionToStreamInfo(stream, 'group');
  }

  /** Waits until a look at the group shows it. Each look is a call to the server. */
  async until<T>(look: () => Promise<T>, isSo: (seen: T) => boolean): Promise<T> {
    for (;;) {
      const seen = await look();
      if (isSo(seen)) return seen;
    }
  }
}
