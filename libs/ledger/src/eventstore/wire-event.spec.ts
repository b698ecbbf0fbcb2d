import { expect, it } from '@jest/globals';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import fc from 'fast-check';
import type { NewEvent } from '../port.js';
import { streamIdentifier, uuid } from './messages.js';
import { wireEvent, wireRequest } from './wire-event.js';

const { BatchAppendReq } = streams;
const correlation = '6d1d1a5b-7f0a-4f43-9d3e-2f6f0c5c8a11';
/** Its length takes four bytes. */
const large = { id: correlation, type: 't', data: 'x'.repeat(2_100_000) };

const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 200 }),
  fc.constantFrom('', 'x'.repeat(127), 'x'.repeat(128), '語'.repeat(6000)),
);
const event = fc.record(
  { id: fc.uuid(), type: text, data: text, metadata: text },
  { requiredKeys: ['id', 'type', 'data'] },
);

function published({ id, type, data, metadata }: NewEvent): InstanceType<typeof BatchAppendReq.ProposedMessage> {
  const message = new BatchAppendReq.ProposedMessage().setId(uuid(id)).setData(Buffer.from(data));
  message.getMetadataMap().set('type', type).set('content-type', 'application/json');
  return metadata === undefined ? message : message.setCustomMetadata(Buffer.from(metadata));
}

it('a request has the very bytes of the published messages, whatever its events hold', () => {
  const withOptions = fc.option(fc.string({ minLength: 1, maxLength: 40 }), { nil: undefined });
  fc.assert(
    fc.property(
      fc.uuid(),
      withOptions,
      fc.array(event, { maxLength: 4 }),
      fc.boolean(),
      (id, stream, events, isFinal) => {
        const expected = new BatchAppendReq().setCorrelationId(uuid(id)).setIsFinal(isFinal);
        const options =
          stream === undefined
            ? undefined
            : new BatchAppendReq.Options().setStreamIdentifier(streamIdentifier(stream)).setStreamPosition('7');
        if (options !== undefined) expected.setOptions(options);
        for (const each of events) expected.addProposedMessages(published(each));
        const made = events.map((each) => wireEvent(each));
        const bytes = made.map((each) => each.bytes);
        const request = wireRequest(id, options?.serializeBinary(), bytes, isFinal);
        expect(request.equals(expected.serializeBinary())).toBe(true);
        const sizes = events.map(({ data, metadata = '' }) => Buffer.byteLength(data) + Buffer.byteLength(metadata));
        expect(made.map(({ size }) => size)).toEqual(sizes);
      },
    ),
    { seed: 11, numRuns: 300, examples: [[correlation, 's', [large], true]] },
  );
});
