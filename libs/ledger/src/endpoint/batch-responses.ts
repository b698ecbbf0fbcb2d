import type { ChangeOutcome } from '../embedded/stream-change.js';
import type { ExpectedRevision } from '../port.js';
import { wireStream } from './identifiers.js';
import { any, empty, rpc, shared, streams } from './protocol.js';

const { BatchAppendResp } = streams;
type Code = rpc.Status['getCode'] extends () => infer C ? C : never;

/** google.rpc codes, whose published enumeration is a file of its own. */
const INVALID_ARGUMENT: Code = 3;
const DEADLINE_EXCEEDED: Code = 4;
const PERMISSION_DENIED: Code = 7;
const FAILED_PRECONDITION: Code = 9;
const UNAVAILABLE: Code = 14;

/** What every answer to an append repeats. */
export interface BatchTarget {
  stream: string;
  expected: ExpectedRevision;
}

export type BatchFailure =
  | { kind: 'timeout' }
  | { kind: 'accessDenied' }
  | { kind: 'tooLarge'; limit: number }
  | { kind: 'badRequest'; why: string }
  | { kind: 'unavailable'; why: string };

export function outcomeResponse(target: BatchTarget, outcome: ChangeOutcome): streams.BatchAppendResp {
  if (outcome.ok) return responseTo(target).setSuccess(successOf(outcome));
  if (outcome.isDeleted) {
    const deleted = new shared.StreamDeleted().setStreamIdentifier(wireStream(target.stream));
    return failed(target, FAILED_PRECONDITION, 'StreamDeleted', deleted.serializeBinary());
  }
  const wrong = new shared.WrongExpectedVersion();
  if (outcome.actual === undefined) wrong.setCurrentNoStream(new empty.Empty());
  else wrong.setCurrentStreamRevision(String(outcome.actual));
  const { expected } = target;
  if (expected === 'any') wrong.setExpectedAny(new empty.Empty());
  else if (expected === 'stream_exists') wrong.setExpectedStreamExists(new empty.Empty());
  else if (expected === 'no_stream') wrong.setExpectedNoStream(new empty.Empty());
  else wrong.setExpectedStreamPosition(String(expected));
  return failed(target, FAILED_PRECONDITION, 'WrongExpectedVersion', wrong.serializeBinary());
}

export function failureResponse(target: BatchTarget, failure: BatchFailure): streams.BatchAppendResp {
  switch (failure.kind) {
    case 'timeout':
      return failed(target, DEADLINE_EXCEEDED, 'Timeout', new shared.Timeout().serializeBinary());
    case 'accessDenied':
      return failed(target, PERMISSION_DENIED, 'AccessDenied', new shared.AccessDenied().serializeBinary());
    case 'tooLarge': {
      const detail = new shared.MaximumAppendSizeExceeded();
      detail.setMaxappendsize(failure.limit);
      return failed(target, INVALID_ARGUMENT, 'MaximumAppendSizeExceeded', detail.serializeBinary());
    }
    case 'badRequest': {
      const detail = new shared.BadRequest().setMessage(failure.why);
      return failed(target, INVALID_ARGUMENT, 'BadRequest', detail.serializeBinary(), failure.why);
    }
    case 'unavailable':
      return failed(target, UNAVAILABLE, 'Unknown', new shared.Unknown().serializeBinary(), failure.why);
  }
}

function successOf({ revision, position }: { revision: bigint; position: bigint }): streams.BatchAppendResp.Success {
  const success = new BatchAppendResp.Success();
  if (revision < 0n) success.setNoStream(new empty.Empty());
  else success.setCurrentRevision(String(revision));
  if (position === 0n) return success.setNoPosition(new empty.Empty());
  const place = new shared.AllStreamPosition();
  place.setCommitPosition(String(position));
  place.setPreparePosition(String(position));
  return success.setPosition(place);
}

function responseTo({ stream, expected }: BatchTarget): streams.BatchAppendResp {
  const response = new BatchAppendResp().setStreamIdentifier(wireStream(stream));
  if (expected === 'any') return response.setAny(new empty.Empty());
  if (expected === 'stream_exists') return response.setStreamExists(new empty.Empty());
  if (expected === 'no_stream') return response.setNoStream(new empty.Empty());
  return response.setStreamPosition(String(expected));
}

function failed(
  target: BatchTarget,
  code: Code,
  name: string,
  detail: Uint8Array,
  message: string = name,
): streams.BatchAppendResp {
  const details = new any.Any();
  details.pack(detail, `event_store.client.${name}`);
  return responseTo(target).setError(new rpc.Status().setCode(code).setMessage(message).setDetails(details));
}
