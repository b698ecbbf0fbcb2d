import { systemCodeOf, TallyError } from '#platform';
import { FORMS } from '../../../api/src/tally/errors.js';
import { z } from 'zod';
import type { Place } from './place.js';

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
  constructor({ url, pid }: Place, cause: unknown) {
    super(`The tally at ${url}${pid === undefined ? '' : ` (process ${pid})`} does not answer.`, {
      facts: { url, pid },
      retry: true,
      remedy:
        pid === undefined
          ? 'Check --url, and that it runs there; nothing acknowledged is lost.'
          : `Look at its log; if it hangs, stop it with \`kill ${pid}\` and repeat. Nothing acknowledged is lost.`,
      cause,
    });
  }
}

/** It answers over TLS, and is not shown to be who it should be; or it wants to know who we are. */
export class NotTrusted extends TallyError {
  readonly code = 'TALLY_NOT_TRUSTED';
  constructor({ url }: Place, why: string, cause: unknown) {
    super(`The tally at ${url} is not trusted, or does not trust us: ${why}. Nothing was sent.`, {
      facts: { url, why },
      remedy:
        'Name the authority of its certificate with --ca FILE (or TALLY_CA), by a host name that is in the certificate; ' +
        'if it asks for a certificate of ours, TALLY_CLIENT_CERT and TALLY_CLIENT_KEY name it.',
      cause,
    });
  }
}

/** Codes of OpenSSL and of Node for a certificate that does not prove what it should. */
const UNTRUSTED = /CERT|SIGNATURE|ISSUER|^ERR_SSL|^ERR_TLS|^EPROTO/;

export function notReached(place: Place, cause: unknown): TallyError {
  const code = systemCodeOf(cause) ?? '';
  return UNTRUSTED.test(code) ? new NotTrusted(place, code, cause) : new NotReached(place, cause);
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
