import type { ServerWritableStream } from '@grpc/grpc-js';
import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Access } from './access.js';
import { newUuid } from './identifiers.js';
import { followAll, followStream, type LiveMessage } from './live-reads.js';
import type { OpenCalls } from './open-calls.js';
import type { streams } from './protocol.js';
import { type ReadRequest, readRequestOf } from './read-request.js';
import {
  confirmation,
  eventResponse,
  firstStreamPosition,
  lastStreamPosition,
  liveResponse,
  streamNotFound,
} from './read-responses.js';
import { refusalOf, shuttingDown, streamDeleted } from './refusals.js';
import type { CoreStreamRead, ServerCore } from './server-core.js';

export type ReadCall = ServerWritableStream<streams.ReadReq, streams.ReadResp>;

/** Events in the first page of a read, by which EventStoreDB decides whether it says where a stream begins. */
const FIRST_PAGE = 32;

/** Answers reads and catch-up subscriptions. */
export class Reading {
  constructor(
    private readonly core: ServerCore,
    private readonly access: Access,
    private readonly calls: OpenCalls,
  ) {}

  readonly answer = (call: ReadCall): void => {
    const over = new AbortController();
    const stop = () => over.abort();
    call.on('cancelled', stop).on('close', stop);
    const closed = this.calls.add(() => {
      stop();
      call.emit('error', shuttingDown());
    });
    this.#answer(call, over.signal)
      .then(() => over.signal.aborted || call.end())
      .catch((error: unknown) => over.signal.aborted || call.emit('error', refusalOf(error)))
      .finally(closed);
  };

  async #answer(call: ReadCall, signal: AbortSignal): Promise<void> {
    const user = this.access.userOf(call.metadata);
    const request = readRequestOf(call.request.getOptions());
    this.access.assertMayRead(user, request.stream ?? '$all');
    const mayRead = (stream: string) => this.access.mayRead(user, stream);
    if (request.maxCount === undefined) return this.#follow(call, request, mayRead, signal);
    return this.#read(call, { ...request, maxCount: request.maxCount, mayRead }, signal);
  }

  async #read(call: ReadCall, read: ReadRequest & Omit<CoreStreamRead, 'stream'>, signal: AbortSignal): Promise<void> {
    const { stream, isStructured } = read;
    const says = stream !== undefined && read.compatibility >= 1;
    if (stream !== undefined) {
      const state = this.core.stateOf(stream);
      if (state.kind === 'deleted') throw streamDeleted(stream);
      if (state.kind === 'missing') return void call.write(streamNotFound(stream));
      const from = read.from === 'start' ? 0 : read.from;
      if (says && read.direction === 'forwards' && from !== 'end') {
        const first = from > state.last ? state.last + 1 : state.first;
        const isHidden = first > from + Math.min(FIRST_PAGE, read.maxCount) - 1;
        if (from !== first && (from > state.last || isHidden)) call.write(firstStreamPosition(first));
      }
    }
    const pages =
      stream === undefined
        ? this.core.allPages({ ...read, filter: read.filter?.filter })
        : this.core.streamPages({ ...read, stream });
    for (const page of pages) {
      for (const event of page) call.write(eventResponse(event, isStructured));
      await this.#drained(call, signal);
      if (signal.aborted) return;
    }
    if (!says) return;
    const state = this.core.stateOf(stream);
    if (state.kind === 'there') call.write(lastStreamPosition(state.last));
  }

  async #follow(
    call: ReadCall,
    { stream, from, resolveLinks, filter, isStructured }: ReadRequest,
    mayRead: (stream: string) => boolean,
    signal: AbortSignal,
  ): Promise<void> {
    call.write(confirmation(newUuid()));
    const live = { after: from, resolveLinks, mayRead, signal };
    const batches: AsyncIterable<LiveMessage[]> =
      stream === undefined
        ? followAll(this.core, { ...live, ...filter })
        : followStream(this.core, { ...live, stream });
    for await (const batch of batches) {
      for (const message of batch) call.write(liveResponse(message, isStructured));
      await this.#drained(call, signal);
    }
  }

  /** Waits until the client has taken what was written, and lets other calls have their turn. */
  async #drained(call: ReadCall, signal: AbortSignal): Promise<void> {
    if (call.writableNeedDrain) await once(call, 'drain', { signal }).catch(() => undefined);
    else await nextTurn();
  }
}
