import streams from '@eventstore/db-client/generated/streams_pb.js';
import type { BatchAppendReq } from '@eventstore/db-client/generated/streams_pb.js';
import type { StreamAppend } from '../port.js';
import { AppendTooLarge } from './errors.js';
import { uuid } from './messages.js';

/** An append whose texts are bytes already, made once for all its tries. */
export interface ProposedAppend extends Pick<StreamAppend, 'stream' | 'expected'> {
  messages: BatchAppendReq.ProposedMessage[];
  /** Of data and metadata. */
  bytes: number;
}

const utf8 = new TextEncoder();

/**
 * Servers up to 24.6 count the data alone, later ones metadata too: whichever it is, what is counted here is not less.
 * @throws AppendTooLarge
 */
export function proposedAppend({ stream, events, expected }: StreamAppend, limit: number): ProposedAppend {
  let bytes = 0;
  const messages = events.map(({ id, type, data, metadata }) => {
    const message = new streams.BatchAppendReq.ProposedMessage().setId(uuid(id));
    message.getMetadataMap().set('type', type).set('content-type', 'application/json');
    const encoded = utf8.encode(data);
    bytes += encoded.length;
    message.setData(encoded);
    if (metadata !== undefined) {
      const encodedMetadata = utf8.encode(metadata);
      bytes += encodedMetadata.length;
      message.setCustomMetadata(encodedMetadata);
    }
    return message;
  });
  if (bytes > limit) throw new AppendTooLarge(stream, bytes, limit);
  return { stream, expected, messages, bytes };
}
