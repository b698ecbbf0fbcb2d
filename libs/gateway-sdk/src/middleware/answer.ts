import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { Refused } from '../verify/judgement.js';
import type { CheckOptions } from '../verify/options.js';
import type { PresentedRequest } from '../verify/request.js';

export interface GuardOptions extends CheckOptions {
  /** What is called, for the ledger; default: the route, where the framework knows it. */
  api?: string;
  /** Where clients reach this server, such as `https://api.example.com`; DPoP proofs name it. Default: the Host header. */
  origin?: string;
}

/** A request of Node, as the verifier wants it. A certificate counts only if TLS verified it. */
export function presentedBy(
  raw: IncomingMessage,
  { origin, api }: GuardOptions,
  seen: { path: string; clientIp: string | undefined; route?: string | undefined },
): PresentedRequest {
  const socket = raw.socket as Partial<TLSSocket>;
  const certificate = socket.authorized === true ? socket.getPeerCertificate?.(false).raw : undefined;
  const from = origin ?? `${socket.encrypted === true ? 'https' : 'http'}://${raw.headers.host ?? ''}`;
  const called = api ?? seen.route;
  return {
    headers: raw.headers,
    ...(raw.method !== undefined && { method: raw.method }),
    url: from + seen.path,
    ...(certificate !== undefined && { clientCertificate: certificate }),
    ...(seen.clientIp !== undefined && { clientIp: seen.clientIp }),
    ...(called !== undefined && { api: called }),
  };
}

/** Status, headers and body of a refusal. */
export function answerTo({ status, error, description, wwwAuthenticate }: Refused): {
  status: number;
  headers: Record<string, string>;
  body: string;
} {
  const body = {
    ...(error !== undefined && { error }),
    ...(description !== undefined && { error_description: description }),
  };
  return {
    status,
    headers: {
      'content-type': 'application/json',
      'cache-control': 'no-store',
      ...(wwwAuthenticate !== undefined && { 'www-authenticate': wwwAuthenticate }),
    },
    body: JSON.stringify(body),
  };
}
