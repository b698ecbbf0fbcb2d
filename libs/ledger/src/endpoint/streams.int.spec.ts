import { type EventData, jsonEvent, type ResolvedEvent } from '@eventstore/db-client';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ServedLedger } from '../testing/served-ledger.js';

let served: ServedLedger;
beforeEach(async () => {
  served = await ServedLedger.start();
});
afterEach(() => served.remove());

const numbered = (...numbers: number[]): EventData[] => numbers.map((n) => jsonEvent({ type: 'test', data: { n } }));
const fill = (stream: string, count: number) =>
  served.client.appendToStream(stream, numbered(...Array.from({ length: count }, (_, index) => index)));
async function collect(read: AsyncIterable<ResolvedEvent>): Promise<ResolvedEvent[]> {
  const all: ResolvedEvent[] = [];
  for await (const event of read) all.push(event);
  return all;
}
const revisions = async (stream: string, options = {}) =>
  (await collect(served.client.readStream(stream, options))).map(({ event }) => Number(event?.revision));
const fate = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'done',
    (error: { type: string }) => error.type,
  );

describe('reading a stream', () => {
  it('starts where it is told to, inclusive both ways, across pages', async () => {
    await fill('a', 600);
    expect(await revisions('a')).toHaveLength(600);
    expect(await revisions('a', { fromRevision: 597n })).toEqual([597, 598, 599]);
    expect(await revisions('a', { fromRevision: 2n, direction: 'backwards' })).toEqual([2, 1, 0]);
    expect(await revisions('a', { fromRevision: 'end', direction: 'backwards', maxCount: 2 })).toEqual([599, 598]);
    expect(await revisions('a', { maxCount: 3 })).toEqual([0, 1, 2]);
  });

  it('past its end is empty; without a stream it is told so', async () => {
    await fill('a', 2);
    expect(await revisions('a', { fromRevision: 2n })).toEqual([]);
    expect(await revisions('a', { fromRevision: 99n, direction: 'backwards' })).toEqual([1, 0]);
    await expect(revisions('none')).rejects.toMatchObject({ type: 'stream-not-found', streamName: 'none' });
  });

  it('takes names of any letters', async () => {
    await fill('Strøm 🔑/%', 1);
    expect(await revisions('Strøm 🔑/%')).toEqual([0]);
    await served.client.tombstoneStream('Strøm 🔑/%');
    expect(await fate(revisions('Strøm 🔑/%'))).toBe('stream-deleted');
  });
});

describe('metadata', () => {
  it('is what the last event of its stream says; other keys are kept', async () => {
    expect((await served.client.getStreamMetadata('a')).metadata).toBeUndefined();
    await served.client.setStreamMetadata('a', { maxCount: 2, custom: { x: 1 } }, { expectedRevision: 'no_stream' });
    await served.client.setStreamMetadata('a', { maxCount: 3, custom: { x: 2 } }, { expectedRevision: 0n });
    expect((await served.client.getStreamMetadata('a')).metadata).toEqual({ maxCount: 3, custom: { x: 2 } });
    expect(await fate(served.client.setStreamMetadata('a', {}, { expectedRevision: 0n }))).toBe(
      'wrong-expected-version',
    );
    expect(await revisions('$$a')).toEqual([1]);
  });

  it('$maxCount and $tb hide the head, $all shows it', async () => {
    await fill('a', 10);
    await served.client.setStreamMetadata('a', { maxCount: 3 });
    expect(await revisions('a')).toEqual([7, 8, 9]);
    expect(await revisions('a', { maxCount: 1 })).toEqual([7]);
    expect(await revisions('a', { direction: 'backwards', fromRevision: 'end' })).toEqual([9, 8, 7]);
    expect(await revisions('a', { direction: 'backwards', fromRevision: 5n })).toEqual([]);
    await served.client.setStreamMetadata('a', { maxCount: 3, truncateBefore: 9 });
    expect(await revisions('a')).toEqual([9]);
    await served.client.setStreamMetadata('a', { truncateBefore: 99 });
    expect(await revisions('a')).toEqual([]);
    expect(await collect(served.client.readAll())).toHaveLength(13);
  });

  it('$maxAge is tested when it is read', async () => {
    await fill('a', 2);
    await served.client.setStreamMetadata('a', { maxAge: 60 });
    served.now += 50_000;
    await served.client.appendToStream('a', numbered(2));
    expect(await revisions('a')).toEqual([0, 1, 2]);
    served.now += 11_000;
    expect(await revisions('a')).toEqual([2]);
    expect(await revisions('a', { maxCount: 1 })).toEqual([2]);
    expect(await revisions('a', { direction: 'backwards', fromRevision: 'end' })).toEqual([2]);
  });

  it('that is wrong in one key counts for nothing', async () => {
    await fill('a', 3);
    await served.client.appendToStream('$$a', [jsonEvent({ type: '$metadata', data: { $maxCount: 1, $tb: -1 } })]);
    expect(await revisions('a')).toEqual([0, 1, 2]);
    await served.client.appendToStream('$$a', [jsonEvent({ type: '$metadata', data: [1] })]);
    expect(await revisions('a')).toEqual([0, 1, 2]);
  });
});

