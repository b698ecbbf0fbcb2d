import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

/** The part of Fastify's request and reply that is used here; Fastify itself comes with Nest's adapter. */
export interface FastifyRequest {
  readonly headers: IncomingHttpHeaders;
  readonly query: unknown;
  readonly raw: IncomingMessage;
}

export interface FastifyReply {
  readonly sent: boolean;
  status(code: number): FastifyReply;
  header(name: string, value: string): FastifyReply;
  type(contentType: string): FastifyReply;
  /** Sends a value as JSON, a text, or a stream as it comes. */
  send(payload: unknown): PromiseLike<unknown>;
}
