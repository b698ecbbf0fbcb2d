import type { Agent, IncomingMessage } from 'node:http';
import {
  QUESTIONS,
  type Answer,
  type IngestAnswer,
  type IngestOptions,
  type Params,
  type QuestionName,
  type Tally,
} from '../../../api/src/tally/questions.js';
import { AnswerCutShort, toldOverHttp } from './errors.js';
import { exchange, jsonLines, jsonOf } from './exchange.js';
import { agentFor, type Place } from './place.js';

const NDJSON = 'application/x-ndjson';
const VERDICTS = ['pass', 'hold', 'fail'] as const;

/** The tally that runs on a data directory, or elsewhere, asked over HTTP: same questions, same answers. */
export class RemoteTally implements Tally {
  /** Kept alive: a connection that its server closes on a body still being sent is reset, and its answer lost. */
  readonly agent: Agent;

  constructor(readonly place: Place) {
    this.agent = agentFor(place);
  }

  async ask<Q extends QuestionName>(question: Q, params: Params<Q>): Promise<Answer> {
    const { method, path, rows } = QUESTIONS[question];
    const given = Object.entries(params).filter(([, value]) => value !== undefined);
    const accept = rows ? NDJSON : 'application/json';
    const answer =
      method === 'GET'
        ? await exchange(this, { method, path: withQuery(path, given), headers: { accept } })
        : await exchange(this, {
            method,
            path,
            headers: { accept, 'content-type': 'application/json' },
            body: JSON.stringify(Object.fromEntries(given)),
          });
    await refuseFailure(answer);
    if (rows) return rowsOf(answer);
    const verdict = VERDICTS.find((each) => each === answer.headers['tally-verdict']);
    const value = await jsonOf(answer);
    return verdict === undefined ? { kind: 'value', value } : { kind: 'value', value, verdict };
  }

  /** Sends the input as it is read; progress comes back batch by batch, each durable when it is told. */
  async ingest(
    input: AsyncIterable<Uint8Array>,
    { tenant, source, finished, signal }: IngestOptions,
    onProgress?: (report: IngestAnswer) => void,
  ): Promise<IngestAnswer> {
    let broken: { by: unknown } | undefined;
    async function* sent(): AsyncGenerator<Uint8Array> {
      try {
        yield* input;
      } catch (error) {
        broken = { by: error };
        throw error;
      }
    }
    try {
      const answer = await exchange(this, {
        method: 'POST',
        path: withQuery('/v1/events', Object.entries({ tenant, source, finished })),
        headers: { accept: NDJSON, 'content-type': NDJSON },
        body: sent(),
        ...(signal && { signal }),
      });
      await refuseFailure(answer);
      return await lastOf(answer, onProgress);
    } catch (error) {
      // What is wrong with the input says more than the broken connection that follows from it.
      throw broken === undefined ? error : broken.by;
    }
  }

  async close(): Promise<void> {
    this.agent.destroy();
  }
}

async function lastOf(
  answer: IncomingMessage,
  onProgress: ((report: IngestAnswer) => void) | undefined,
): Promise<IngestAnswer> {
  for await (const line of jsonLines(answer)) {
    if ('progress' in line) onProgress?.({ rejections: [], ...(line['progress'] as Omit<IngestAnswer, 'rejections'>) });
    else if ('end' in line) return line['end'] as IngestAnswer;
    else throw toldOverHttp(line);
  }
  throw new AnswerCutShort();
}

function withQuery(path: string, params: readonly (readonly [string, unknown])[]): string {
  const query = new URLSearchParams(Object.fromEntries(params.map(([name, value]) => [name, String(value)])));
  return params.length === 0 ? path : `${path}?${query}`;
}

async function refuseFailure(answer: IncomingMessage): Promise<void> {
  if ((answer.statusCode ?? 500) >= 400) throw toldOverHttp(await jsonOf(answer));
}

function rowsOf(answer: IncomingMessage): Answer {
  let end: Record<string, unknown> | undefined;
  async function* rows(): AsyncGenerator<Record<string, unknown>> {
    for await (const line of jsonLines(answer)) {
      const keys = Object.keys(line);
      if (keys.length === 1 && keys[0] === 'end') {
        end = line['end'] as Record<string, unknown>;
        return;
      }
      if (keys.length === 1 && keys[0] === 'error') throw toldOverHttp(line);
      yield line;
    }
    throw new AnswerCutShort();
  }
  return { kind: 'rows', rows: rows(), keyOf: (_row, index) => String(index), pinned: {}, end: () => end ?? {} };
}