describe('deleting', () => {
  it('hides a stream until somebody appends, and numbers go on', async () => {
    await fill('a', 3);
    await served.client.deleteStream('a', { expectedRevision: 2n });
    expect(await fate(revisions('a'))).toBe('stream-not-found');
    await served.client.appendToStream('a', numbered(3));
    expect(await revisions('a')).toEqual([3]);
    expect(await collect(served.client.readAll())).toHaveLength(6);
  });

  it('wants the revision that is expected', async () => {
    await fill('a', 3);
    const wrong = await served.client.deleteStream('a', { expectedRevision: 1n }).catch((error: unknown) => error);
    expect(wrong).toMatchObject({ type: 'wrong-expected-version', expectedVersion: 1n, actualVersion: 2n });
    expect(await fate(served.client.deleteStream('a', { expectedRevision: 'no_stream' }))).toBe(
      'wrong-expected-version',
    );
    expect(await fate(served.client.deleteStream('none'))).toBe('wrong-expected-version');
    await served.client.setStreamMetadata('about', { cacheControl: 1 });
    expect(await fate(served.client.deleteStream('about', { expectedRevision: 'no_stream' }))).toBe('done');
  });

  it('is undone by metadata too, and what was in it stays hidden', async () => {
    await fill('a', 3);
    await served.client.deleteStream('a');
    await served.client.setStreamMetadata('a', { maxAge: 500, custom: 1 });
    expect(await revisions('a')).toEqual([]);
    expect((await served.client.getStreamMetadata('a')).metadata).toEqual({
      maxAge: 500,
      custom: 1,
      truncateBefore: 3,
    });
    await served.client.appendToStream('a', numbered(3));
    expect(await revisions('a')).toEqual([3]);
  });
});

describe('a tombstone', () => {
  it('ends a stream and its metadata for good, also one that never was', async () => {
    await fill('a', 2);
    const wrong = served.client.tombstoneStream('a', { expectedRevision: 7n });
    await expect(wrong).rejects.toMatchObject({ type: 'wrong-expected-version', actualVersion: 1n });
    await served.client.tombstoneStream('a', { expectedRevision: 1n });
    await served.client.tombstoneStream('never', { expectedRevision: 'no_stream' });
    for (let again = 0; again < 2; again++) {
      for (const stream of ['a', 'never']) {
        expect(await fate(revisions(stream))).toBe('stream-deleted');
        expect(await fate(served.client.getStreamMetadata(stream))).toBe('stream-deleted');
        expect(await fate(served.client.deleteStream(stream))).toBe('stream-deleted');
        expect(await fate(served.client.tombstoneStream(stream))).toBe('stream-deleted');
      }
      await served.shut();
      await served.open();
    }
  });

  it('stands in $all at the highest revision, among all that was', async () => {
    await fill('a', 2);
    await served.client.tombstoneStream('a');
    const all = await collect(served.client.readAll());
    expect(all.map(({ event }) => event?.type)).toEqual(['test', 'test', '$streamDeleted']);
    expect(all[2]?.event?.revision).toBe(9_223_372_036_854_775_807n);
  });
});

