import type { IncomingMessage } from 'node:http';
import type { Verified } from '../verify/judgement.js';
import type { Verifier } from '../verify/verifier.js';
import { answerTo, presentedBy, type GuardOptions } from './answer.js';

/** What is used of Fastify's request and reply: the package does not depend on it. */
export interface FastifyRequestLike {
  raw: IncomingMessage;
  url: string;
  ip: string;
  routeOptions?: { url?: string | undefined };
  token?: Verified;
}
export interface FastifyReplyLike {
  code(status: number): FastifyReplyLike;
  headers(headers: Record<string, string>): FastifyReplyLike;
  send(body: string): FastifyReplyLike;
}

/**
 * An `onRequest` hook: what passes has `request.token`, what does not is answered.
 * ```ts
 * app.get('/orders', { onRequest: fastifyGuard(verifier, { scopes: ['read'] }) }, async (request) => …);
 * ```
 */
export function fastifyGuard(verifier: Verifier, options: GuardOptions = {}) {
  return async (request: FastifyRequestLike, reply: FastifyReplyLike): Promise<FastifyReplyLike | undefined> => {
    const seen = { path: request.url, clientIp: request.ip, route: request.routeOptions?.url };
    const judgement = await verifier.check(presentedBy(request.raw, options, seen), options);
    if (judgement.ok) {
      request.token = judgement;
      return undefined;
    }
    const { status, headers, body } = answerTo(judgement);
    return reply.code(status).headers(headers).send(body);
  };
}
