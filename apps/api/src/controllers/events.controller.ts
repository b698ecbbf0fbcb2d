import { PassThrough } from 'node:stream';
import { Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import { Answers, NDJSON, queryOf, wantsNdjson } from '../answers.js';
import type { FastifyReply, FastifyRequest } from '../fastify.js';
import { readIngestOptions, recordsOf } from '../http/event-input.js';
import { dropRest } from '../http/request-body.js';
import { Turnstile } from '../http/turnstile.js';
import { Intake } from '../intake.js';
import type { IngestAnswer } from '../tally/questions.js';

/** The way in: NDJSON, a JSON array or a CloudEvents batch, plain or gzip, of any size. */
@Controller()
export class EventsController {
  constructor(
    private readonly intake: Intake,
    private readonly turnstile: Turnstile,
    private readonly answers: Answers,
  ) {}

  /**
   * Answers when every record is on disk or among the dead letters, and names those that were refused. With
   * `Accept: application/x-ndjson` it tells of each durable batch on the way: `{"progress":{…}}` lines, then
   * `{"end":{…}}` or `{"error":{…}}`.
   */
  @HttpCode(200)
  @Post('v1/events')
  async take(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const options = readIngestOptions(queryOf(request));
    const input = recordsOf(request, this.turnstile.patience);
    const take = (onProgress?: (report: IngestAnswer) => void): Promise<IngestAnswer> =>
      this.intake.tally.ingest(input, options, onProgress);
    if (!wantsNdjson(request)) {
      await reply.send(await this.turnstile.pass(() => take()));
      return;
    }
    await this.turnstile.pass(async () => {
      let lines: PassThrough | undefined;
      // Begun when there is something to tell: what is refused before that is answered with its status.
      const begun = (): PassThrough => {
        if (lines === undefined) {
          lines = new PassThrough();
          void reply.type(NDJSON).send(lines);
        }
        return lines;
      };
      const say = (line: object): void => void begun().write(`${JSON.stringify(line)}\n`);
      try {
        const end = await take(({ rejections: _told, ...progress }) => {
          // A client that does not read misses some progress, never the end.
          if (lines?.writableNeedDrain !== true) say({ progress });
        });
        say({ end });
      } catch (error) {
        if (lines === undefined) throw error;
        if (!request.raw.socket.destroyed) say({ error: this.answers.tell(error) });
        dropRest(request.raw);
      }
      begun().end();
    });
  }
}
