import { randomUUID } from 'node:crypto';
import type { ClientDuplexStream } from '@grpc/grpc-js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import type { BatchAppendReq, BatchAppendResp } from '@eventstore/db-client/generated/streams_pb.js';
import protobufEmpty from 'google-protobuf/google/protobuf/empty_pb.js';
import timestamp from 'google-protobuf/google/protobuf/timestamp_pb.js';
import { TOMBSTONE_REVISION } from '../port.js';
import { AppendTooLarge } from './errors.js';
import { EndedEarly, TookTooLong } from './faults.js';
import { streamIdentifier, uuidText } from './messages.js';
import type { ProposedAppend } from './proposed.js';
import { wireRequest } from './wire-event.js';

export type BatchAnswer =
  | { ok: true; revision: bigint; position: bigint }
  | { ok: false; actual: bigint | undefined; isDeleted?: true }
  /** Nothing is known of this append; the same again may help. */
  | { ok: 'again'; why: string };

interface Waiting {
  append: ProposedAppend;
  deadline: number;
  resolve(answer: BatchAnswer): void;
  reject(reason: unknown): void;
}

/** A message of more would not pass every proxy; the client cuts there too. */
const LARGEST_CHUNK = 3 * 1024 * 1024;
const NAMESPACE = 'event_store.client.';

/**
 * One batch stream and what waits on it. Written here and not taken from the client, for whose `appendToStream` keeps
 * those who wait in one map for the whole process: an error of any stream fails the appends of all (and their late
 * answers, or one with an unknown id, throw inside a stream and end the process), a stream that the server ends leaves
 * them waiting for ever, and a write in the queue of a broken one is an unhandled rejection.
 */
export class BatchStream {
  readonly #waiting = new Map<string, Waiting>();
  #end: unknown;
  #timer: NodeJS.Timeout | undefined;
  /** The deadline that the timer waits for. */
  #watchedFor = Infinity;

