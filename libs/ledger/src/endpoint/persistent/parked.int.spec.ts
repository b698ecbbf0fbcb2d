import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ServedGroups, type TestSubscriber } from '../../testing/served-groups.js';

const PARKED = '$persistentsubscription-s::group-parked';

describe('parked messages', () => {
  let groups: ServedGroups;
  let subscriber: TestSubscriber;
  beforeEach(async () => {
    groups = await ServedGroups.start();
    await groups.append('s', 'a', 'b', 'c', 'd');
    await groups.createOnStream('s', { maxRetryCount: 1, messageTimeout: 1_000 });
    subscriber = groups.subscribe('s');
    await subscriber.got(4);
  });
  afterEach(() => groups.served.remove());

  const parked = (count: bigint) =>
    groups.until(
      () => groups.stats('s'),
      ({ stats }) => stats.parkedMessageCount === count,
    );
  const replay = (stopAt?: number) =>
    groups.client.replayParkedMessagesToStream('s', 'group', stopAt === undefined ? {} : { stopAt });
  const linksIn = async (stream: string) => {
    const links = [];
    for await (const { event } of groups.client.readStream(stream)) links.push(event);
    return links;
  };

  it('are links with the reason, and the message is out of the way', async () => {
    await subscriber.nack('park', 1, 3);
    await parked(2n);
    const links = await linksIn(PARKED);
    expect(links.map((link) => [link?.type, Buffer.from(link?.data as Uint8Array).toString()])).toEqual([
      ['$>', '1@s'],
      ['$>', '3@s'],
    ]);
    expect(links[0]?.metadata).toMatchObject({
      reason: "Client explicitly NAK'ed message.\nbecause",
      subscriptionEventNumber: 1,
      added: expect.any(String),
    });
    expect((await groups.stats('s')).stats.outstandingMessagesCount).toBe(2);
  });

  it('are those that were refused or overdue too often', async () => {
    await subscriber.ack(2, 3);
    await subscriber.nack('retry', 0);
    await subscriber.got(5);
    await subscriber.nack('retry', 4);
    await parked(1n);
    groups.pass(1_000);
    await subscriber.got(6);
    groups.pass(1_000);
    await parked(2n);
    const links = await linksIn(PARKED);
    expect(links.map((link) => link?.metadata)).toMatchObject([
      { reason: 'Reached retry count of 1' },
      { reason: 'Reached retry count of 1' },
    ]);
    expect((await groups.stats('s')).stats.outstandingMessagesCount).toBe(0);
  });

  it('are replayed with the link and the event, and gone from the stream', async () => {
    await subscriber.nack('park', 2, 0);
    await parked(2n);
    await replay();
    expect((await subscriber.got(6)).slice(4)).toEqual(['s/2', 's/0']);
    const [, , , , again] = subscriber.given;
    expect(again?.resolved.link).toMatchObject({ streamId: PARKED, revision: 0n });
    expect(again?.retries).toBe(0);
    await parked(0n);
    await subscriber.ack();
    await groups.until(
      () => groups.stats('s'),
      ({ stats }) => stats.outstandingMessagesCount === 0,
    );
    await replay();
    await groups.append('s', 'e');
    expect((await subscriber.got(7)).at(-1)).toBe('s/4');
  });

  it('leave nothing behind where there are none to replay', async () => {
    await replay();
    await expect(linksIn(`$$${PARKED}`)).rejects.toMatchObject({ type: 'stream-not-found' });
  });

  it('are replayed up to where it is to stop', async () => {
    await subscriber.nack('park', 0, 1, 2);
    await parked(3n);
    await replay(2);
    expect((await subscriber.got(6)).slice(4)).toEqual(['s/0', 's/1']);
    await parked(1n);
    // What was replayed already is not there again.
    await replay(1);
    expect((await groups.client.getStreamMetadata(PARKED)).metadata?.truncateBefore).toBe(2);
    await replay(100);
    expect((await subscriber.got(7)).at(-1)).toBe('s/2');
    await parked(0n);
    await expect(replay(-1)).rejects.toMatchObject({
      type: 'persistent-subscription-failed',
      reason: 'Cannot stop replaying parked message at a negative version.',
    });
  });

  it('can be parked again: the link still points to the event', async () => {
    await subscriber.nack('park', 3);
    await parked(1n);
    await replay();
    await subscriber.got(5);
    await subscriber.nack('park', 4);
    const links = await groups.until(
      () => linksIn(PARKED),
      ([link]) => link?.revision === 1n,
    );
    expect(links.map((link) => Buffer.from(link?.data as Uint8Array).toString())).toEqual(['3@s']);
  });

  it('are left out of a replay if the event is gone', async () => {
    await subscriber.nack('park', 0, 3);
    await parked(2n);
    await groups.client.setStreamMetadata('s', { truncateBefore: 2 });
    await replay();
    expect((await subscriber.got(5)).slice(4)).toEqual(['s/3']);
    await parked(0n);
  });

  it('survive a restart and are replayed after it', async () => {
    await subscriber.nack('park', 1);
    await parked(1n);
    await subscriber.ack(0, 2, 3);
    await groups.restart();
    await parked(1n);
    await replay();
    const after = groups.subscribe('s');
    const places = await after.got(5);
    expect(places.filter((at) => at === 's/1').length).toBeGreaterThan(0);
    expect(after.given.some(({ resolved }) => resolved.link?.streamId === PARKED)).toBe(true);
  });

  it('of a group on $all are replayed too', async () => {
    await groups.createOnAll({}, { filter: { filterOn: 'streamName', prefixes: ['s'], checkpointInterval: 1 } });
    const all = await groups.subscribeToAll().confirmed();
    await groups.append('s', 'e');
    await all.got(1);
    await all.nack('park', 0);
    const info = () => groups.client.getPersistentSubscriptionToAllInfo('group');
    await groups.until(info, ({ stats }) => stats.parkedMessageCount === 1n);
    await groups.client.replayParkedMessagesToAll('group');
    expect(await all.got(2)).toEqual(['s/4', 's/4']);
    expect(all.given[1]?.resolved.link?.streamId).toBe('$persistentsubscription-$all::group-parked');
  });
});
