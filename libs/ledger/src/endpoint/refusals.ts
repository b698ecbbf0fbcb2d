import { Metadata, status } from '@grpc/grpc-js';
import { describeError, TallyError } from '#platform';
import { InvalidEvent, LedgerClosed } from '../errors.js';

/** How a call ends that is not answered: a gRPC status with the trailers by which clients tell errors apart. */
export class CallRefused extends Error {
  readonly metadata = new Metadata();

  /** @param trailers their `exception` names the kind of error */
  constructor(
    readonly code: status,
    readonly details: string,
    trailers: Readonly<Record<string, string>> = {},
  ) {
    super(details);
    this.name = 'CallRefused';
    for (const [key, value] of Object.entries(trailers)) this.metadata.set(key, asciiOf(value));
  }
}

export function streamDeleted(stream: string): CallRefused {
  const trailers = { exception: 'stream-deleted', 'stream-name': stream };
  return new CallRefused(status.FAILED_PRECONDITION, `Event stream '${stream}' is deleted.`, trailers);
}

/** Clients of several languages read the numbers out of this text. */
export function wrongExpectedVersion(stream: string, expected: bigint, actual: bigint): CallRefused {
  return new CallRefused(
    status.FAILED_PRECONDITION,
    `Append failed due to WrongExpectedVersion. Stream: ${stream}, Expected version: ${expected}, Actual version: ${actual}`,
    {
      exception: 'wrong-expected-version',
      'stream-name': stream,
      'expected-version': String(expected),
      'actual-version': String(actual),
    },
  );
}

export function accessDenied(): CallRefused {
  return new CallRefused(status.PERMISSION_DENIED, 'Access Denied', { exception: 'access-denied' });
}

export function unauthenticated(): CallRefused {
  return new CallRefused(status.UNAUTHENTICATED, 'Bad credentials');
}

export function appendTooLarge(limit: number): CallRefused {
  const trailers = { exception: 'maximum-append-size-exceeded', 'maximum-append-size': String(limit) };
  return new CallRefused(status.INVALID_ARGUMENT, `Maximum Append Size of ${limit} Exceeded.`, trailers);
}

export function propertyMissing(property: string): CallRefused {
  return new CallRefused(status.INVALID_ARGUMENT, `Required Metadata Property '${property}' is missing`, {
    exception: 'missing-required-metadata-property',
    'required-metadata-properties': 'type,content-type',
  });
}

export function invalidArgument(why: string): CallRefused {
  return new CallRefused(status.INVALID_ARGUMENT, why);
}

export function shuttingDown(): CallRefused {
  return new CallRefused(status.UNAVAILABLE, 'Server Is Shutting Down');
}

/** Any error as the end of a call; what was not foreseen says no more than its name. */
export function refusalOf(error: unknown): CallRefused {
  if (error instanceof CallRefused) return error;
  if (error instanceof LedgerClosed) return shuttingDown();
  if (error instanceof InvalidEvent) return invalidArgument(error.message);
  if (error instanceof TallyError) return new CallRefused(status.UNAVAILABLE, `${error.code}: ${error.message}`);
  return new CallRefused(status.UNKNOWN, describeError(error).code);
}

/** Trailers hold printable ASCII alone. */
function asciiOf(value: string): string {
  return value.replace(/[^\x20-\x7e]+/g, (text) => encodeURIComponent(text.toWellFormed()));
}
