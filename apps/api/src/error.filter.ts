import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { Answers } from './answers.js';
import type { FastifyReply, FastifyRequest } from './fastify.js';
import { dropRest } from './http/request-body.js';
import { statusOf } from './http/status.js';
import type { ToldError } from './told-error.js';

/** How long those that were turned away should wait, in seconds. */
const RETRY_AFTER = '1';

@Catch()
export class ErrorFilter implements ExceptionFilter {
  constructor(private readonly answers: Answers) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    if (reply.sent || request.raw.socket.destroyed) return;
    const told = error instanceof HttpException ? ofFramework(error) : this.answers.tell(error);
    const status = error instanceof HttpException ? error.getStatus() : statusOf(told.code);
    if (status === 401) reply.header('www-authenticate', 'Bearer realm="tally"');
    if (status === 429 || status === 503) reply.header('retry-after', RETRY_AFTER);
    void reply.status(status).send({ error: told });
    dropRest(request.raw);
  }
}

/** In words of our own: those of the framework repeat the path, and a path may hold a token. */
function ofFramework(error: HttpException): ToldError {
  const isPath = error.getStatus() === 404;
  return {
    code: isPath ? 'TALLY_NO_SUCH_PATH' : 'TALLY_BAD_REQUEST',
    message: isPath ? 'There is nothing at this path.' : 'The request cannot be read.',
    remedy: 'The paths and their parameters are listed in docs/http.md.',
    retry: false,
  };
}
