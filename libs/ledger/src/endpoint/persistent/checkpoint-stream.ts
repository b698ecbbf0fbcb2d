import type { ServerCore } from '../server-core.js';
import { keyOf, placeOf, placeText } from './group-config.js';
import type { Place } from './message.js';
import { bookkeeping, bookkeepingMetadata } from './system-stream.js';

/** How far a group has come, in its checkpoint stream. */
export class CheckpointStream {
  readonly name: string;
  #waiting: Place | undefined;
  #writing: Promise<void> | undefined;
  #last: Place | undefined;

  constructor(
    private readonly core: ServerCore,
    private readonly stream: string,
    group: string,
  ) {
    this.name = `$persistentsubscription-${keyOf(stream, group)}-checkpoint`;
    this.#last = this.#read();
  }

  /** The last one on disk. */
  get last(): Place | undefined {
    return this.#last;
  }

  /** Writes a checkpoint; of those that come meanwhile the last one alone. */
  write(place: Place): void {
    this.#waiting = place;
    this.#writing ??= this.#writeAll().finally(() => (this.#writing = undefined));
  }

  /** Resolves when nothing is being written any more. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    for (let place = this.#waiting; place !== undefined; place = this.#waiting) {
      this.#waiting = undefined;
      const event = bookkeeping(this.name, '$SubscriptionCheckpoint', placeText(this.stream, place));
      const isNew = this.core.metadataOf(this.name).maxCount === undefined;
      try {
        await this.core.ledger.change(isNew ? [event, bookkeepingMetadata(this.name, { $maxCount: 2 })] : [event]);
        this.#last = place;
      } catch {
        // The next checkpoint tells more; without any, events come again.
      }
    }
  }

  #read(): Place | undefined {
    if (this.core.stateOf(this.name).kind !== 'there') return undefined;
    const [event] = this.core.ledger.streamPage('backwards', this.name, Number.MAX_SAFE_INTEGER, 1);
    if (!event) return undefined;
    const value: unknown = JSON.parse(Buffer.from(event.data).toString());
    return placeOf(String(value));
  }
}
