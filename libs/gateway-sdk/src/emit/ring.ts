/** What is lost of a source: so many events, between two instants. */
export interface Loss {
  from: number;
  to: number;
  count: number;
}

export interface Held {
  /** ms */
  at: number;
  /** Bytes of memory, about. */
  weight: number;
}

export interface Bounds {
  events: number;
  bytes: number;
}

/**
 * What waits to be sent, within bounds of count and bytes that also hold what is being sent just now. When it is full,
 * the oldest that waits goes: the newest say best what is so. What went is added up until somebody takes the sum.
 */
export class Ring<T extends Held> {
  #waiting: T[] = [];
  /** Where `#waiting` begins: shifting an array costs what it holds. */
  #head = 0;
  #waitingBytes = 0;
  #out: T[] = [];
  #outBytes = 0;
  #loss: Loss | undefined;
  /** All that was ever lost. */
  lost = 0;

  constructor(private readonly bounds: Bounds) {}

  get waiting(): number {
    return this.#waiting.length - this.#head;
  }
  get out(): number {
    return this.#out.length;
  }
  get bytes(): number {
    return this.#waitingBytes + this.#outBytes;
  }
  get waitingBytes(): number {
    return this.#waitingBytes;
  }
  get hasLoss(): boolean {
    return this.#loss !== undefined;
  }

  push(item: T): void {
    this.#waiting.push(item);
    this.#waitingBytes += item.weight;
    while ((this.waiting + this.out > this.bounds.events || this.bytes > this.bounds.bytes) && this.waiting > 0) {
      this.lose(this.#shift());
    }
  }

  /** Adds one that cannot be sent to the loss. */
  lose({ at }: Pick<Held, 'at'>): void {
    this.lost++;
    const loss = this.#loss;
    if (loss === undefined) this.#loss = { from: at, to: at, count: 1 };
    else {
      loss.from = Math.min(loss.from, at);
      loss.to = Math.max(loss.to, at);
      loss.count++;
    }
  }

  /** Takes the sum of what was lost since it was taken last: whoever takes it tells it. */
  takeLoss(): Loss | undefined {
    const loss = this.#loss;
    this.#loss = undefined;
    return loss;
  }

  /** Takes the oldest out, to be sent: at least one, if any waits. They count until they are `settle`d. */
  take(most: Bounds): T[] {
    let bytes = 0;
    const taken: T[] = [];
    while (this.waiting > 0 && taken.length < most.events) {
      const next = this.#waiting[this.#head]!;
      if (taken.length > 0 && bytes + next.weight > most.bytes) break;
      bytes += next.weight;
      taken.push(this.#shift());
    }
    this.#out.push(...taken);
    this.#outBytes += bytes;
    return taken;
  }

  /** All that was taken out has arrived, or was given up. */
  settle(): void {
    this.#out = [];
    this.#outBytes = 0;
  }

  #shift(): T {
    const item = this.#waiting[this.#head]!;
    this.#head++;
    this.#waitingBytes -= item.weight;
    if (this.#head > 1024 && this.#head * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}
