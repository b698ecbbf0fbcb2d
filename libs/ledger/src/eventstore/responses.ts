import type { ReadReq, ReadResp } from '@eventstore/db-client/generated/streams_pb.js';
import type { WireClient } from './wire-client.js';

/**
 * The answers of one read or subscription, in the order in which they came; the call is cancelled when the reader
 * stops, or a signal aborts (an error then: CANCELLED).
 */
export async function* responsesOf(client: WireClient, request: ReadReq, signal: AbortSignal): AsyncIterable<ReadResp> {
  const call = await client.read(request);
  // What comes after the cancellation is its own echo.
  call.on('error', () => undefined);
  const cancel = (): void => call.cancel();
  if (signal.aborted) cancel();
  signal.addEventListener('abort', cancel, { once: true });
  try {
    for await (const response of call as AsyncIterable<ReadResp>) yield response;
  } finally {
    signal.removeEventListener('abort', cancel);
    call.cancel();
  }
}
