import { type AppendExpectedRevision, binaryEvent, type EventData, jsonEvent } from '@eventstore/db-client';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { testEvent } from '../testing/test-event.js';
import { ServedLedger } from '../testing/served-ledger.js';

let served: ServedLedger;
beforeEach(async () => {
  served = await ServedLedger.start();
});
afterEach(() => served.remove());

/** The same label is the same event. */
const events = (...labels: string[]): EventData[] =>
  labels.map((label) => jsonEvent({ id: testEvent(label).id, type: 'test', data: { label } }));

/** Credentials make the client send message by message, though it keeps them to itself in plain text. */
const WAYS = [
  ['in one batch', {}],
  ['message by message', { credentials: { username: 'ada', password: 'x' } }],
] as const;

describe.each(WAYS)('appending %s', (_way, options) => {
  const append = (stream: string, list: EventData[], expectedRevision: AppendExpectedRevision = 'any') =>
    served.client.appendToStream(stream, list, { expectedRevision, ...options });
  const refused = (promise: Promise<unknown>): Promise<unknown> =>
    promise.then(
      () => 'written',
      (error: unknown) => error,
    );
  const labels = async (stream: string): Promise<string[]> => {
    const found: string[] = [];
    for await (const { event } of served.client.readStream(stream))
      found.push((event?.data as { label: string }).label);
    return found;
  };
  const wrong = (actualVersion: unknown) => expect.objectContaining({ type: 'wrong-expected-version', actualVersion });
  const deleted = expect.objectContaining({ type: 'stream-deleted', streamName: 'a' });

  it('gives revision and position of the last event, as reads give them', async () => {
    await append('b', events('0'));
    const result = await append('a', events('1', '2'), 'no_stream');
    expect(result).toMatchObject({ success: true, nextExpectedRevision: 1n });
    const all = [];
    for await (const { event } of served.client.readStream('a')) all.push(event);
    expect(all.map((event) => event?.revision)).toEqual([0n, 1n]);
    expect(all[1]?.position).toEqual(result.position);
  });

  it('keeps any bytes, and how they were declared', async () => {
    const data = Uint8Array.from({ length: 256 }, (_, index) => index);
    const metadata = Uint8Array.of(0xff, 0, 0xfe);
    await append('a', [binaryEvent({ type: 'bytes', data, metadata }), jsonEvent({ type: 'j', data: 'x\u0000é' })]);
    const read = [];
    for await (const { event } of served.client.readStream('a')) read.push(event);
    expect(read[0]).toMatchObject({ isJson: false, type: 'bytes' });
    expect([...(read[0]?.data as Uint8Array)]).toEqual([...data]);
    expect([...(read[0]?.metadata as Uint8Array)]).toEqual([...metadata]);
    expect(read[1]).toMatchObject({ isJson: true, data: 'x\u0000é', metadata: undefined });
  });

  it('no_stream and an exact revision refuse anything else, and say what is there', async () => {
    expect(await refused(append('a', events('1'), 0n))).toEqual(wrong('no_stream'));
    await append('a', events('1'), 'no_stream');
    expect(await refused(append('a', events('2'), 'no_stream'))).toEqual(wrong(0n));
    expect(await refused(append('a', events('2'), 5n))).toEqual(wrong(0n));
    await append('a', events('2'), 0n);
    expect(await labels('a')).toEqual(['1', '2']);
  });

  it('stream_exists wants events, or metadata at least', async () => {
    expect(await refused(append('a', events('1'), 'stream_exists'))).toEqual(wrong('no_stream'));
    await served.client.setStreamMetadata('a', { cacheControl: 1 });
    await append('a', events('1'), 'stream_exists');
    await append('a', events('2'), 'stream_exists');
    expect(await labels('a')).toEqual(['1', '2']);
  });

  it('an exact revision makes it repeatable: a prefix too, also after a restart', async () => {
    const first = await append('a', events('1', '2', '3'), 'no_stream');
    await append('a', events('4'), 2n);
    expect(await append('a', events('1', '2', '3'), 'no_stream')).toEqual(first);
    expect(await append('a', events('1', '2'), 'no_stream')).toMatchObject({ nextExpectedRevision: 1n });
    await served.shut();
    await served.open();
    expect(await append('a', events('2', '3'), 0n)).toEqual(first);
    expect(await refused(append('a', events('1', 'x'), 'no_stream'))).toEqual(wrong(3n));
    expect(await refused(append('a', events('3', '4', '5'), 1n))).toEqual(wrong(3n));
    expect(await labels('a')).toEqual(['1', '2', '3', '4']);
  });

  it('at the end a repeated id is written again', async () => {
    await append('a', events('1'), 'no_stream');
    await append('a', events('1'), 0n);
    expect(await labels('a')).toEqual(['1', '1']);
  });

  it('any knows recent ids, of one stream each', async () => {
    await append('a', events('1', '2', '3'));
    expect(await append('a', events('3', '1'))).toMatchObject({ nextExpectedRevision: 0n });
    expect(await refused(append('a', events('1', 'x')))).toEqual(wrong(2n));
    await append('b', events('1'));
    await append('a', events('1'));
    expect(await labels('a')).toEqual(['1', '2', '3', '1']);
  });

  it('an empty list is written nowhere', async () => {
    expect(await append('a', [], 'any')).toMatchObject({ success: true });
    await append('a', events('1', '2'), 'no_stream');
    expect(await refused(append('a', [], 0n))).toEqual(wrong(1n));
    expect(await append('a', [], 'any')).toMatchObject({ nextExpectedRevision: 1n });
    expect(await labels('a')).toEqual(['1', '2']);
  });

  it('a stream that is gone for good takes nothing', async () => {
    await append('a', events('1'));
    await served.client.tombstoneStream('a');
    for (const expected of ['any', 'no_stream', 'stream_exists', 0n, 1n] as const)
      expect(await refused(append('a', events('2'), expected))).toEqual(deleted);
    expect(await refused(served.client.setStreamMetadata('a', {}))).toMatchObject({ type: 'stream-deleted' });
  });

  it('a deleted stream does not exist, and goes on where it was', async () => {
    await append('a', events('1', '2'));
    await served.client.setStreamMetadata('a', { maxAge: 100, custom: 'kept' });
    await served.client.deleteStream('a');
    expect(await refused(append('a', events('3'), 'stream_exists'))).toEqual(deleted);
    expect(await append('a', events('3', '4'), 'no_stream')).toMatchObject({ nextExpectedRevision: 3n });
    expect(await labels('a')).toEqual(['3', '4']);
    // All that a delete leaves is the truncation.
    expect((await served.client.getStreamMetadata('a')).metadata).toEqual({ truncateBefore: 2 });
  });

  it('counts the bytes of data alone against the limit', async () => {
    // Nine of them are 1,048,572 bytes of data, and more than 1 MiB with their types.
    const large = (count: number) =>
      Array.from({ length: count }, () => jsonEvent({ type: 't'.repeat(40), data: 'x'.repeat(116_506) }));
    await append('a', large(9));
    expect(await refused(append('a', large(10)))).toMatchObject({
      type: 'maximum-append-size-exceeded',
      maxAppendSize: 1_048_576,
    });
    expect(await append('a', events('1'))).toMatchObject({ nextExpectedRevision: 9n });
  });

  it('an event without a type, or with an empty id, is refused', async () => {
    const [event] = events('1');
    if (event === undefined) throw new Error('no event');
    expect(await refused(append('a', [{ ...event, type: '' }]))).toBeInstanceOf(Error);
    const nil = '00000000-0000-0000-0000-000000000000';
    expect(await refused(append('a', [{ ...event, id: nil }]))).toBeInstanceOf(Error);
    expect(await append('a', [event], 'no_stream')).toMatchObject({ nextExpectedRevision: 0n });
  });
});

