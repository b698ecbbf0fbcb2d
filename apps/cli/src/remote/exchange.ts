import { request as open, type Agent, type ClientRequest, type IncomingMessage } from 'node:http';
import { request as openEncrypted } from 'node:https';
import { AnswerCutShort, notReached } from './errors.js';
import type { Place } from './place.js';

export interface Sent {
  method: string;
  /** With the query. */
  path: string;
  headers?: Record<string, string>;
  body?: AsyncIterable<Uint8Array> | string;
  /** Breaks the connection off, also while this waits to send or to be answered. */
  signal?: AbortSignal;
}

/**
 * One request to a running `tally up`; resolves when its answer begins, also while the body is still being sent.
 * (`fetch` gives up after five minutes without an answer, which a long replay may need.)
 */
export async function exchange(
  { place, agent }: { place: Place; agent: Agent },
  { method, path, headers = {}, body, signal }: Sent,
): Promise<IncomingMessage> {
  const url = new URL(path, place.url);
  const request = (url.protocol === 'https:' ? openEncrypted : open)(url, {
    method,
    agent,
    headers: { authorization: `Bearer ${place.token}`, ...headers },
    ...(signal && { signal }),
  });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    request.once('response', resolve);
    request.on('error', (error) => reject(notReached(place, error)));
  });
  if (body === undefined || typeof body === 'string') request.end(body);
  else sendAll(body, request).catch((error: unknown) => request.destroy(error instanceof Error ? error : undefined));
  return answered;
}

async function sendAll(body: AsyncIterable<Uint8Array>, request: ClientRequest): Promise<void> {
  for await (const chunk of body) {
    if (request.destroyed) return;
    if (!request.write(chunk)) await drainedOrClosed(request);
  }
  request.end();
}

function drainedOrClosed(request: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      request.off('drain', go).off('close', go);
      resolve();
    };
    request.on('drain', go).on('close', go);
  });
}

/** The lines of an answer as JSON. @throws AnswerCutShort if the connection breaks. */
export async function* jsonLines(answer: IncomingMessage): AsyncGenerator<Record<string, unknown>> {
  let rest = '';
  answer.setEncoding('utf8');
  try {
    for await (const chunk of answer as AsyncIterable<string>) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line !== '') yield JSON.parse(line) as Record<string, unknown>;
    }
  } catch (error) {
    throw new AnswerCutShort(error);
  }
}

export async function jsonOf(answer: IncomingMessage): Promise<unknown> {
  let text = '';
  answer.setEncoding('utf8');
  try {
    for await (const chunk of answer as AsyncIterable<string>) text += chunk;
    return JSON.parse(text);
  } catch (error) {
    throw new AnswerCutShort(error);
  }
}
