import { status } from '@grpc/grpc-js';
import { jsonEvent } from '@eventstore/db-client';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { BinaryWriter } from 'google-protobuf';
import { randomUUID } from 'node:crypto';
import { RawClient } from '../testing/raw-client.js';
import { ServedLedger } from '../testing/served-ledger.js';
import { wireStream, wireUuid, uuidOf } from './identifiers.js';
import { features, gossip, GossipService, ServerFeaturesService, shared, streams, StreamsService } from './protocol.js';

let served: ServedLedger;
let raw: RawClient;
beforeEach(async () => {
  served = await ServedLedger.start();
  raw = new RawClient(`127.0.0.1:${served.endpoint.port}`);
});
afterEach(async () => {
  raw.close();
  await served.remove();
});

const { Options } = streams.ReadReq;
const fill = (stream: string, count: number) =>
  served.client.appendToStream(
    stream,
    Array.from({ length: count }, (_, n) => jsonEvent({ type: 'test', data: { n } })),
  );

/** A read of a stream as it is least said. */
function readOf(stream: string, isStructured = false): streams.ReadReq.Options {
  const uuids = new Options.UUIDOption();
  if (isStructured) uuids.setStructured(new shared.Empty());
  else uuids.setString(new shared.Empty());
  return new Options()
    .setStream(new Options.StreamOptions().setStreamIdentifier(wireStream(stream)).setStart(new shared.Empty()))
    .setReadDirection(Options.ReadDirection.FORWARDS)
    .setCount('9223372036854775807')
    .setNoFilter(new shared.Empty())
    .setUuidOption(uuids);
}
const compatible = (options: streams.ReadReq.Options) =>
  options.setControlOption(new Options.ControlOption().setCompatibility(1));

describe('a read', () => {
  it('gives ids in the form that was asked for', async () => {
    const id = randomUUID();
    await served.client.appendToStream('a', [jsonEvent({ id, type: 'test', data: {} })]);
    for (const isStructured of [false, true]) {
      const { messages } = await raw.read(readOf('a', isStructured));
      const wire = messages[0]?.getEvent()?.getEvent()?.getId();
      expect([wire?.hasStructured(), uuidOf(wire)]).toEqual([isStructured, id]);
    }
  });

  it('says nothing but events where the client knows no more, and where the stream ends where it does', async () => {
    await fill('a', 3);
    const plain = await raw.read(readOf('a'));
    expect(plain.messages.map((message) => message.hasEvent())).toEqual([true, true, true]);
    const knowing = await raw.read(compatible(readOf('a')));
    expect(knowing.messages.at(-1)?.getLastStreamPosition()).toBe('2');
    expect(knowing.messages).toHaveLength(4);
  });

  it('says where a truncated stream begins, if its first page is empty', async () => {
    await fill('a', 60);
    await served.client.setStreamMetadata('a', { truncateBefore: 40 });
    const { messages } = await raw.read(compatible(readOf('a')));
    expect(messages[0]?.getFirstStreamPosition()).toBe('40');
    expect(messages).toHaveLength(22);
    await served.client.setStreamMetadata('a', { truncateBefore: 20 });
    expect((await raw.read(compatible(readOf('a')))).messages[0]?.hasEvent()).toBe(true);
  });

  it('carries the time in units of 100 ns and positions in both fields', async () => {
    await fill('a', 1);
    const event = (await raw.read(readOf('a'))).messages[0]?.getEvent();
    const recorded = event?.getEvent();
    expect(recorded?.getMetadataMap().get('created')).toBe(`${served.now}0000`);
    expect([recorded?.getCommitPosition(), recorded?.getPreparePosition(), event?.getCommitPosition()]).toEqual([
      '1',
      '1',
      '1',
    ]);
  });

  it('of what is gone ends with trailers', async () => {
    await served.client.tombstoneStream('gone');
    const { messages, status: end } = await raw.read(readOf('gone'));
    expect(messages).toEqual([]);
    expect(end).toMatchObject({
      code: status.FAILED_PRECONDITION,
      details: "Event stream 'gone' is deleted.",
    });
    expect(end.metadata.getMap()).toMatchObject({ exception: 'stream-deleted', 'stream-name': 'gone' });
  });

  it('that makes no sense is refused', async () => {
    const filter = () => new Options.FilterOptions().setEventType(new Options.FilterOptions.Expression().setRegex('a'));
    const all = () => readOf('a').setAll(new Options.AllOptions().setStart(new shared.Empty()));
    const countless = readOf('a');
    countless.clearCount();
    for (const options of [
      readOf('a').setUuidOption(undefined),
      readOf(''),
      readOf('$$'),
      readOf('a').setStream(undefined),
      countless,
      readOf('a').setFilter(filter().setMax(1)),
      all().setFilter(filter()),
      all().setSubscription(new Options.SubscriptionOptions()).setFilter(filter().setMax(32)),
      all().setSubscription(new Options.SubscriptionOptions()).setReadDirection(Options.ReadDirection.BACKWARDS),
    ])
      expect((await raw.read(options)).status.code).toBe(status.INVALID_ARGUMENT);
  });

  it('of $all takes a filter, and a count of what passed it', async () => {
    await fill('noise', 300);
    await fill('wanted', 3);
    const expression = new Options.FilterOptions.Expression().setPrefixList(['wan']);
    const options = readOf('a')
      .setAll(new Options.AllOptions().setStart(new shared.Empty()))
      .setFilter(new Options.FilterOptions().setStreamIdentifier(expression).setMax(32))
      .setCount('2');
    const { messages } = await raw.read(options);
    expect(messages.map((message) => message.getEvent()?.getEvent()?.getStreamRevision())).toEqual(['0', '1']);
  });
});

