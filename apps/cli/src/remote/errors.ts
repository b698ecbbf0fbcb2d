import { TallyError, type Running } from '#platform';
import { FORMS } from '../../../api/src/tally/errors.js';
import { z } from 'zod';

/** What the running tally answered, in its own words. */
export class Answered extends TallyError {
  readonly code: `TALLY_${string}`;
  constructor(told: ToldOverHttp) {
    super(told.message, {
      facts: { what: told.field, reason: told.reason },
      retry: told.retry,
      remedy: told.remedy === FORMS.http ? FORMS.cli : (told.remedy ?? 'See the log of `tally up`.'),
    });
    this.code = told.code as `TALLY_${string}`;
  }
}

export class NotReached extends TallyError {
  readonly code = 'TALLY_NOT_REACHED';
  constructor(running: Running, cause: unknown) {
    super(`The tally at ${running.url} (process ${running.pid}) does not answer.`, {
      facts: { url: running.url, pid: running.pid },
      retry: true,
      remedy: `Look at its log; if it hangs, stop it with \`kill ${running.pid}\` and repeat. Nothing acknowledged is lost.`,
      cause,
    });
  }
}

export class AnswerCutShort extends TallyError {
  readonly code = 'TALLY_ANSWER_CUT_SHORT';
  constructor(cause?: unknown) {
    super('The running tally broke off in the middle of its answer.', {
      retry: true,
      remedy: 'It was stopped or has failed: see its log, start it again, and repeat. Nothing acknowledged is lost.',
      cause,
    });
  }
}

const toldSchema = z.object({
  code: z.string(),
  message: z.string(),
  remedy: z.string().optional(),
  field: z.string().optional(),
  reason: z.string().optional(),
  retry: z.boolean().default(false),
});
type ToldOverHttp = z.output<typeof toldSchema>;

/** The error that an answer's body or last line tells. */
export function toldOverHttp(body: unknown): TallyError {
  const read = z.object({ error: toldSchema }).safeParse(body);
  return read.success ? new Answered(read.data.error) : new AnswerCutShort(body);
}
