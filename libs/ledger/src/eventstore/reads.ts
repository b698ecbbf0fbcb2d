import { setTimeout as sleep } from 'node:timers/promises';
import type { ReadReq, ReadResp } from '@eventstore/db-client/generated/streams_pb.js';
import { LedgerClosed } from '../errors.js';
import { START, type Position, type ReadAll, type ReadStream, type RecordedEvent } from '../port.js';
import type { Connection } from './connection.js';
import { readAllRequest, readStreamRequest, type Direction, type From } from './messages.js';
import type { Observed } from './observed.js';
import { receivedFrom, type Place, type Received } from './recorded.js';
import { responsesOf } from './responses.js';

const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 1000;
/** Asked for beyond what is wanted, once the server's own events have been met on the way. */
const MORE = 500;

/**
 * Reads over the wire. A read that breaks off goes on from where it was, until nothing has come for so long that the
 * server is called unreachable.
 */
export class Reads {
  constructor(
    private readonly connection: Connection,
    private readonly observed: Observed,
    /** Without an event, in ms. */
    private readonly patienceMs: number,
  ) {}

  async *stream(stream: string, options: ReadStream = {}): AsyncIterable<RecordedEvent> {
    const { direction = 'forwards', maxCount = Infinity } = options;
    let left = maxCount;
    for await (const { event } of this.#streamFrom(stream, direction, options.from, maxCount)) {
      if (event === undefined) continue;
      yield event;
      if (--left === 0) return;
    }
  }

  async *all(options: ReadAll = {}): AsyncIterable<RecordedEvent> {
    const { direction = 'forwards', maxCount = Infinity, to } = options;
    let left = maxCount;
    if (left === 0) return;
    for await (const { event, position } of this.#allFrom(direction, options.from, maxCount)) {
      if (to !== undefined && (direction === 'forwards' ? position > to : position < to)) return;
      if (event === undefined) continue;
      yield event;
      if (--left === 0) return;
    }
  }

  /** The last event of a stream, whoever wrote it. */
  async lastOf(stream: string): Promise<Place | undefined> {
    for await (const last of this.#streamFrom(stream, 'backwards', 'end', 1)) return last;
    return undefined;
  }

  /** Position of the last event that is not the server's own. */
  async head(): Promise<Position> {
    for await (const { isSystem, position } of this.#allFrom('backwards', 'end', 1)) if (!isSystem) return position;
    return START;
  }

  /** Position of the very last event, the server's own included. */
  async end(): Promise<Position> {
    for await (const { position } of this.#allFrom('backwards', 'end', 1)) return position;
    return START;
  }

  async *#streamFrom(
    stream: string,
    direction: Direction,
    from: From | undefined,
    wanted: number,
  ): AsyncIterable<Received> {
    if (wanted === 0) return;
    let place: From = from ?? (direction === 'forwards' ? 'start' : 'end');
    // Backwards from the start is the first event alone.
    if (place === 'start' && direction === 'backwards') place = 0n;
    if (place === 'end' && direction === 'forwards') return;
    const request = (count: number): ReadReq => readStreamRequest(stream, direction, place, count);
    yield* this.#resumed(wanted, request, ({ revision }) => {
      place = direction === 'forwards' ? revision + 1n : revision - 1n;
      return { isNew: true, isOver: place < 0n };
    });
  }

  async *#allFrom(direction: Direction, from: From | undefined, wanted: number): AsyncIterable<Received> {
    const forwards = direction === 'forwards';
    const start: From = from ?? (forwards ? 'start' : 'end');
    if (start === (forwards ? 'end' : 'start') || (!forwards && start === START)) return;
    let place = start;
    let given: Position | undefined;
    const isNew = ({ position }: Received): boolean => {
      if (!forwards) return given === undefined || position < given;
      return given === undefined ? typeof start !== 'bigint' || position >= start : position > given;
    };
    const request = (count: number): ReadReq =>
      readAllRequest(direction, place, forwards && given !== undefined ? count + 1 : count);
    const moved = (received: Received): Step => {
      const step = { isNew: isNew(received), isOver: false };
      // Inclusive forwards: the event that was given last comes again, and is left out.
      place = received.position;
      if (step.isNew) given = received.position;
      return step;
    };
    try {
      yield* this.#resumed(wanted, request, moved);
    } catch (error) {
      // Servers read at the beginnings of records alone; "behind the last event" is one position after such a place.
      if (!forwards || given !== undefined || typeof start !== 'bigint' || start <= 1n || !isRefusal(error))
        throw error;
      place = start - 1n;
      yield* this.#resumed(wanted === Infinity ? wanted : wanted + 1, request, moved);
    }
  }

  /**
   * Reads until the server has no more, or whoever reads has enough. Asks for what is wanted first, and for more
   * where events were met that do not count.
   */
  async *#resumed(
    wanted: number,
    request: (count: number) => ReadReq,
    moved: (received: Received) => Step,
  ): AsyncIterable<Received> {
    let count = wanted;
    let since = Date.now();
    let pause = FIRST_PAUSE_MS;
    for (;;) {
      const client = this.connection.client();
      let came = 0;
      try {
        for await (const response of responsesOf(client, request(count), this.connection.closing)) {
          if (response.hasStreamNotFound()) return;
          const received = receivedOf(response);
          if (received === undefined) continue;
          came += 1;
          pause = FIRST_PAUSE_MS;
          this.observed.see(received.position);
          const { isNew, isOver } = moved(received);
          if (isNew) yield received;
          since = Date.now();
          if (isOver) return;
        }
        if (came < count) return;
        count = wanted + MORE;
      } catch (error) {
        if (this.connection.closing.aborted) throw new LedgerClosed();
        const judged = this.connection.judge(error, client);
        if (judged === undefined) throw error;
        // Deleted for good: there is nothing to be read.
        if (judged.fault.kind === 'deleted') return;
        if (!judged.mayRetry || Date.now() + pause - since > this.patienceMs)
          throw this.connection.named(judged.fault, error);
        await sleep(pause, undefined, { signal: this.connection.closing }).catch(() => undefined);
        pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
      }
    }
  }
}

interface Step {
  /** Not given before. */
  isNew: boolean;
  /** There is nothing beyond it. */
  isOver: boolean;
}

export function receivedOf(response: ReadResp): Received | undefined {
  const event = response.getEvent();
  return event === undefined ? undefined : receivedFrom({ event: event.getEvent() });
}

function isRefusal(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'TALLY_EVENTSTORE_REFUSED';
}
