import type { Clock } from '../clock.js';
import { isObject } from '../events/claims.js';
import { retryAfterMs } from './backoff.js';
import { SIGNATURE_HEADER, type Sign } from './signature.js';
import type { Batch, Outcome, Problem, Rejection, Transport } from './transport.js';

export interface HttpOptions {
  url: URL;
  source: string;
  tenant: string;
  /** Asked before each batch, so that a bearer can be renewed. */
  bearer: () => string | Promise<string>;
  requestMs: number;
  clock: Clock;
  sign?: Sign | undefined;
  fetch?: typeof fetch | undefined;
}

/** Posts batches as NDJSON to the intake of the API (docs/http.md). */
export class HttpTransport implements Transport {
  readonly #address: string;

  constructor(private readonly options: HttpOptions) {
    const { url, source, tenant } = options;
    const address = new URL(`${url.pathname.replace(/\/+$/, '')}/v1/events`, url);
    address.search = new URLSearchParams({ source, tenant }).toString();
    this.#address = address.href;
  }

  async send({ events }: Batch, signal: AbortSignal): Promise<Outcome> {
    const { bearer, requestMs, sign, fetch: send = fetch } = this.options;
    const body = Buffer.from(events.map(({ json }) => `${json}\n`).join(''));
    try {
      const headers: Record<string, string> = {
        authorization: `Bearer ${await bearer()}`,
        'content-type': 'application/x-ndjson',
        accept: 'application/json',
      };
      if (sign !== undefined) headers[SIGNATURE_HEADER] = await sign(body);
      const response = await send(this.#address, {
        method: 'POST',
        headers,
        body,
        // A bearer goes nowhere but where it was meant to go.
        redirect: 'error',
        signal: AbortSignal.any([signal, AbortSignal.timeout(requestMs)]),
      });
      const answer: unknown = await response.json().catch(() => undefined);
      if (response.ok && isObject(answer)) return taken(answer, events);
      if (response.status === 413) return { kind: 'too-large' };
      const after = retryAfterMs(response.headers.get('retry-after'), this.options.clock.now());
      return {
        kind: 'again',
        problem: problemOf(response.status, answer),
        ...(after !== undefined && { afterMs: after }),
      };
    } catch (error) {
      return { kind: 'again', problem: unreachable(error) };
    }
  }

  async close(): Promise<void> {}
}

/** The answer of the intake; a line is an event, for there is one in each. */
function taken(answer: Record<string, unknown>, events: Batch['events']): Outcome {
  const count = (field: string): number => (typeof answer[field] === 'number' ? answer[field] : 0);
  const rejections: Rejection[] = [];
  for (const told of Array.isArray(answer['rejections']) ? (answer['rejections'] as unknown[]) : []) {
    const event = isObject(told) ? events[Number(told['line']) - 1] : undefined;
    if (!isObject(told) || event === undefined) continue;
    const { field, reason, deadLetter } = told;
    rejections.push({
      id: event.id,
      type: event.type,
      field: String(field),
      reason: String(reason),
      ...(typeof deadLetter === 'string' && { deadLetter }),
    });
  }
  const [accepted, duplicates, conflicts] = [count('accepted'), count('duplicates'), count('conflicts')];
  return { kind: 'taken', accepted, duplicates, conflicts, rejections };
}

/** Only codes of the answer are told on: a proxy in between may echo anything in its text. */
function problemOf(status: number, answer: unknown): Problem {
  const error = isObject(answer) && isObject(answer['error']) ? answer['error'] : {};
  const { code } = error;
  const detail = typeof code === 'string' && /^TALLY_[A-Z_]{1,60}$/.test(code) ? { detail: code } : {};
  if (status === 401 || status === 403) return { code: 'unauthorised', status, ...detail };
  if (status === 429 || status === 503) return { code: 'busy', status, ...detail };
  return { code: status >= 500 || status === 408 ? 'failed' : 'refused', status, ...detail };
}

function unreachable(error: unknown): Problem {
  if (error instanceof Error && error.name === 'TimeoutError') return { code: 'timeout' };
  const cause: unknown = error instanceof Error ? error.cause : undefined;
  const code = isObject(cause) ? cause['code'] : undefined;
  return { code: 'unreachable', ...(typeof code === 'string' && /^[A-Z_]{1,40}$/.test(code) && { detail: code }) };
}