  constructor(private readonly call: ClientDuplexStream<Buffer, BatchAppendResp>) {
    call.on('data', (answer: BatchAppendResp) => this.#answered(answer));
    call.on('error', (error: Error) => this.#ended(error));
    // A clean end answers nobody who still waits.
    call.on('end', () => this.#ended(new EndedEarly()));
    call.on('close', () => this.#ended(new EndedEarly()));
  }

  get isOpen(): boolean {
    return this.#end === undefined;
  }

  /**
   * Sends an append; rejects if the stream ends before its answer, or with TookTooLong at the deadline.
   * @param deadline in ms since the epoch; told to the server too
   */
  send(append: ProposedAppend, deadline: number): Promise<BatchAnswer> {
    if (this.#end !== undefined) return Promise.reject(this.#end);
    const correlation = randomUUID();
    return new Promise<BatchAnswer>((resolve, reject) => {
      this.#waiting.set(correlation, { append, deadline, resolve, reject });
      this.#watch(deadline);
      for (const request of requestsOf(append, correlation, deadline)) this.call.write(request);
    });
  }

  /** One timer for all: a timer and a signal for each append cost more than the rest of it. */
  #watch(deadline: number): void {
    if (deadline >= this.#watchedFor) return;
    clearTimeout(this.#timer);
    this.#watchedFor = deadline;
    this.#timer = setTimeout(() => this.#giveUp(), Math.max(0, deadline - Date.now()) + 1);
  }

  #giveUp(): void {
    this.#watchedFor = Infinity;
    const now = Date.now();
    for (const [correlation, { deadline, reject }] of this.#waiting) {
      if (deadline > now) continue;
      this.#waiting.delete(correlation);
      reject(new TookTooLong());
    }
    const next = Math.min(...[...this.#waiting.values()].map(({ deadline }) => deadline));
    this.#watch(next);
  }

  #answered(answer: BatchAppendResp): void {
    const correlation = uuidText(answer.getCorrelationId());
    const waiting = this.#waiting.get(correlation);
    // Of an append that was given up, or of none of ours: nobody wants it.
    if (waiting === undefined) return;
    this.#waiting.delete(correlation);
    try {
      waiting.resolve(readAnswer(answer, waiting.append));
    } catch (error) {
      waiting.reject(error);
    }
  }

  #ended(reason: unknown): void {
    if (this.#end !== undefined) return;
    this.#end = reason;
    clearTimeout(this.#timer);
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(reason);
    this.call.end();
  }
}

function* requestsOf(append: ProposedAppend, correlation: string, deadline: number): Iterable<Buffer> {
  let options: Uint8Array | undefined = optionsOf(append, deadline).serializeBinary();
  let events: Buffer[] = [];
  let bytes = 0;
  for (const event of append.events) {
    if (bytes > 0 && bytes + event.length > LARGEST_CHUNK) {
      yield wireRequest(correlation, options, events, false);
      options = undefined;
      events = [];
      bytes = 0;
    }
    events.push(event);
    bytes += event.length;
  }
  yield wireRequest(correlation, options, events, true);
}

function optionsOf({ stream, expected }: ProposedAppend, deadline: number): BatchAppendReq.Options {
  const until = new timestamp.Timestamp();
  until.fromDate(new Date(deadline));
  const options = new streams.BatchAppendReq.Options().setStreamIdentifier(streamIdentifier(stream)).setDeadline(until);
  if (typeof expected === 'bigint') return options.setStreamPosition(String(expected));
  if (expected === 'no_stream') return options.setNoStream(new protobufEmpty.Empty());
  if (expected === 'any') return options.setAny(new protobufEmpty.Empty());
  return options.setStreamExists(new protobufEmpty.Empty());
}

function readAnswer(answer: BatchAppendResp, append: ProposedAppend): BatchAnswer {
  const success = answer.getSuccess();
  if (success !== undefined) {
    return {
      ok: true,
      revision: success.hasCurrentRevision() ? BigInt(success.getCurrentRevision()) : -1n,
      position: BigInt(success.getPosition()?.getCommitPosition() ?? 0),
    };
  }
  const error = answer.getError();
  const details = error?.getDetails();
  switch (details?.getTypeName()) {
    case `${NAMESPACE}WrongExpectedVersion`: {
      const wrong = details.unpack(shared.WrongExpectedVersion.deserializeBinary, `${NAMESPACE}WrongExpectedVersion`);
      return {
        ok: false,
        actual: wrong?.hasCurrentStreamRevision() === true ? BigInt(wrong.getCurrentStreamRevision()) : undefined,
      };
    }
    case `${NAMESPACE}StreamDeleted`:
      // The wire does not tell a stream that is only hidden, and was expected to exist, from one that is gone for good.
      return {
        ok: false,
        actual: append.expected === 'stream_exists' ? undefined : TOMBSTONE_REVISION,
        isDeleted: true,
      };
    case `${NAMESPACE}MaximumAppendSizeExceeded`: {
      const name = `${NAMESPACE}MaximumAppendSizeExceeded`;
      const limit = details.unpack(shared.MaximumAppendSizeExceeded.deserializeBinary, name)?.getMaxappendsize() ?? 0;
      throw new AppendTooLarge(append.stream, append.bytes, limit);
    }
    case `${NAMESPACE}Timeout`:
      return { ok: 'again', why: 'the server timed out' };
    case `${NAMESPACE}AccessDenied`:
      throw Object.assign(new Error('access denied'), { code: PERMISSION_DENIED });
  }
  const code = error?.getCode() ?? 0;
  // Not ready yet, or too busy.
  if (code === UNAVAILABLE || code === ABORTED || code === DEADLINE_EXCEEDED)
    return { ok: 'again', why: `the server answered with code ${code}` };
  throw Object.assign(new Error(`code ${code}`), { code });
}

/** google.rpc.Code; the same numbers as the statuses of gRPC. */
const DEADLINE_EXCEEDED = 4;
const PERMISSION_DENIED = 7;
const ABORTED = 10;
const UNAVAILABLE = 14;
