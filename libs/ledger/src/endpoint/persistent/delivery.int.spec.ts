import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { START } from '@eventstore/db-client';
import { ServedGroups } from '../../testing/served-groups.js';

describe('persistent subscriptions over the wire', () => {
  let groups: ServedGroups;
  beforeEach(async () => {
    groups = await ServedGroups.start();
  });
  afterEach(() => groups.served.remove());

  const inFlight = async (stream: string, count: number) =>
    groups.until(
      () => groups.stats(stream),
      ({ stats }) => stats.totalInFlightMessages === count,
    );

  it('give what is there, and go on live, after a confirmation by stream and group', async () => {
    await groups.append('s', 'a', 'b');
    await groups.createOnStream('s');
    const subscriber = await groups.subscribe('s').confirmed();
    expect(subscriber.subscription.id).toBe('s::group');
    expect(await subscriber.got(2)).toEqual(['s/0', 's/1']);
    await groups.append('s', 'c');
    await groups.append('other', 'd');
    await groups.append('s', 'e');
    expect(await subscriber.got(4)).toEqual(['s/0', 's/1', 's/2', 's/3']);
    const { event, link, commitPosition } = subscriber.given[0]?.resolved ?? {};
    expect(event).toMatchObject({ type: 'a', data: { label: 'a' }, isJson: true, revision: 0n });
    expect(event?.created).toBeInstanceOf(Date);
    expect(commitPosition).toBe(event?.position?.commit);
    expect(link).toBeUndefined();
  });

  it('hold no more than the subscriber has room for', async () => {
    await groups.append('s', ...'abcdefgh');
    await groups.createOnStream('s');
    const subscriber = groups.subscribe('s', 3);
    await subscriber.got(3);
    const { stats, connections } = await inFlight('s', 3);
    expect(stats).toMatchObject({ outstandingMessagesCount: 3, readBufferCount: 5, totalItems: 3n });
    expect(connections[0]).toMatchObject({ availableSlots: 0, inFlightMessages: 3 });
    await subscriber.ack(0, 2);
    expect(await subscriber.got(5)).toEqual(['s/0', 's/1', 's/2', 's/3', 's/4']);
  });

  it('read long streams through small buffers, without a gap or a repetition', async () => {
    const labels = Array.from({ length: 300 }, (_, index) => `e${index}`);
    await groups.append('s', ...labels);
    await groups.createOnStream('s', { readBatchSize: 7, historyBufferSize: 20, liveBufferSize: 10 });
    const subscriber = groups.subscribe('s', 10);
    for (let count = 0; count < 600; count += 10) {
      if (count % 100 === 0) await groups.append('s', ...labels.slice(0, 50));
      await subscriber.got(count + 10);
      await subscriber.ack(...Array.from({ length: 10 }, (_, index) => count + index));
    }
    expect(await subscriber.got(600)).toEqual(Array.from({ length: 600 }, (_, index) => `s/${index}`));
  });

  it('give again what is refused or overdue, before new events, with the count of retries', async () => {
    await groups.createOnStream('s', { messageTimeout: 5_000 });
    const subscriber = await groups.subscribe('s', 1).confirmed();
    await groups.append('s', 'a', 'b');
    await subscriber.got(1);
    await subscriber.nack('retry', 0);
    await subscriber.got(2);
    groups.pass(4_999);
    groups.pass(1);
    await subscriber.got(3);
    await subscriber.ack(2);
    await subscriber.got(4);
    expect(subscriber.given.map(({ at, retries }) => [at, retries])).toEqual([
      ['s/0', 0],
      ['s/0', 1],
      ['s/0', 2],
      ['s/1', 0],
    ]);
  });

  it('leave out what is skipped, and do nothing at stop', async () => {
    await groups.append('s', 'a', 'b', 'c');
    await groups.createOnStream('s');
    const subscriber = groups.subscribe('s', 1);
    for (const how of ['skip', 'stop'] as const) {
      await subscriber.got(subscriber.given.length + 1);
      await subscriber.nack(how, subscriber.given.length - 1);
    }
    expect(await subscriber.got(3)).toEqual(['s/0', 's/1', 's/2']);
    expect((await groups.stats('s')).stats.parkedMessageCount).toBe(0n);
  });

  it('give what a subscriber held to another when it leaves', async () => {
    await groups.append('s', 'a', 'b');
    await groups.createOnStream('s');
    const first = groups.subscribe('s');
    await first.got(2);
    const second = await groups.subscribe('s').confirmed();
    await first.subscription.unsubscribe();
    expect(await second.got(2)).toEqual(['s/0', 's/1']);
    expect(second.given.map(({ retries }) => retries)).toEqual([1, 1]);
  });

  it('resolve links where they are told to, and take the id of the link as the acknowledgement', async () => {
    await groups.append('s', 'a');
    const link = (id: string, data: string) => ({
      id,
      contentType: 'application/octet-stream' as const,
      type: '$>',
      data: new Uint8Array(Buffer.from(data)),
      metadata: undefined,
    });
    const ids = ['6f1a6a6e-1e0b-4d7b-8a53-0c6a3c1f0001', '6f1a6a6e-1e0b-4d7b-8a53-0c6a3c1f0002'];
    await groups.client.appendToStream('links', [link(ids[0] ?? '', '0@s'), link(ids[1] ?? '', '7@s')]);
    await groups.createOnStream('links', { resolveLinkTos: true });
    const subscriber = groups.subscribe('links', 1);
    await subscriber.got(1);
    expect(subscriber.given[0]?.resolved).toMatchObject({ link: { id: ids[0] }, event: { streamId: 's', type: 'a' } });
    await subscriber.ack(0);
    await subscriber.got(2);
    expect(subscriber.given[1]?.resolved.link).toMatchObject({ id: ids[1], revision: 1n });
    expect(subscriber.given[1]?.resolved.event).toBeUndefined();
    await subscriber.ack(1);
    await inFlight('links', 0);
  });

  it('share out round robin, to the first alone, or by stream', async () => {
    await groups.createOnStream('s', { consumerStrategyName: 'RoundRobin' });
    await groups.createOnStream('t', { consumerStrategyName: 'DispatchToSingle' });
    const labels = [...'abcdef'];
    for (const stream of ['s', 't']) {
      const [first, second] = [await groups.subscribe(stream).confirmed(), await groups.subscribe(stream).confirmed()];
      await groups.append(stream, ...labels);
      const all = stream === 't' ? [6, 0] : [3, 3];
      await inFlight(stream, 6);
      await first.got(all[0] ?? 0);
      await second.got(all[1] ?? 0);
      expect([first.given.length, second.given.length]).toEqual(all);
    }
  });

  it('pinned: one stream goes to one subscriber', async () => {
    await groups.createOnAll(
      { startFrom: START, consumerStrategyName: 'Pinned' },
      { filter: { filterOn: 'streamName', prefixes: ['p-'], checkpointInterval: 1 } },
    );
    const [first, second] = [
      await groups.subscribeToAll(100).confirmed(),
      await groups.subscribeToAll(100).confirmed(),
    ];
    const streams = Array.from({ length: 20 }, (_, index) => `p-${index}`);
    for (const stream of [...streams, ...streams]) await groups.append(stream, 'x');
    await groups.until(
      () => groups.client.getPersistentSubscriptionToAllInfo('group'),
      ({ stats }) => stats.totalItems === 40n,
    );
    const of = (given: readonly { at: string }[]) => new Set(given.map(({ at }) => at.split('/')[0]));
    await first.got(1);
    await second.got(1);
    while (first.given.length + second.given.length < 40) await groups.stats('none').catch(() => undefined);
    expect([...of(first.given)].filter((stream) => of(second.given).has(stream))).toEqual([]);
    expect(of(first.given).size + of(second.given).size).toBe(20);
  });
});
