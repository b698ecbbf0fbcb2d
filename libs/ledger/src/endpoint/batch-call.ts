import type { ServerDuplexStream } from '@grpc/grpc-js';
import { status } from '@grpc/grpc-js';
import type { StorableEvent } from '../embedded/stored-event.js';
import type { Access, Caller } from './access.js';
import type { BatchRequest } from './batch-request.js';
import { type BatchFailure, type BatchTarget, failureResponse, outcomeResponse } from './batch-responses.js';
import { expectedOf } from './expected-revision.js';
import { streamNameOf, uuidOf } from './identifiers.js';
import type { OpenCalls } from './open-calls.js';
import type { shared, streams } from './protocol.js';
import { countedSize, proposedEvent } from './proposed-event.js';
import { CallRefused, invalidArgument, refusalOf } from './refusals.js';
import type { ServerCore } from './server-core.js';

export type BatchCall = ServerDuplexStream<BatchRequest, streams.BatchAppendResp>;

/** The longest that a timer can be set; deadlines beyond it are none. */
const LONGEST = 2 ** 31 - 1;

/** An append whose last chunk has not come. */
interface Pending {
  target: BatchTarget;
  events: StorableEvent[];
  size: number;
  /** In ms since the epoch. */
  deadline: number;
  timer: NodeJS.Timeout | undefined;
  /** It was answered already: chunks that still come are dropped, for no client knows what to do with two answers. */
  isAnswered: boolean;
}

/** Answers a stream of appends, each in chunks under its correlation id; they are made in the order of their ends. */
export class BatchAppending {
  constructor(
    private readonly core: ServerCore,
    private readonly access: Access,
    private readonly calls: OpenCalls,
    private readonly maxAppendSize: number,
    private readonly clock: () => number,
  ) {}

  readonly answer = (call: BatchCall): void => {
    let isOver = false;
    const pending = new Map<string, Pending>();
    const finish = (end: () => void) => {
      if (isOver) return;
      isOver = true;
      closed();
      for (const { timer } of pending.values()) clearTimeout(timer);
      end();
    };
    const cancelled = () => new CallRefused(status.CANCELLED, 'Server Is Shutting Down');
    const closed = this.calls.add(() => finish(() => call.emit('error', cancelled())));
    const refuse = (error: unknown) => finish(() => call.emit('error', refusalOf(error)));
    const answer = (correlation: shared.UUID | undefined, response: streams.BatchAppendResp) => {
      if (!isOver) call.write(response.setCorrelationId(correlation));
    };
    let caller: Caller;
    try {
      caller = this.access.userOf(call.metadata);
    } catch (error) {
      return refuse(error);
    }
    const running = new Set<Promise<void>>();
    call.on('data', (request: BatchRequest) => {
      try {
        const made = this.#receive(request, pending, caller, answer);
        if (made === undefined) return;
        running.add(made);
        void made.finally(() => running.delete(made));
      } catch (error) {
        refuse(error);
      }
    });
    call.on('end', () => void Promise.all(running).then(() => finish(() => call.end())));
    call.on('cancelled', () => finish(() => undefined));
  };

  /** Takes a chunk; gives the append under way once it is whole. @throws CallRefused for what names no append */
  #receive(
    { message, timeLeft }: BatchRequest,
    pending: Map<string, Pending>,
    caller: Caller,
    answer: (correlation: shared.UUID | undefined, response: streams.BatchAppendResp) => void,
  ): Promise<void> | undefined {
    const correlation = message.getCorrelationId();
    const key = uuidOf(correlation);
    if (key === undefined) throw invalidArgument('A batch append needs a correlation id.');
    const options = message.getOptions();
    let append = pending.get(key);
    if (append === undefined) {
      if (options === undefined) throw invalidArgument('The options of a batch append come first.');
      append = this.#begin(options, timeLeft);
      pending.set(key, append);
    }
    const begun = append;
    const fail = (failure: BatchFailure) => {
      if (begun.isAnswered) return;
      begun.isAnswered = true;
      begun.events = [];
      clearTimeout(begun.timer);
      answer(correlation, failureResponse(begun.target, failure));
    };
    if (options !== undefined && !this.access.mayWrite(caller, begun.target.stream)) fail({ kind: 'accessDenied' });
    if (options !== undefined && begun.deadline < Infinity) {
      const left = begun.deadline - this.clock();
      if (left <= 0) fail({ kind: 'timeout' });
      else if (left < LONGEST) begun.timer = setTimeout(() => fail({ kind: 'timeout' }), left);
    }
    if (!begun.isAnswered) this.#collect(begun, message.getProposedMessagesList(), fail);
    if (!message.getIsFinal()) return undefined;
    pending.delete(key);
    clearTimeout(begun.timer);
    return begun.isAnswered ? undefined : this.#make(begun, (response) => answer(correlation, response), fail);
  }

  #begin(options: streams.BatchAppendReq.Options, timeLeft: number | undefined): Pending {
    const stream = streamNameOf(options.getStreamIdentifier());
    const expected = expectedOf(options, options.hasStreamPosition() ? options.getStreamPosition() : undefined);
    const timestamp = options.getDeadline();
    const at = timestamp === undefined ? Infinity : timestamp.getSeconds() * 1000 + timestamp.getNanos() / 1e6;
    const deadline = timeLeft === undefined ? at : this.clock() + timeLeft;
    return { target: { stream, expected }, events: [], size: 0, deadline, timer: undefined, isAnswered: false };
  }

  #collect(
    append: Pending,
    proposed: readonly streams.BatchAppendReq.ProposedMessage[],
    fail: (failure: BatchFailure) => void,
  ): void {
    for (const message of proposed) {
      append.size += countedSize(message);
      if (append.size > this.maxAppendSize) return fail({ kind: 'tooLarge', limit: this.maxAppendSize });
      try {
        append.events.push(proposedEvent(message));
      } catch (error) {
        return fail({ kind: 'badRequest', why: refusalOf(error).details });
      }
    }
  }

  async #make(
    { target, events, deadline }: Pending,
    answer: (response: streams.BatchAppendResp) => void,
    fail: (failure: BatchFailure) => void,
  ): Promise<void> {
    if (this.clock() >= deadline) return fail({ kind: 'timeout' });
    try {
      answer(outcomeResponse(target, await this.core.change({ ...target, events })));
    } catch (error) {
      fail({ kind: 'unavailable', why: refusalOf(error).details });
    }
  }
}
