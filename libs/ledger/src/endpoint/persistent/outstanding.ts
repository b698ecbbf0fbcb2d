import type { Message, Order } from './message.js';
import type { Subscriber } from './subscriber.js';

export interface InFlight<E> {
  message: Message<E>;
  subscriber: Subscriber;
  /** In ms, of the clock that ticks; undefined: never, or it is being parked. */
  dueAt: number | undefined;
  isParking: boolean;
}

/** Messages that were given out and are neither acknowledged nor parked yet, by what is acknowledged. */
export class Outstanding<E> {
  readonly #byId = new Map<string, InFlight<E>>();

  get count(): number {
    return this.#byId.size;
  }

  has(id: string): boolean {
    return this.#byId.has(id);
  }

  find(id: string): InFlight<E> | undefined {
    return this.#byId.get(id);
  }

  add(inFlight: InFlight<E>): void {
    this.#byId.set(inFlight.message.id, inFlight);
  }

  remove(id: string): InFlight<E> | undefined {
    const found = this.#byId.get(id);
    this.#byId.delete(id);
    return found;
  }

  /** What is overdue, in the order in which it was given out: one timeout for all, so the first are due first. */
  overdue(now: number): InFlight<E>[] {
    const found: InFlight<E>[] = [];
    for (const inFlight of this.#byId.values()) {
      if (inFlight.dueAt === undefined) continue;
      if (inFlight.dueAt > now) break;
      found.push(inFlight);
    }
    return found;
  }

  /** What a subscriber holds, lowest place first. */
  of(subscriber: Subscriber): InFlight<E>[] {
    const held = [...subscriber.inFlight].flatMap((id) => this.#byId.get(id) ?? []);
    return held.sort((a, b) => (a.message.place < b.message.place ? -1 : 1));
  }

  lowest(): Order | undefined {
    let lowest: Order | undefined;
    for (const { message } of this.#byId.values()) {
      if (message.order && (!lowest || message.order.sequence < lowest.sequence)) lowest = message.order;
    }
    return lowest;
  }
}
