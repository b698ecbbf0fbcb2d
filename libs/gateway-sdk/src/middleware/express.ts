import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Verified } from '../verify/judgement.js';
import type { Verifier } from '../verify/verifier.js';
import { answerTo, presentedBy, type GuardOptions } from './answer.js';

/** A request of Express, Connect or plain Node. */
export interface ExpressRequestLike extends IncomingMessage {
  originalUrl?: string;
  ip?: string | undefined;
  route?: { path?: unknown };
  token?: Verified;
}

/**
 * A middleware: what passes has `request.token`, what does not is answered.
 * ```ts
 * app.get('/orders', expressGuard(verifier, { scopes: ['read'] }), (request, response) => …);
 * ```
 */
export function expressGuard(verifier: Verifier, options: GuardOptions = {}) {
  return (request: ExpressRequestLike, response: ServerResponse, next: () => void): void => {
    const route = typeof request.route?.path === 'string' ? request.route.path : undefined;
    const path = request.originalUrl ?? request.url ?? '/';
    const seen = { path, clientIp: request.ip ?? request.socket.remoteAddress, route };
    void verifier.check(presentedBy(request, options, seen), options).then((judgement) => {
      if (judgement.ok) {
        request.token = judgement;
        next();
        return;
      }
      const { status, headers, body } = answerTo(judgement);
      response.writeHead(status, headers).end(body);
    });
  };
}