describe('batches of one connection', () => {
  it('are answered each for itself, in order, and none is lost', async () => {
    await served.client.appendToStream('s-0', events('first'));
    const appends = Array.from({ length: 300 }, (_, index) =>
      served.client.appendToStream(`s-${index % 7}`, events(`e${index}`), { expectedRevision: 'any' }),
    );
    const positions = (await Promise.all(appends)).map(({ position }) => position?.commit ?? 0n);
    expect(positions).toEqual([...positions].sort((x, y) => Number(x - y)));
    expect(new Set(positions).size).toBe(300);
  });

  it('may come in many chunks', async () => {
    const list = Array.from({ length: 500 }, (_, index) => events(`c${index}`)[0]).filter((each) => each !== undefined);
    await served.client.appendToStream('a', list, { batchAppendSize: 1024, expectedRevision: 'no_stream' });
    expect(await served.ledger.revisionsOf(['a'])).toEqual([499n]);
  });

  it('may hold tens of thousands of events', async () => {
    const many = (count: number) =>
      Array.from({ length: count }, (_, index) => jsonEvent({ type: 'test', data: { message: 'test', index } }));
    await served.client.appendToStream('a', many(30_000));
    const large = served.client.appendToStream('a', many(40_000));
    await expect(large).rejects.toMatchObject({ type: 'maximum-append-size-exceeded' });
    expect(await served.ledger.revisionsOf(['a'])).toEqual([29_999n]);
  });

  it('a deadline that has passed writes nothing', async () => {
    const late = served.client.appendToStream('a', events('1'), { deadline: -1000 });
    await expect(late).rejects.toMatchObject({ type: 'deadline-exceeded' });
    expect(await served.ledger.revisionsOf(['a'])).toEqual([undefined]);
  });
});