describe('reading $all', () => {
  const places = async (options = {}) =>
    (await collect(served.client.readAll(options))).map(({ event }) => `${event?.streamId}/${event?.revision}`);

  it('from a position: inclusive forwards, exclusive backwards', async () => {
    await fill('a', 2);
    const { position } = await fill('b', 1);
    await fill('a', 1);
    expect(await places({ fromPosition: position })).toEqual(['b/0', 'a/2']);
    expect(await places({ fromPosition: position, direction: 'backwards' })).toEqual(['a/1', 'a/0']);
    expect(await places({ fromPosition: 'end', direction: 'backwards', maxCount: 1 })).toEqual(['a/2']);
  });

  it('hides the bookkeeping of persistent subscriptions to $all', async () => {
    await fill('$persistentsubscription-$all::g-checkpoint', 1);
    await fill('a', 1);
    expect(await places()).toEqual(['a/0']);
  });
});

describe('links', () => {
  const link = (to: string) => jsonEvent({ type: '$>', data: to });
  /** The client would send JSON; a link's data is bare text. */
  const append = (stream: string, to: string) =>
    served.client.appendToStream(stream, [
      { ...link(to), contentType: 'application/octet-stream', data: Buffer.from(to) },
    ] as never);

  it('are given as they are, or with what they point to', async () => {
    await fill('a', 2);
    await append('l', '1@a');
    const [bare] = await collect(served.client.readStream('l'));
    expect([bare?.event?.type, bare?.link]).toEqual(['$>', undefined]);
    const [resolved] = await collect(served.client.readStream('l', { resolveLinkTos: true }));
    const [, direct] = await collect(served.client.readStream('a'));
    expect(resolved?.event).toEqual(direct?.event);
    expect(resolved?.link).toEqual(bare?.event);
  });

  it.each([
    ['is hidden', async () => served.client.setStreamMetadata('a', { truncateBefore: 1 })],
    ['was deleted', async () => served.client.deleteStream('a')],
    ['is gone for good', async () => served.client.tombstoneStream('a')],
  ])('have no event where that %s', async (_why, hide) => {
    await fill('a', 2);
    await append('l', '0@a');
    await append('l', 'nonsense');
    await hide();
    const read = await collect(served.client.readStream('l', { resolveLinkTos: true }));
    expect(read.map(({ event, link: from }) => [event, from?.type])).toEqual([
      [undefined, '$>'],
      [undefined, '$>'],
    ]);
  });
});

describe('what the product reads of it', () => {
  it('leaves other programs out, and is not changed by deletes', async () => {
    await served.ledger.append(
      'token-a',
      [{ id: '6b1a2c5e-0000-4000-8000-000000000001', type: 't', data: '{"a":1}' }],
      'any',
    );
    await served.client.appendToStream('token-a', numbered(1));
    await served.client.appendToStream('token-a', [
      jsonEvent({ type: 'tallystick.token.observed.v1', data: { not: 'a fact' } }),
    ]);
    await served.client.deleteStream('token-a');
    await served.client.tombstoneStream('token-b');
    const seen = [];
    for await (const event of served.ledger.readAll()) seen.push(`${event.stream}/${event.revision}`);
    expect(seen).toEqual(['token-a/0']);
    expect(await served.ledger.head()).toBe(1n);
    const scan = served.ledger.scan();
    expect([...scan.scanAll()]).toHaveLength(1);
    expect([...scan.streamRows('token-a')]).toHaveLength(1);
    expect([...scan.scanByAge({ prefix: 'token-' })]).toHaveLength(1);
    expect(scan.head()).toBe(1n);
    scan.close();
    expect(await served.ledger.revisionsOf(['token-a', 'token-b'])).toEqual([2n, 9_223_372_036_854_775_807n]);
  });
});
