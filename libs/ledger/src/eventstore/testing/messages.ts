import streams from '@eventstore/db-client/generated/streams_pb.js';
import type { BatchAppendReq } from '@eventstore/db-client/generated/streams_pb.js';
import type { NewEvent } from '../../port.js';
import { wireEvent } from '../wire-event.js';

/** For specs: an event as a server has it, to be changed before it is written. */
export function messageOf(event: NewEvent): BatchAppendReq.ProposedMessage {
  const [message] = streams.BatchAppendReq.deserializeBinary(wireEvent(event).bytes).getProposedMessagesList();
  return message!;
}
