import { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import type { Log } from '#platform';
import type { FastifyReply, FastifyRequest } from './fastify.js';
import { encodeCursor } from './http/cursor.js';
import { readAsked } from './http/parameters.js';
import { readJsonBody } from './http/json-body.js';
import { linesOf, pageOf } from './http/rows.js';
import { statusOf } from './http/status.js';
import { FORMS } from './tally/errors.js';
import { INTERNAL, toldError, type ToldError } from './told-error.js';
import { QUESTIONS, type QuestionName, type Tally } from './tally/questions.js';

export const NDJSON = 'application/x-ndjson';

/** Answers questions over HTTP: one value as JSON; rows as a page with a cursor, or all of them as NDJSON. */
@Injectable()
export class Answers {
  constructor(
    private readonly tally: Tally,
    private readonly log: Log,
  ) {}

  /** @param given in place of the parameters of the URL or body, where the path holds some. */
  async reply(
    question: QuestionName,
    request: FastifyRequest,
    reply: FastifyReply,
    given?: Record<string, unknown>,
  ): Promise<void> {
    const isGet = QUESTIONS[question].method === 'GET';
    const asked = readAsked(question, given ?? (isGet ? queryOf(request) : await readJsonBody(request.raw)));
    const answer = await this.tally.ask(question, asked.params);
    if (answer.kind === 'value') {
      if (answer.verdict !== undefined) reply.header('tally-verdict', answer.verdict);
      await reply.send(answer.value);
    } else if (wantsNdjson(request)) {
      const lines = Readable.from(linesOf(answer, (error) => this.tell(error)));
      await reply.type(NDJSON).send(lines);
    } else {
      const { items, after, end } = await pageOf(answer, asked.limit);
      const next = after === undefined ? null : encodeCursor(question, { ...asked.params, ...answer.pinned }, after);
      await reply.send(end === undefined ? { items, next } : { items, next, end });
    }
  }

  /** What is told of an error; the words of one that is not ours go to the log alone. */
  tell(error: unknown): ToldError {
    const told = toldError(error);
    if (statusOf(told.code) === 500) this.log.error('a question failed', error);
    if (told.code === 'TALLY_UNEXPECTED') return INTERNAL;
    return told.remedy === FORMS.cli ? { ...told, remedy: FORMS.http } : told;
  }
}

export function queryOf(request: FastifyRequest): Record<string, unknown> {
  return { ...(request.query as Record<string, unknown>) };
}

export function wantsNdjson(request: FastifyRequest): boolean {
  return (request.headers.accept ?? '').includes(NDJSON);
}
