import { setTimeout as sleep } from 'node:timers/promises';
import type { Position, SubscriptionMessage } from '../port.js';
import type { Connection } from './connection.js';
import { subscribeRequest } from './messages.js';
import type { Observed } from './observed.js';
import { receivedOf, type Reads } from './reads.js';
import { responsesOf } from './responses.js';

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 5000;
/** From this release on the server says when a subscription has caught up. */
const SAYS_CAUGHT_UP = [23, 10] as const;
/** Events for nobody here after which the place is told again, so that a cursor does not stay behind them. */
const TELL_PLACE_AFTER = 1000;

/**
 * Every event after a position, then live. The client never resumes a subscription; here, whenever it drops, the next
 * one begins behind the last event that came. Ends when the signal aborts; an error that no retry mends is thrown.
 */
export class Subscription {
  #cursor: Position;
  /** Said, and no event was given since. */
  #caughtUp = false;
  #isLive = false;
  #skipped = 0;

  constructor(
    private readonly connection: Connection,
    private readonly reads: Reads,
    private readonly observed: Observed,
    after: Position,
    private readonly signal: AbortSignal,
  ) {
    this.#cursor = after;
  }

  async *messages(): AsyncIterable<SubscriptionMessage> {
    let pause = FIRST_PAUSE_MS;
    while (!this.signal.aborted) {
      const client = this.connection.client();
      const before = this.#cursor;
      try {
        const says = isAtLeast(await client.serverVersion(), SAYS_CAUGHT_UP);
        yield* this.#once(client, says);
      } catch (error) {
        if (this.signal.aborted) return;
        const judged = this.connection.judge(error, client);
        if (judged === undefined) throw error;
        if (!judged.mayRetry) throw this.connection.named(judged.fault, error);
      }
      this.#caughtUp = false;
      this.#isLive = false;
      if (this.#cursor > before) pause = FIRST_PAUSE_MS;
      await sleep(pause, undefined, { signal: this.signal }).catch(() => undefined);
      pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
    }
  }

  async *#once(client: ReturnType<Connection['client']>, saysCaughtUp: boolean): AsyncIterable<SubscriptionMessage> {
    /** Without the server's word: caught up is who has come to where the end was. */
    let end: Position | undefined;
    for await (const response of responsesOf(client, subscribeRequest(this.#cursor), this.signal)) {
      if (response.hasConfirmation() && !saysCaughtUp) end = await this.reads.end();
      const received = receivedOf(response);
      if (received !== undefined && received.position > this.#cursor) {
        this.#cursor = received.position;
        this.observed.see(received.position);
        if (received.event !== undefined) {
          this.#caughtUp = false;
          this.#skipped = 0;
          yield { kind: 'event', event: received.event };
        } else this.#skipped += 1;
      }
      if (this.signal.aborted) return;
      let isLive = response.hasCaughtUp();
      if (end !== undefined && this.#cursor >= end) {
        end = await this.reads.end();
        isLive = this.#cursor >= end;
        if (isLive) end = undefined;
      }
      if (isLive) this.#isLive = true;
      if (isLive ? !this.#caughtUp : this.#isLive && this.#skipped >= TELL_PLACE_AFTER) {
        this.#caughtUp = true;
        this.#skipped = 0;
        yield { kind: 'caughtUp', position: this.#cursor };
      }
      if (this.signal.aborted) return;
    }
  }
}

/** Versions of three numbers; what is none is taken for an old one. */
function isAtLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const match = /^(\d+)\.(\d+)/.exec(version);
  if (match === null) return false;
  const [found, sub] = [Number(match[1]), Number(match[2])];
  return found > major || (found === major && sub >= minor);
}
