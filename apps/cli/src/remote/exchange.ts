import { request as open, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import type { Running } from '#platform';
import { AnswerCutShort, NotReached } from './errors.js';

export interface Sent {
  method: string;
  /** With the query. */
  path: string;
  headers?: Record<string, string>;
  body?: AsyncIterable<Uint8Array> | string;
}

/**
 * One request to a running `tally up`; resolves when its answer begins, also while the body is still being sent.
 * (`fetch` gives up after five minutes without an answer, which a long replay may need.)
 */
export async function exchange(running: Running, { method, path, headers = {}, body }: Sent): Promise<IncomingMessage> {
  const request = open(new URL(path, running.url), {
    method,
    agent: false,
    headers: { authorization: `Bearer ${running.token}`, ...headers },
  });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    request.once('response', resolve);
    request.once('error', (error) => reject(new NotReached(running, error)));
  });
  if (body === undefined || typeof body === 'string') request.end(body);
  else {
    const sending = sendAll(body, request);
    sending.catch((error: unknown) => request.destroy(error instanceof Error ? error : new Error(String(error))));
    // The error of an input says more than the broken connection that follows from it.
    return Promise.race([answered, sending.then(() => answered)]);
  }
  return answered;
}

async function sendAll(body: AsyncIterable<Uint8Array>, request: ReturnType<typeof open>): Promise<void> {
  for await (const chunk of body) {
    if (request.destroyed) return;
    if (!request.write(chunk)) await Promise.race([once(request, 'drain'), once(request, 'close')]);
  }
  request.end();
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