function proposed(id: string): streams.BatchAppendReq.ProposedMessage {
  const message = new streams.BatchAppendReq.ProposedMessage().setId(wireUuid(id, true)).setData(Buffer.from('{}'));
  message.getMetadataMap().set('type', 'test').set('content-type', 'application/json');
  return message;
}
function chunk(correlation: shared.UUID, stream?: string, events = [proposed(randomUUID())]): streams.BatchAppendReq {
  const request = new streams.BatchAppendReq().setCorrelationId(correlation).setProposedMessagesList(events);
  if (stream === undefined) return request;
  const options = new streams.BatchAppendReq.Options()
    .setStreamIdentifier(wireStream(stream))
    .setAny(new shared.Empty() as never);
  return request.setOptions(options);
}

/** The same chunk with a deadline as a duration, which is field 7 of its options. */
function withDuration(request: streams.BatchAppendReq, seconds: number): Uint8Array {
  const duration = new BinaryWriter();
  duration.writeInt64(1, seconds);
  const options = new BinaryWriter();
  options.writeBytes(7, duration.getResultBuffer());
  const writer = new BinaryWriter();
  const whole = Buffer.concat([
    request.getOptions()?.serializeBinary() ?? new Uint8Array(0),
    options.getResultBuffer(),
  ]);
  writer.writeBytes(2, whole);
  return Buffer.concat([request.clone().setOptions(undefined).serializeBinary(), writer.getResultBuffer()]);
}

describe('a batch append', () => {
  it('gives its correlation id back in the form it came in, and the stream', async () => {
    for (const isStructured of [true, false]) {
      const id = randomUUID();
      const { messages } = await raw.batch([chunk(wireUuid(id, isStructured), 'a').setIsFinal(true)]);
      const correlation = messages[0]?.getCorrelationId();
      expect([correlation?.hasStructured(), uuidOf(correlation)]).toEqual([isStructured, id]);
      expect(Buffer.from(messages[0]?.getStreamIdentifier()?.getStreamName_asU8() ?? []).toString()).toBe('a');
    }
  });

  it('is made when its last chunk came, and never before', async () => {
    const first = wireUuid(randomUUID(), false);
    const second = wireUuid(randomUUID(), false);
    const { messages } = await raw.batch([
      chunk(first, 'a'),
      chunk(second, 'a').setIsFinal(true),
      chunk(first),
      chunk(first).setIsFinal(true),
      chunk(wireUuid(randomUUID(), false), 'never'),
    ]);
    expect(messages.map((message) => message.getSuccess()?.getCurrentRevision())).toEqual(['0', '3']);
    expect(await served.ledger.revisionsOf(['a', 'never'])).toEqual([3n, undefined]);
  });

  it('takes a deadline as a duration, however far, and keeps it', async () => {
    const append = (seconds: number) =>
      raw.batch([withDuration(chunk(wireUuid(randomUUID(), false), 'a').setIsFinal(true), seconds)]);
    expect((await append(315_576_000_000)).messages[0]?.hasSuccess()).toBe(true);
    const late = (await append(0)).messages[0]?.getError();
    expect(late?.getDetails()?.getTypeName()).toBe('event_store.client.Timeout');
    expect(await served.ledger.revisionsOf(['a'])).toEqual([0n]);
  });

  it('is answered once, also where it is too large and goes on', async () => {
    const id = wireUuid(randomUUID(), false);
    const large = proposed(randomUUID()).setData(Buffer.alloc(1_048_577));
    const { messages } = await raw.batch([
      chunk(id, 'a', [large]),
      chunk(id),
      chunk(id).setIsFinal(true),
      chunk(wireUuid(randomUUID(), false), 'a').setIsFinal(true),
    ]);
    expect(messages).toHaveLength(2);
    const detail = messages[0]?.getError()?.getDetails();
    expect(detail?.getTypeName()).toBe('event_store.client.MaximumAppendSizeExceeded');
    const size = shared.MaximumAppendSizeExceeded.deserializeBinary(detail?.getValue_asU8() ?? new Uint8Array(0));
    expect(size.getMaxappendsize()).toBe(1_048_576);
    expect(messages[1]?.getSuccess()?.getCurrentRevision()).toBe('0');
  });

  it('says what it was told to expect, and what is there', async () => {
    await fill('a', 2);
    const request = chunk(wireUuid(randomUUID(), false), 'a').setIsFinal(true);
    request.getOptions()?.setStreamPosition('7');
    const [answer] = (await raw.batch([request])).messages;
    expect(answer?.getStreamPosition()).toBe('7');
    const wrong = shared.WrongExpectedVersion.deserializeBinary(
      answer?.getError()?.getDetails()?.getValue_asU8() ?? new Uint8Array(0),
    );
    expect([wrong.getCurrentStreamRevision(), wrong.getExpectedStreamPosition()]).toEqual(['1', '7']);
  });

  it('with a bad event is refused as such, and others go on', async () => {
    const bad = proposed(randomUUID());
    bad.getMetadataMap().del('content-type');
    const { messages } = await raw.batch([
      chunk(wireUuid(randomUUID(), false), 'a', [bad]).setIsFinal(true),
      chunk(wireUuid(randomUUID(), false), 'a').setIsFinal(true),
    ]);
    expect(messages[0]?.getError()?.getDetails()?.getTypeName()).toBe('event_store.client.BadRequest');
    expect(messages[1]?.hasSuccess()).toBe(true);
  });
});

