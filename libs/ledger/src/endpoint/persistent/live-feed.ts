import type { StoredEvent } from '../embedded-store.js';
import { LedgerClosed } from '../../errors.js';
import { PAGE, type ServerCore } from '../server-core.js';

/** Gives every event that is appended from now on, once and in order. */
export class LiveFeed {
  readonly #over = new AbortController();
  #given: number;

  constructor(
    private readonly core: ServerCore,
    private readonly give: (events: readonly StoredEvent[]) => void,
  ) {
    this.#given = core.ledger.head;
    void this.#follow();
  }

  stop(): void {
    this.#over.abort();
  }

  async #follow(): Promise<void> {
    const { ledger } = this.core;
    const { signal } = this.#over;
    while (!signal.aborted) {
      try {
        const page = ledger.allPage('forwards', this.#given + 1, Number.MAX_SAFE_INTEGER, PAGE);
        const last = page.at(-1);
        if (last) {
          this.give(page);
          this.#given = last.position;
        } else if (ledger.head <= this.#given) {
          await ledger.moved(signal);
        }
      } catch (error) {
        if (error instanceof LedgerClosed) return;
        // A file that cannot be read just now: all of the page is given again, and who has some of it passes it over.
        await ledger.moved(signal);
      }
    }
  }
}
