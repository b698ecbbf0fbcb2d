import { Server, ServerCredentials } from '@grpc/grpc-js';
import { readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { isLoopback, type Clock, systemClock } from '#platform';
import type { EmbeddedLedger } from '../embedded/store.js';
import { Access } from './access.js';
import { Appending } from './append-call.js';
import { BatchAppending } from './batch-call.js';
import { readBatchRequest } from './batch-request.js';
import { declareDefaultAcl } from './default-acl.js';
import { CannotListen, EndpointInPlaintext, UnreadableCertificate } from './errors.js';
import { aloneAndLeading } from './gossip.js';
import { OpenCalls } from './open-calls.js';
import { Groups, type GroupsOptions } from './persistent/groups.js';
import { persistentSubscriptions } from './persistent/service.js';
import { GossipService, PersistentSubscriptionsService, ServerFeaturesService, StreamsService } from './protocol.js';
import { Reading } from './read-call.js';
import { shuttingDown } from './refusals.js';
import { ServerCore } from './server-core.js';
import { answering, supportedMethods } from './server-features.js';
import { Users, type UserList } from './users.js';

export interface StartLedgerEndpoint {
  /** It stays the caller's: closing the endpoint does not close it. */
  ledger: EmbeddedLedger;
  /** Default 127.0.0.1. */
  host?: string;
  /** Default: the system chooses. */
  port?: number;
  /** PEM files. */
  tls?: { certFile: string; keyFile: string };
  /** With them every call needs a name and a password; without, everybody who can connect may do everything. */
  users?: UserList;
  /** Something else encrypts what leaves this machine. */
  allowPlaintext?: boolean;
  /** Whether a ledger without `$settings` gets its first: who may do what by default. True. */
  declareDefaults?: boolean;
  /** In bytes of data; 1 MiB. */
  maxAppendSize?: number;
  /** That of the ledger: by it events grow old. Deadlines go by the system's. */
  clock?: Clock;
  /** The time of persistent subscriptions. */
  persistent?: GroupsOptions;
}

const MIB = 1024 * 1024;
/** One message: more than any append may hold, so that too large a one is told so, and not cut off. */
const LARGEST_MESSAGE = 64 * MIB;

/** The embedded ledger as a server of the EventStoreDB protocol: what its clients in any language speak to. */
export class LedgerEndpoint {
  readonly #server: Server;
  readonly #calls: OpenCalls;
  #closing: Promise<void> | undefined;

  private constructor(
    server: Server,
    calls: OpenCalls,
    readonly host: string,
    readonly port: number,
    private readonly isEncrypted: boolean,
  ) {
    this.#server = server;
    this.#calls = calls;
  }

  /** @throws EndpointInPlaintext, UnreadableCertificate, CannotListen */
  static async start(options: StartLedgerEndpoint): Promise<LedgerEndpoint> {
    const { ledger, host = '127.0.0.1', tls, clock = systemClock, maxAppendSize = MIB } = options;
    if (tls === undefined && options.allowPlaintext !== true && !isLoopback(host)) throw new EndpointInPlaintext(host);
    const credentials = tls === undefined ? ServerCredentials.createInsecure() : encrypted(tls);
    if (options.declareDefaults !== false) await declareDefaultAcl(ledger.raw);
    const core = new ServerCore(ledger.raw, clock);
    const calls = new OpenCalls();
    const access = new Access(ledger.raw, options.users && new Users(options.users));
    const appending = new Appending(core, access, calls, maxAppendSize);
    const server = new Server({
      'grpc.max_receive_message_length': LARGEST_MESSAGE,
      'grpc.max_send_message_length': LARGEST_MESSAGE,
    });
    const batchAppend = { ...StreamsService.batchAppend, requestDeserialize: readBatchRequest };
    server.addService(
      { ...StreamsService, batchAppend },
      {
        read: new Reading(core, access, calls).answer,
        append: appending.append,
        delete: appending.delete,
        tombstone: appending.tombstone,
        batchAppend: new BatchAppending(core, access, calls, maxAppendSize, systemClock).answer,
      },
    );
    const groups = new Groups(core, options.persistent);
    calls.add(() => void groups.close(shuttingDown()));
    server.addService(PersistentSubscriptionsService, persistentSubscriptions(groups, access));
    const methods = supportedMethods([
      { methods: StreamsService },
      { methods: PersistentSubscriptionsService, features: ['stream', 'all'] },
      { methods: ServerFeaturesService },
      { methods: GossipService },
    ]);
    server.addService(ServerFeaturesService, { getSupportedMethods: answering(methods) });
    const bound = { host, port: 0 };
    server.addService(GossipService, { read: aloneAndLeading(() => bound, clock) });
    bound.port = await listen(server, host, options.port ?? 0, credentials);
    return new LedgerEndpoint(server, calls, host, bound.port, tls !== undefined);
  }

  /** As clients of every language take it. */
  get connectionString(): string {
    const host = isIPv6(this.host) ? `[${this.host}]` : this.host;
    return `esdb://${host}:${this.port}?tls=${this.isEncrypted}`;
  }

  /**
   * Ends what is under way and stops listening: appends that are not whole are cut UNAVAILABLE, batch streams CANCELLED.
   * @param graceMs how long connections may take to end by themselves
   */
  close(graceMs = 1000): Promise<void> {
    this.#closing ??= this.#close(graceMs);
    return this.#closing;
  }

  async #close(graceMs: number): Promise<void> {
    this.#calls.cutAll();
    const ended = new Promise<void>((resolve) => this.#server.tryShutdown(() => resolve()));
    const force = setTimeout(() => this.#server.forceShutdown(), graceMs);
    await ended;
    clearTimeout(force);
  }
}

function encrypted({ certFile, keyFile }: { certFile: string; keyFile: string }): ServerCredentials {
  const [cert, key] = [certFile, keyFile].map((file) => {
    try {
      return readFileSync(file);
    } catch (error) {
      throw new UnreadableCertificate(file, error);
    }
  }) as [Buffer, Buffer];
  return ServerCredentials.createSsl(null, [{ cert_chain: cert, private_key: key }]);
}

function listen(server: Server, host: string, port: number, credentials: ServerCredentials): Promise<number> {
  const address = `${isIPv6(host) ? `[${host}]` : host}:${port}`;
  return new Promise((resolve, reject) => {
    try {
      server.bindAsync(address, credentials, (error, bound) => {
        if (error === null) resolve(bound);
        else reject(new CannotListen(address, error));
      });
    } catch (error) {
      reject(new CannotListen(address, error));
    }
  });
}