describe('an append, message by message', () => {
  it('without a type ends with trailers', async () => {
    const options = new streams.AppendReq.Options().setStreamIdentifier(wireStream('a')).setAny(new shared.Empty());
    const message = new streams.AppendReq.ProposedMessage().setId(wireUuid(randomUUID(), true));
    message.getMetadataMap().set('content-type', 'application/json');
    const append = raw.append([
      new streams.AppendReq().setOptions(options),
      new streams.AppendReq().setProposedMessage(message),
    ]);
    const error = await append.catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: status.INVALID_ARGUMENT });
    expect((error as { metadata: { getMap(): object } }).metadata.getMap()).toMatchObject({
      exception: 'missing-required-metadata-property',
      'required-metadata-properties': 'type,content-type',
    });
  });

  it('answers older clients in their fields too', async () => {
    await fill('a', 2);
    const options = new streams.AppendReq.Options().setStreamIdentifier(wireStream('a')).setRevision('9');
    const wrong = (await raw.append([new streams.AppendReq().setOptions(options)])).getWrongExpectedVersion();
    expect(wrong?.toObject()).toMatchObject({ currentRevision2060: 1, currentRevision: '1', expectedRevision: '9' });
  });
});

describe('a delete', () => {
  it('that expects something else ends with trailers and a text that clients read', async () => {
    await fill('a', 2);
    const options = new streams.DeleteReq.Options().setStreamIdentifier(wireStream('a')).setRevision('5');
    const request = new streams.DeleteReq().setOptions(options).serializeBinary();
    const error = await raw.unary(StreamsService.delete.path, request).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: status.FAILED_PRECONDITION,
      details: 'Append failed due to WrongExpectedVersion. Stream: a, Expected version: 5, Actual version: 1',
    });
    expect((error as { metadata: { getMap(): object } }).metadata.getMap()).toMatchObject({
      exception: 'wrong-expected-version',
      'stream-name': 'a',
      'expected-version': '5',
      'actual-version': '1',
    });
  });
});

describe('the endpoint', () => {
  it('lists what it does, in lower case, with a version of three numbers', async () => {
    const bytes = await raw.unary(ServerFeaturesService.getSupportedMethods.path);
    const supported = features.SupportedMethods.deserializeBinary(bytes);
    expect(supported.getEventStoreServerVersion()).toMatch(/^\d+\.\d+\.\d+$/);
    const methods = supported.getMethodsList().map((method) => method.toObject());
    expect(methods).toContainEqual({
      serviceName: 'event_store.client.streams.streams',
      methodName: 'batchappend',
      featuresList: ['deadline_duration'],
    });
    expect(methods.some(({ serviceName }) => serviceName.includes('projections'))).toBe(false);
  });

  it('is a cluster of one that leads', async () => {
    const info = gossip.ClusterInfo.deserializeBinary(await raw.unary(GossipService.read.path));
    const [member] = info.toObject().membersList;
    expect(member).toMatchObject({ state: gossip.MemberInfo.VNodeState.LEADER, isAlive: true });
    expect(member?.httpEndPoint).toEqual({ address: '127.0.0.1', port: served.endpoint.port });
  });

  it('says of other services that it has none', async () => {
    for (const path of [
      '/event_store.client.projections.Projections/Create',
      '/event_store.client.users.Users/Create',
      '/event_store.client.operations.Operations/Shutdown',
      '/event_store.client.monitoring.Monitoring/Stats',
    ])
      await expect(raw.unary(path)).rejects.toMatchObject({ code: status.UNIMPLEMENTED });
  });
});
