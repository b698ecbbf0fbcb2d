import { Client, credentials, type Metadata, type ServiceError, type StatusObject } from '@grpc/grpc-js';
import { StreamsService, streams } from '../endpoint/protocol.js';

/** How a call ended: messages until then, and its status. */
export interface Ended<T> {
  messages: T[];
  status: StatusObject;
}

type BatchMessage = streams.BatchAppendReq | Uint8Array;

/** Calls as bytes on the wire: what the official client hides. */
export class RawClient {
  readonly #client: Client;

  constructor(address: string) {
    this.#client = new Client(address, credentials.createInsecure());
  }

  close(): void {
    this.#client.close();
  }

  read(options: streams.ReadReq.Options): Promise<Ended<streams.ReadResp>> {
    const { path, requestSerialize, responseDeserialize } = StreamsService.read;
    const request = new streams.ReadReq().setOptions(options);
    return ending(this.#client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request));
  }

  /** @param requests messages as objects, or as bytes that the published messages do not know */
  batch(requests: readonly BatchMessage[]): Promise<Ended<streams.BatchAppendResp>> {
    const { call, ended } = this.openBatch();
    for (const request of requests) call.write(request);
    call.end();
    return ended;
  }

  /** A batch stream that stays open. */
  openBatch() {
    const { path, responseDeserialize } = StreamsService.batchAppend;
    const serialize = (request: BatchMessage) =>
      Buffer.from(request instanceof Uint8Array ? request : request.serializeBinary());
    const call = this.#client.makeBidiStreamRequest(path, serialize, responseDeserialize);
    const answered = new Promise<void>((resolve) => call.once('data', () => resolve()));
    return { call, answered, ended: ending<streams.BatchAppendResp>(call) };
  }

  append(requests: readonly streams.AppendReq[], { isLeftOpen = false } = {}): Promise<streams.AppendResp> {
    const { path, requestSerialize, responseDeserialize } = StreamsService.append;
    return new Promise((resolve, reject) => {
      const call = this.#client.makeClientStreamRequest(
        path,
        requestSerialize,
        responseDeserialize,
        (error, response) => (response === undefined ? reject(error) : resolve(response)),
      );
      for (const request of requests) call.write(request);
      if (!isLeftOpen) call.end();
    });
  }

  /** One message there and back, of any service. */
  unary(path: string, request: Uint8Array = new Uint8Array(0), metadata?: Metadata): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const answered = (error: ServiceError | null, response?: Uint8Array) =>
        response === undefined ? reject(error) : resolve(response);
      const [out, back] = [(bytes: Uint8Array) => Buffer.from(bytes), (bytes: Buffer): Uint8Array => bytes];
      if (metadata === undefined) this.#client.makeUnaryRequest(path, out, back, request, answered);
      else this.#client.makeUnaryRequest(path, out, back, request, metadata, answered);
    });
  }
}

interface Answering<T> {
  on(event: 'data', listener: (message: T) => void): unknown;
  on(event: 'status', listener: (status: StatusObject) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

function ending<T>(call: Answering<T>): Promise<Ended<T>> {
  const messages: T[] = [];
  return new Promise((resolve) => {
    call.on('data', (message) => messages.push(message));
    call.on('error', () => undefined);
    call.on('status', (status) => resolve({ messages, status }));
  });
}
