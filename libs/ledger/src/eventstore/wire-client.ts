import { EventStoreDBClient, type EndPoint, type GossipClusterOptions } from '@eventstore/db-client';
import { StreamsClient, StreamsService } from '@eventstore/db-client/generated/streams_grpc_pb.js';
import type { BatchAppendResp, ReadReq, ReadResp } from '@eventstore/db-client/generated/streams_pb.js';
import { Channel, credentials, type ClientDuplexStream, type ClientReadableStream } from '@grpc/grpc-js';
import { assertMayBePlain, type Hop } from '#platform';
import type { EventStoreAddress } from './connection-string.js';

/** As the client has it: servers may hold events of 16 MiB. */
const LARGEST_MESSAGE = 17 * 1024 * 1024;
const KEEP_ALIVE_MS = 10_000;

/**
 * The official client, with its calls as they are on the wire. Discovery, credentials, call arguments, server features
 * and stubs are the client's. Two things are not:
 *
 * - Messages are read here, because the client gives data parsed (`JSON.parse`), and the ledger keeps it byte for byte.
 * - The channel is made here: off this machine only encrypted, wherever gossip or a follower sends us, and with
 *   connections of its own, so that a new client tries at once instead of waiting for the back-off of the broken one.
 */
export class WireClient extends EventStoreDBClient {
  #channel: Promise<Channel> | undefined;
  #isShut = false;

  constructor(
    private readonly address: EventStoreAddress,
    allowed: ReadonlySet<Hop>,
    /** Speak with this node instead of asking who leads. */
    leader?: EndPoint,
  ) {
    const { tls, rootCertificate, userCertFile, userKeyFile } = address;
    super(
      settingsOf(address),
      {
        insecure: !tls,
        ...(rootCertificate && { rootCertificate }),
        ...(userCertFile && { userCertFile }),
        ...(userKeyFile && { userKeyFile }),
      },
      address.credentials,
    );
    const [only] = address.hosts;
    const direct = leader ?? (address.discover ? undefined : only);
    const discover = this.resolveUri;
    this.resolveUri = async () => {
      const target = direct === undefined ? await discover() : `${direct.address}:${direct.port}`;
      if (!tls) assertMayBePlain('eventstore', target.replace(/:\d+$/, ''), allowed);
      return target;
    };
    this.getChannel = () => (this.#channel ??= this.#openChannel());
  }

  async read(request: ReadReq): Promise<ClientReadableStream<ReadResp>> {
    return this.GRPCStreamCreator(StreamsClient, 'read', (client) =>
      client.read(request, ...this.callArguments({}, { deadline: Infinity })),
    )();
  }

  /** Requests go as they are written: see `wireRequest`. */
  async batchAppend(): Promise<ClientDuplexStream<Buffer, BatchAppendResp>> {
    const { path, responseDeserialize } = StreamsService.batchAppend;
    return this.GRPCStreamCreator(StreamsClient, 'batchAppend', (client) =>
      client.makeBidiStreamRequest(
        path,
        (request: Buffer) => request,
        responseDeserialize,
        ...this.callArguments({}, { deadline: Infinity }),
      ),
    )();
  }

  supportsBatchAppend(): Promise<boolean> {
    return this.supports(StreamsService.batchAppend);
  }

  /** `24.6.0`, or `unknown`. */
  async serverVersion(): Promise<string> {
    return (await this.capabilities).serverVersion;
  }

  /** Cancels what runs and closes the channel. */
  async shut(): Promise<void> {
    if (this.#isShut) return;
    this.#isShut = true;
    await this.dispose();
    (await this.#channel?.catch(() => undefined))?.close();
  }

  async #openChannel(): Promise<Channel> {
    const { tls, rootCertificate, userCertFile, userKeyFile, keepAliveInterval, keepAliveTimeout } = this.address;
    const target = await this.resolveUri();
    const encryption = tls
      ? credentials.createSsl(rootCertificate ?? null, userKeyFile ?? null, userCertFile ?? null)
      : credentials.createInsecure();
    const channel = new Channel(target, encryption, {
      'grpc.keepalive_time_ms': keepAliveOf(keepAliveInterval),
      'grpc.keepalive_timeout_ms': keepAliveOf(keepAliveTimeout),
      'grpc.max_receive_message_length': LARGEST_MESSAGE,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 5000,
    });
    if (this.#isShut) channel.close();
    return channel;
  }
}

/** Negative turns it off. */
function keepAliveOf(ms: number = KEEP_ALIVE_MS): number {
  return ms < 0 ? 2 ** 31 - 1 : ms;
}

function settingsOf(address: EventStoreAddress): GossipClusterOptions {
  const { hosts, connectionName = 'tallystick', nodePreference, maxDiscoverAttempts, defaultDeadline } = address;
  const { discoveryInterval, gossipTimeout } = address;
  return {
    endpoints: hosts,
    connectionName,
    throwOnAppendFailure: true,
    ...(nodePreference !== undefined && { nodePreference }),
    ...(maxDiscoverAttempts !== undefined && { maxDiscoverAttempts }),
    ...(discoveryInterval !== undefined && { discoveryInterval }),
    ...(gossipTimeout !== undefined && { gossipTimeout }),
    ...(defaultDeadline !== undefined && { defaultDeadline }),
  };
}
