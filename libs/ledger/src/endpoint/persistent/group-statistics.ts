import { isLeftOut, type Place, type SourceItem } from './message.js';
import type { Subscription } from './subscription.js';

export interface SubscriberFigures {
  username: string;
  connectionName: string;
  from: string;
  perSecond: number;
  total: number;
  sinceLastLook: number;
  measurements: { key: string; value: number }[];
  free: number;
  inFlight: number;
}

/** What a look at a group shows. */
export interface GroupFigures {
  status: string;
  perSecond: number;
  total: number;
  sinceLastLook: number;
  checkpoint: Place | undefined;
  /** The last place that the group has heard of. */
  known: Place | undefined;
  parked: number;
  counts: { retry: number; history: number; live: number; outstanding: number };
  subscribers: SubscriberFigures[];
}

/** Figures of a group; rates count from one look to the next. */
export class GroupStatistics<E> {
  #known: Place | undefined;
  #lookedAt: number;
  #counted = 0;

  constructor(
    private readonly subscription: Subscription<E>,
    private readonly clock: () => number,
  ) {
    this.#lookedAt = clock();
  }

  knows(item: SourceItem<E>): void {
    if (isLeftOut(item)) return;
    if (this.#known === undefined || item.place > this.#known) this.#known = item.place;
  }

  figures(checkpoint: Place | undefined, parked: number): GroupFigures {
    const { subscription } = this;
    const now = this.clock();
    const elapsed = now - this.#lookedAt;
    this.#lookedAt = now;
    const rate = (items: number) => (elapsed > 0 ? Math.trunc((items * 1000) / elapsed) : 0);
    const sinceLastLook = subscription.total - this.#counted;
    this.#counted = subscription.total;
    return {
      status: subscription.status,
      perSecond: rate(sinceLastLook),
      total: subscription.total,
      sinceLastLook,
      checkpoint,
      known: this.#known,
      parked,
      counts: subscription.counts,
      subscribers: [...subscription.subscribers].map((subscriber) => {
        const items = subscriber.total - subscriber.counted;
        subscriber.counted = subscriber.total;
        return {
          username: subscriber.username,
          connectionName: subscriber.connectionName,
          from: subscriber.from,
          perSecond: rate(items),
          total: subscriber.total,
          sinceLastLook: items,
          measurements: subscriber.measurements?.summary() ?? [],
          free: subscriber.free,
          inFlight: subscriber.inFlight.size,
        };
      }),
    };
  }
}
