import codes from '@eventstore/db-client/generated/code_pb.js';
import type { Code } from '@eventstore/db-client/generated/code_pb.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import statusMessages from '@eventstore/db-client/generated/status_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import features from '@eventstore/db-client/generated/serverfeatures_pb.js';
import { ServerFeaturesService } from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js';
import { StreamsService } from '@eventstore/db-client/generated/streams_grpc_pb.js';
import type { BatchAppendReq, BatchAppendResp, ReadReq, ReadResp } from '@eventstore/db-client/generated/streams_pb.js';
import {
  Metadata,
  Server,
  ServerCredentials,
  status,
  type sendUnaryData,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
} from '@grpc/grpc-js';
import any from 'google-protobuf/google/protobuf/any_pb.js';
import empty from 'google-protobuf/google/protobuf/empty_pb.js';
import { streamIdentifier } from '../messages.js';
import { eventResponse, StubLog, type StubRecord } from './stub-log.js';

export type BatchCall = ServerDuplexStream<BatchAppendReq, BatchAppendResp>;
export type ReadCall = ServerWritableStream<ReadReq, ReadResp>;

export interface StubBehaviour {
  version?: string;
  /** Sends the caught-up message; default: true. */
  saysCaughtUp?: boolean;
  /** Called for each append instead of answering it; `answer` writes it and answers. */
  onAppend?: (call: BatchCall, request: BatchAppendReq, answer: () => void) => void;
  /** Called for each read or subscription; true: it was dealt with. */
  onRead?: (call: ReadCall) => boolean;
  /** Called before each event of a subscription; true: it was ended, and nothing more is sent. */
  onLive?: (call: ReadCall, record: StubRecord) => boolean;
}

/** A server that misbehaves as it is told to: what the adapter must live through. */
export class StubServer {
  readonly log = new StubLog();
  /** Streams of appends in the order in which they came, repetitions included. */
  readonly appended: string[] = [];
  behaviour: StubBehaviour = {};
  #server = this.#make();
  #port = 0;

  static async start(behaviour: StubBehaviour = {}): Promise<StubServer> {
    const stub = new StubServer();
    stub.behaviour = behaviour;
    await stub.listen();
    return stub;
  }

  get url(): string {
    return `esdb://127.0.0.1:${this.#port}?tls=false`;
  }

  get port(): number {
    return this.#port;
  }

  /** On the port it had before, if it had one. */
  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(`127.0.0.1:${this.#port}`, ServerCredentials.createInsecure(), (error, port) => {
        if (error !== null) return reject(error);
        this.#port = port;
        resolve();
      });
    });
  }

  /** Cuts every connection. */
  cut(): void {
    this.#server.forceShutdown();
    this.#server = this.#make();
  }

  async restart(): Promise<void> {
    this.cut();
    await this.listen();
  }

  #make(): Server {
    const server = new Server();
    server.addService(ServerFeaturesService, {
      getSupportedMethods: (_call: ServerUnaryCall<unknown, unknown>, send: sendUnaryData<unknown>) => {
        const method = new features.SupportedMethod()
          .setServiceName('event_store.client.streams.streams')
          .setMethodName('batchappend');
        send(
          null,
          new features.SupportedMethods()
            .setEventStoreServerVersion(this.behaviour.version ?? '24.6.0')
            .setMethodsList([method]),
        );
      },
    });
    server.addService(StreamsService, {
      read: (call: ReadCall) => this.#read(call),
      batchAppend: (call: BatchCall) => this.#batch(call),
      append: (_call: unknown, send: sendUnaryData<unknown>) => send({ code: status.UNIMPLEMENTED }),
      delete: (_call: unknown, send: sendUnaryData<unknown>) => send({ code: status.UNIMPLEMENTED }),
      tombstone: (_call: unknown, send: sendUnaryData<unknown>) => send({ code: status.UNIMPLEMENTED }),
    });
    return server;
  }

  #batch(call: BatchCall): void {
    call.on('error', () => undefined);
    call.on('end', () => call.end());
    call.on('data', (request: BatchAppendReq) => {
      this.appended.push(streamOf(request));
      const answer = (): void => void call.write(this.answerTo(request));
      if (this.behaviour.onAppend === undefined) answer();
      else this.behaviour.onAppend(call, request, answer);
    });
  }

  /** Writes an append; the answer to it. */
  answerTo(request: BatchAppendReq): BatchAppendResp {
    const options = request.getOptions();
    const stream = streamOf(request);
    const expected = options?.hasStreamPosition() === true ? Number(options.getStreamPosition()) : -1;
    const isAny = options?.hasAny() === true || options?.hasStreamExists() === true;
    const written = this.log.write(stream, isAny ? 'any' : expected, request.getProposedMessagesList());
    const response = new streams.BatchAppendResp().setCorrelationId(request.getCorrelationId());
    response.setStreamIdentifier(streamIdentifier(stream));
    if (written.ok) {
      const position = new shared.AllStreamPosition()
        .setCommitPosition(String(written.position))
        .setPreparePosition(String(written.position));
      const success = new streams.BatchAppendResp.Success().setCurrentRevision(String(written.revision));
      return response.setSuccess(success.setPosition(position));
    }
    const wrong = new shared.WrongExpectedVersion();
    if (written.current >= 0) wrong.setCurrentStreamRevision(String(written.current));
    else wrong.setCurrentNoStream(new empty.Empty());
    return response.setError(refusal(codes.Code.FAILED_PRECONDITION, 'WrongExpectedVersion', wrong.serializeBinary()));
  }

  #read(call: ReadCall): void {
    call.on('error', () => undefined);
    if (this.behaviour.onRead?.(call) === true) return;
    const options = call.request.getOptions()!;
    let found: StubRecord[] | undefined;
    try {
      found = this.log.select(options);
    } catch {
      call.emit('error', failure(status.UNKNOWN));
      return;
    }
    if (!options.hasSubscription()) {
      if (found === undefined)
        call.write(new streams.ReadResp().setStreamNotFound(new streams.ReadResp.StreamNotFound()));
      for (const record of found ?? []) call.write(eventResponse(record));
      call.end();
      return;
    }
    const confirmation = new streams.ReadResp.SubscriptionConfirmation().setSubscriptionId('stub');
    call.write(new streams.ReadResp().setConfirmation(confirmation));
    let isOver = false;
    const give = (record: StubRecord): void => {
      isOver ||= this.behaviour.onLive?.(call, record) === true;
      if (!isOver) call.write(eventResponse(record));
    };
    for (const record of found ?? []) give(record);
    if (isOver) return;
    if (this.behaviour.saysCaughtUp !== false)
      call.write(new streams.ReadResp().setCaughtUp(new streams.ReadResp.CaughtUp()));
    const stop = this.log.follow(give);
    call.on('cancelled', stop);
    call.on('close', stop);
  }
}

export function streamOf(request: BatchAppendReq): string {
  return Buffer.from(request.getOptions()?.getStreamIdentifier()?.getStreamName_asU8() ?? []).toString();
}

/** The error of one append within a batch stream. */
export function refusal(
  code: Code,
  name: string,
  value: Uint8Array = new Uint8Array(0),
): InstanceType<typeof statusMessages.Status> {
  const details = new any.Any();
  details.pack(value, `event_store.client.${name}`);
  return new statusMessages.Status().setCode(code).setDetails(details);
}

/** An error of a whole call, with trailers. */
export function failure(code: status, trailers: Record<string, string> = {}): Error {
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(trailers)) metadata.set(key, value);
  return Object.assign(new Error('as the test wants it'), { code, metadata, details: 'as the test wants it' });
}
