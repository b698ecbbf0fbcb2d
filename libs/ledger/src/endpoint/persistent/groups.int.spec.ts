import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  END,
  persistentSubscriptionToAllSettingsFromDefaults,
  persistentSubscriptionToStreamSettingsFromDefaults,
} from '@eventstore/db-client';
import { ServedGroups } from '../../testing/served-groups.js';

const settings = persistentSubscriptionToStreamSettingsFromDefaults;
const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'done',
    (error: unknown) => error,
  );

describe('groups', () => {
  let groups: ServedGroups;
  beforeEach(async () => {
    groups = await ServedGroups.start();
  });
  afterEach(() => groups.served.remove());

  const missing = (stream: string, group = 'group') => ({
    type: 'persistent-subscription-does-not-exist',
    message: `5 NOT_FOUND: Subscription group ${group} on stream ${stream} does not exist.`,
    streamName: stream,
    groupName: group,
  });

  it('that exist are not made twice', async () => {
    await groups.createOnStream('s');
    expect(await failure(groups.createOnStream('s'))).toMatchObject({
      type: 'persistent-subscription-exists',
      message: '6 ALREADY_EXISTS: Subscription group group on stream s exists.',
      streamName: 's',
      groupName: 'group',
    });
    await groups.createOnAll();
    expect(await failure(groups.createOnAll())).toMatchObject({
      type: 'persistent-subscription-exists',
      streamName: '$all',
    });
  });

  it('that do not exist cannot be changed, deleted, looked at, replayed or read', async () => {
    const { client } = groups;
    expect(await failure(client.updatePersistentSubscriptionToStream('s', 'group', settings()))).toMatchObject(
      missing('s'),
    );
    expect(await failure(client.deletePersistentSubscriptionToStream('s', 'group'))).toMatchObject(missing('s'));
    expect(await failure(groups.stats('s'))).toMatchObject(missing('s'));
    expect(await failure(client.replayParkedMessagesToStream('s', 'group'))).toMatchObject(missing('s'));
    expect(await groups.subscribe('s').failure()).toMatchObject(missing('s'));
    expect(await failure(client.listPersistentSubscriptionsToStream('s'))).toMatchObject(missing('s', ''));
    const all = persistentSubscriptionToAllSettingsFromDefaults();
    expect(await failure(client.updatePersistentSubscriptionToAll('group', all))).toMatchObject(missing('$all'));
    expect(await failure(client.deletePersistentSubscriptionToAll('group'))).toMatchObject(missing('$all'));
    expect(await failure(client.getPersistentSubscriptionToAllInfo('group'))).toMatchObject(missing('$all'));
    expect(await groups.subscribeToAll().failure()).toMatchObject(missing('$all'));
  });

  it.each([
    ['a batch as large as its buffer', { readBatchSize: 20, historyBufferSize: 20 }, 'ReadBatchSize'],
    ['no live buffer', { liveBufferSize: 0 }, 'LiveBufferSize'],
  ])('cannot be with %s', async (_what, changes, reason) => {
    expect(await failure(groups.createOnStream('s', changes))).toMatchObject({
      type: 'persistent-subscription-failed',
      reason: expect.stringContaining(reason),
    });
    await groups.createOnStream('s');
    const wrong = groups.client.updatePersistentSubscriptionToStream('s', 'group', settings(changes));
    expect(await failure(wrong)).toMatchObject({ type: 'persistent-subscription-failed' });
    expect((await groups.stats('s')).settings.readBatchSize).toBe(20);
  });

  it('cannot start where nothing can be', async () => {
    expect(await failure(groups.createOnStream('s', { startFrom: -2n as never }))).not.toBe('done');
    expect(await failure(groups.createOnStream('s', { startFrom: 2n ** 63n }))).toMatchObject({
      reason: expect.stringContaining('greater than or equal to -1'),
    });
    const at = (commit: bigint, prepare: bigint) => groups.createOnAll({ startFrom: { commit, prepare } });
    expect(await failure(at(1_000_000n, 1n))).toMatchObject({
      reason: expect.stringContaining('last commit position'),
    });
    expect(await failure(at(1n, 2n))).toMatchObject({ reason: expect.stringContaining('prepare position') });
    expect(await failure(groups.createOnStream('$all'))).toMatchObject({ type: 'persistent-subscription-failed' });
  });

  it('start at the revision they are told to, inclusive, or at the end as it was when they were made', async () => {
    await groups.append('s', 'a', 'b', 'c');
    await groups.createOnStream('s', { startFrom: 1n });
    expect(await groups.subscribe('s').got(2)).toEqual(['s/1', 's/2']);
    await groups.append('t', 'a');
    await groups.createOnStream('t', { startFrom: END });
    await groups.append('t', 'b');
    await groups.restart();
    expect(await groups.subscribe('t').got(1)).toEqual(['t/1']);
    await groups.createOnStream('later', { startFrom: 2n });
    await groups.append('later', 'a', 'b', 'c');
    expect(await groups.subscribe('later').got(1)).toEqual(['later/2']);
  });

  it('take as many subscribers as they may have', async () => {
    await groups.createOnStream('s', { maxSubscriberCount: 1 });
    const first = await groups.subscribe('s').confirmed();
    expect(await groups.subscribe('s').failure()).toMatchObject({
      type: 'maximum-subscribers-reached',
      message: expect.stringContaining('Maximum subscriptions reached for subscription group group on stream s.'),
      streamName: 's',
      groupName: 'group',
    });
    await first.subscription.unsubscribe();
    await groups.until(
      () => groups.stats('s'),
      ({ connections }) => connections.length === 0,
    );
    await groups.subscribe('s').confirmed();
  });

  it('drop their subscribers when they are changed, and go on from their checkpoint', async () => {
    await groups.append('s', 'a', 'b', 'c');
    await groups.createOnStream('s', { checkPointUpperBound: 1, checkPointLowerBound: 1 });
    const first = groups.subscribe('s');
    await first.got(3);
    await first.ack(0);
    await groups.until(
      () => groups.stats('s'),
      ({ stats }) => stats.lastCheckpointedEventRevision === 0n,
    );
    await groups.client.updatePersistentSubscriptionToStream('s', 'group', settings({ messageTimeout: 7 }));
    expect(await first.failure()).toMatchObject({
      type: 'persistent-subscription-dropped',
      message: expect.stringContaining('Subscription group group on stream s was dropped.'),
    });
    expect((await groups.stats('s')).settings.messageTimeout).toBe(7);
    expect(await groups.subscribe('s').got(2)).toEqual(['s/1', 's/2']);
  });

  it('from the end keep what is open when they are changed', async () => {
    await groups.createOnStream('s', { startFrom: END });
    await groups.append('s', 'a');
    await groups.client.updatePersistentSubscriptionToStream('s', 'group', settings({ startFrom: END }));
    expect(await groups.subscribe('s').got(1)).toEqual(['s/0']);
  });

  it('tell their subscribers when the server shuts down', async () => {
    await groups.createOnStream('s');
    const subscriber = await groups.subscribe('s').confirmed();
    await groups.served.endpoint.close(200);
    expect(await subscriber.failure()).toMatchObject({ type: 'unavailable' });
  });

  it('drop their subscribers when they are deleted, and forget everything', async () => {
    await groups.append('s', 'a', 'b');
    await groups.createOnStream('s', { checkPointUpperBound: 1, checkPointLowerBound: 1 });
    const first = groups.subscribe('s');
    await first.got(2);
    await first.nack('park', 0);
    await first.ack(1);
    await groups.until(
      () => groups.stats('s'),
      ({ stats }) => stats.lastCheckpointedEventRevision === 1n,
    );
    await groups.client.deletePersistentSubscriptionToStream('s', 'group');
    expect(await first.failure()).toMatchObject({ type: 'persistent-subscription-dropped' });
    await groups.createOnStream('s');
    expect((await groups.stats('s')).stats.parkedMessageCount).toBe(0n);
    expect(await groups.subscribe('s').got(2)).toEqual(['s/0', 's/1']);
  });

  it('are listed, all or those on a stream', async () => {
    const { client } = groups;
    expect(await client.listAllPersistentSubscriptions()).toEqual([]);
    await groups.createOnStream('s');
    await groups.createOnStream('t');
    await client.createPersistentSubscriptionToStream('s', 'other', settings());
    await groups.createOnAll();
    const names = (infos: { eventSource: string; groupName: string }[]) =>
      infos.map(({ eventSource, groupName }) => `${eventSource}::${groupName}`).sort();
    expect(names(await client.listAllPersistentSubscriptions())).toEqual([
      '$all::group',
      's::group',
      's::other',
      't::group',
    ]);
    expect(names(await client.listPersistentSubscriptionsToStream('s'))).toEqual(['s::group', 's::other']);
    expect(names(await client.listPersistentSubscriptionsToAll())).toEqual(['$all::group']);
  });

  it('survive a restart of the server with all their settings, and a restart of the subsystem', async () => {
    const changes = {
      startFrom: 5n,
      resolveLinkTos: true,
      extraStatistics: true,
      messageTimeout: 1,
      maxRetryCount: 2,
      checkPointAfter: 3,
      checkPointLowerBound: 4,
      checkPointUpperBound: 5,
      maxSubscriberCount: 6,
      liveBufferSize: 7,
      readBatchSize: 8,
      historyBufferSize: 9,
      consumerStrategyName: 'Pinned' as const,
    };
    await groups.createOnStream('s', changes);
    const before = await groups.stats('s');
    expect(before.settings).toEqual(changes);
    await groups.restart();
    expect((await groups.stats('s')).settings).toEqual(changes);
    const subscriber = await groups.subscribe('s').confirmed();
    await groups.client.restartPersistentSubscriptionSubsystem();
    expect(await subscriber.failure()).toMatchObject({ type: 'persistent-subscription-dropped' });
    expect((await groups.stats('s')).settings).toEqual(changes);
    await groups.client.deletePersistentSubscriptionToStream('s', 'group');
    await groups.restart();
    expect(await failure(groups.stats('s'))).toMatchObject(missing('s'));
  });

  it('are made one after another, however fast they are asked for', async () => {
    const made = await Promise.all(Array.from({ length: 10 }, () => failure(groups.createOnStream('s'))));
    expect(made.filter((one) => one === 'done')).toHaveLength(1);
    await Promise.all(Array.from({ length: 10 }, (_, index) => groups.createOnStream(`s${index}`)));
    await groups.restart();
    expect(await groups.client.listAllPersistentSubscriptions()).toHaveLength(11);
  });
});
