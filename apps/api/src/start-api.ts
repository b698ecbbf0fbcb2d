import 'reflect-metadata';
import { Server as TlsServer } from 'node:tls';
import { NestFactory } from '@nestjs/core';
import type { Registry } from 'prom-client';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { assertMayBePlain, systemCodeOf, type Hop, type Log } from '#platform';
import { ApiModule } from './api.module.js';
import { CannotListen } from './http/errors.js';
import type { ServedCertificate } from './http/served-certificate.js';
import { Turnstile } from './http/turnstile.js';
import { Metrics } from './metrics.js';
import type { Tally } from './tally/questions.js';
import type { Vitals } from './vitals.js';

export interface ApiOptions {
  tally: Tally;
  vitals: Vitals;
  /** Who presents it, or one of these, may ask and change everything. */
  bearer: string | (() => readonly string[]);
  log: Log;
  /** 0 (default): the system chooses. */
  port?: number;
  /** Default: this machine only. Another one needs `tls`. */
  host?: string;
  /** Given: HTTPS under this certificate, TLS 1.2 or later. */
  tls?: ServedCertificate;
  /** Connections that may be in plain text although they leave this machine. */
  plaintext?: ReadonlySet<Hop>;
  /**
   * Inputs taken in at a time, and those that may wait; more are answered 429. While any waits, one whose sender is
   * silent for `idleMs` (default 30 s) ends.
   */
  inputs?: { atOnce: number; waiting: number; idleMs?: number };
}

export interface RunningApi {
  url: string;
  /** The tally of the options, measured: what else goes in by this process should go through it. */
  tally: Tally;
  /** What this process measures; others in it add theirs. */
  registry: Registry;
  /** New connections get the certificate as it is read now. */
  renewCertificate(): void;
  /** Accepts nothing new, finishes what is under way within `graceMs`, then cuts it off. */
  close(graceMs?: number): Promise<void>;
}

/** Serves a tally over HTTP or HTTPS. @throws CannotListen, PlaintextRefused */
export async function startApi(options: ApiOptions): Promise<RunningApi> {
  const { vitals, bearer, log, port = 0, host = '127.0.0.1', tls, inputs = { atOnce: 16, waiting: 64 } } = options;
  if (tls === undefined) assertMayBePlain('api', host, options.plaintext ?? new Set());
  const bearers = typeof bearer === 'string' ? () => [bearer] : bearer;
  const metrics = new Metrics(vitals);
  const tally = metrics.measured(options.tally);
  const turnstile = new Turnstile(inputs.atOnce, inputs.waiting, inputs.idleMs);
  const adapter = tls === undefined ? new FastifyAdapter() : new FastifyAdapter({ https: tls.options });
  const app = await NestFactory.create<NestFastifyApplication>(
    ApiModule.over({ tally, vitals, metrics, turnstile, bearers, log }),
    adapter,
    { bodyParser: false, logger: false, abortOnError: false },
  );
  const fastify = adapter.getInstance();
  // Bodies are read by who wants them: records as they are taken in, parameters up to a limit.
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', (_request, _body, done) => done(null, undefined));
  fastify.addHook('onSend', (_request, reply, _payload, done) => {
    reply.header('cache-control', 'no-store');
    done();
  });
  try {
    await app.listen(port, host);
  } catch (error) {
    await app.close();
    throw cannotListen(host, port, error);
  }
  const server = app.getHttpServer();
  return {
    url: await app.getUrl(),
    tally,
    registry: metrics.registry,
    renewCertificate: () => {
      if (tls !== undefined && server instanceof TlsServer) server.setSecureContext(tls.options);
    },
    close: async (graceMs = 10_000) => {
      const cut = setTimeout(() => server.closeAllConnections(), graceMs);
      await app.close();
      // An input whose connection was cut still finishes the batch that it is in.
      await turnstile.idle();
      clearTimeout(cut);
    },
  };
}

const WHY_NOT: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use',
  EACCES: 'this user may not use that port',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'there is no such address',
};

function cannotListen(host: string, port: number, error: unknown): unknown {
  const why = WHY_NOT[systemCodeOf(error) ?? ''];
  return why === undefined ? error : new CannotListen(host, port, why, error);
}
