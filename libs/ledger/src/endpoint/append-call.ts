import type { sendUnaryData, ServerReadableStream, ServerUnaryCall } from '@grpc/grpc-js';
import type { StorableEvent } from '../embedded/stored-event.js';
import type { ChangeOutcome } from '../embedded/stream-change.js';
import type { ExpectedRevision } from '../port.js';
import type { Access } from './access.js';
import { expectedOf, expectedVersion } from './expected-revision.js';
import { streamNameOf } from './identifiers.js';
import type { OpenCalls } from './open-calls.js';
import { shared, streams } from './protocol.js';
import { countedSize, proposedEvent } from './proposed-event.js';
import {
  appendTooLarge,
  invalidArgument,
  refusalOf,
  shuttingDown,
  streamDeleted,
  wrongExpectedVersion,
} from './refusals.js';
import type { ServerCore } from './server-core.js';

const { AppendResp, DeleteResp, TombstoneResp } = streams;

type AppendCall = ServerReadableStream<streams.AppendReq, streams.AppendResp>;
type DeleteCall = ServerUnaryCall<streams.DeleteReq, streams.DeleteResp>;
type TombstoneCall = ServerUnaryCall<streams.TombstoneReq, streams.TombstoneResp>;

/** Answers appends of one stream each, message by message, and deletes. */
export class Appending {
  constructor(
    private readonly core: ServerCore,
    private readonly access: Access,
    private readonly calls: OpenCalls,
    private readonly maxAppendSize: number,
  ) {}

  readonly append = (call: AppendCall, answer: sendUnaryData<streams.AppendResp>): void => {
    let isOver = false;
    const end = (error: unknown, response?: streams.AppendResp) => {
      if (isOver) return;
      isOver = true;
      closed();
      if (response === undefined) answer(refusalOf(error));
      else answer(null, response);
    };
    const closed = this.calls.add(() => end(shuttingDown()));
    this.#append(call).then(
      (response) => end(undefined, response),
      (error: unknown) => {
        end(error);
        // What still comes is not wanted; unread it would hold up the connection.
        call.resume();
      },
    );
  };

  async #append(call: AppendCall): Promise<streams.AppendResp> {
    const caller = this.access.userOf(call.metadata);
    let target: { stream: string; expected: ExpectedRevision } | undefined;
    const events: StorableEvent[] = [];
    let size = 0;
    for await (const request of messages(call)) {
      const options = request.getOptions();
      const message = request.getProposedMessage();
      if (options !== undefined) {
        if (target !== undefined) throw invalidArgument('The options of an append come once.');
        const stream = streamNameOf(options.getStreamIdentifier());
        this.access.assertMayWrite(caller, stream);
        target = { stream, expected: expectedOf(options, options.hasRevision() ? options.getRevision() : undefined) };
      } else if (message !== undefined) {
        if (target === undefined) throw invalidArgument('The options of an append come first.');
        size += countedSize(message);
        if (size > this.maxAppendSize) throw appendTooLarge(this.maxAppendSize);
        events.push(proposedEvent(message));
      }
    }
    if (call.cancelled) throw invalidArgument('The append was cancelled.');
    if (target === undefined) throw invalidArgument('An append needs options.');
    return appendResponse(target.stream, target.expected, await this.core.change({ ...target, events }));
  }

  readonly delete = (call: DeleteCall, answer: sendUnaryData<streams.DeleteResp>): void => {
    this.#remove(call, 'soft').then(
      (position) => {
        const place = new DeleteResp.Position().setCommitPosition(position).setPreparePosition(position);
        answer(null, new DeleteResp().setPosition(place));
      },
      (error: unknown) => answer(refusalOf(error)),
    );
  };

  readonly tombstone = (call: TombstoneCall, answer: sendUnaryData<streams.TombstoneResp>): void => {
    this.#remove(call, 'tombstone').then(
      (position) => {
        const place = new TombstoneResp.Position().setCommitPosition(position).setPreparePosition(position);
        answer(null, new TombstoneResp().setPosition(place));
      },
      (error: unknown) => answer(refusalOf(error)),
    );
  };

  async #remove(call: DeleteCall | TombstoneCall, remove: 'soft' | 'tombstone'): Promise<string> {
    const caller = this.access.userOf(call.metadata);
    const options = call.request.getOptions();
    if (options === undefined) throw invalidArgument('A delete needs options.');
    const stream = streamNameOf(options.getStreamIdentifier());
    this.access.assertMayDelete(caller, stream);
    const expected = expectedOf(options, options.hasRevision() ? options.getRevision() : undefined);
    const outcome = await this.core.change({ stream, expected, remove });
    if (outcome.ok) return String(outcome.position);
    if (outcome.isDeleted) throw streamDeleted(stream);
    throw wrongExpectedVersion(stream, expectedVersion(expected), outcome.actual ?? -1n);
  }
}

async function* messages(call: AppendCall): AsyncGenerator<streams.AppendReq> {
  // The iterator's type is of anything; the service deserialises what comes.
  for await (const message of call) yield message as streams.AppendReq;
}

/** A wrong expected version is an answer here, and not the end of the call; older clients read its first fields. */
function appendResponse(stream: string, expected: ExpectedRevision, outcome: ChangeOutcome): streams.AppendResp {
  if (outcome.ok) {
    const success = new AppendResp.Success();
    if (outcome.revision < 0n) success.setNoStream(new shared.Empty());
    else success.setCurrentRevision(String(outcome.revision));
    const place = String(outcome.position);
    if (outcome.position === 0n) success.setNoPosition(new shared.Empty());
    else success.setPosition(new AppendResp.Position().setCommitPosition(place).setPreparePosition(place));
    return new AppendResp().setSuccess(success);
  }
  if (outcome.isDeleted) throw streamDeleted(stream);
  const wrong = new AppendResp.WrongExpectedVersion();
  if (outcome.actual === undefined) {
    wrong.setCurrentNoStream(new shared.Empty()).setNoStream2060(new shared.Empty());
  } else {
    wrong.setCurrentRevision(String(outcome.actual)).setCurrentRevision2060(Number(outcome.actual));
  }
  if (expected === 'any') wrong.setExpectedAny(new shared.Empty()).setAny2060(new shared.Empty());
  else if (expected === 'stream_exists')
    wrong.setExpectedStreamExists(new shared.Empty()).setStreamExists2060(new shared.Empty());
  else if (expected === 'no_stream') wrong.setExpectedNoStream(new shared.Empty());
  else wrong.setExpectedRevision(String(expected)).setExpectedRevision2060(Number(expected));
  return new AppendResp().setWrongExpectedVersion(wrong);
}
