import { BinaryReader } from 'google-protobuf';
import { streams } from './protocol.js';

const OPTIONS_FIELD = 2;
const DURATION_FIELD = 7;
const SECONDS_FIELD = 1;
const NANOS_FIELD = 2;

/** A chunk of an append, with the deadline as a duration, which the published messages do not know yet. */
export interface BatchRequest {
  message: streams.BatchAppendReq;
  /** In ms from now. */
  timeLeft: number | undefined;
}

export function readBatchRequest(bytes: Buffer): BatchRequest {
  const message = streams.BatchAppendReq.deserializeBinary(bytes);
  return { message, timeLeft: message.hasOptions() ? durationOf(bytes) : undefined };
}

function durationOf(bytes: Uint8Array): number | undefined {
  let duration: number | undefined;
  eachField(new BinaryReader(bytes), OPTIONS_FIELD, (request) =>
    eachField(new BinaryReader(request.readBytes()), DURATION_FIELD, (options) => {
      const fields = new BinaryReader(options.readBytes());
      let [seconds, nanos] = [0, 0];
      while (fields.nextField() && !fields.isEndGroup()) {
        if (fields.getFieldNumber() === SECONDS_FIELD) seconds = fields.readInt64();
        else if (fields.getFieldNumber() === NANOS_FIELD) nanos = fields.readInt32();
        else fields.skipField();
      }
      duration = seconds * 1000 + nanos / 1e6;
    }),
  );
  return duration;
}

function eachField(reader: BinaryReader, field: number, read: (reader: BinaryReader) => void): void {
  while (reader.nextField() && !reader.isEndGroup()) {
    if (reader.getFieldNumber() === field) read(reader);
    else reader.skipField();
  }
}
