import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ServedGroups } from '../../testing/served-groups.js';

const CHECKPOINTS = '$persistentsubscription-s::group-checkpoint';

describe('checkpoints', () => {
  let groups: ServedGroups;
  beforeEach(async () => {
    groups = await ServedGroups.start();
  });
  afterEach(() => groups.served.remove());

  const written = async (stream = CHECKPOINTS) => {
    const events = [];
    for await (const { event } of groups.client.readStream(stream)) events.push(event);
    return events;
  };
  const reached = (revision: bigint) =>
    groups.until(
      () => groups.stats('s'),
      ({ stats }) => stats.lastCheckpointedEventRevision === revision,
    );

  it('are written in time once enough is done, as events of the stream of checkpoints', async () => {
    await groups.append('s', ...'abcdef');
    await groups.createOnStream('s', { checkPointAfter: 2_000, checkPointLowerBound: 3, checkPointUpperBound: 100 });
    const subscriber = groups.subscribe('s');
    await subscriber.got(6);
    await subscriber.ack(0, 1);
    await groups.until(
      () => groups.stats('s'),
      ({ stats }) => stats.outstandingMessagesCount === 4,
    );
    groups.pass(2_000);
    await expect(written()).rejects.toMatchObject({ type: 'stream-not-found' });
    await subscriber.ack(2, 4);
    await groups.until(
      () => groups.stats('s'),
      ({ stats }) => stats.outstandingMessagesCount === 2,
    );
    groups.pass(0);
    await reached(2n);
    expect(await written()).toMatchObject([{ type: '$SubscriptionCheckpoint', data: '2' }]);
    expect((await groups.client.getStreamMetadata(CHECKPOINTS)).metadata).toMatchObject({ maxCount: 2 });
  });

  it('are where a group goes on after a restart; nothing acknowledged before them comes again', async () => {
    await groups.append('s', ...'abcdef');
    await groups.createOnStream('s', { checkPointLowerBound: 1, checkPointUpperBound: 1 });
    const before = groups.subscribe('s');
    await before.got(6);
    await before.ack(0, 1, 2, 4);
    await reached(2n);
    await groups.restart();
    await reached(2n);
    const after = groups.subscribe('s');
    expect(await after.got(3)).toEqual(['s/3', 's/4', 's/5']);
    await after.ack();
    await reached(5n);
    await groups.append('s', 'g');
    expect((await after.got(4)).at(-1)).toBe('s/6');
  });

  it('are not written past a message that is open', async () => {
    await groups.append('s', ...'abcdef');
    await groups.createOnStream('s', { checkPointLowerBound: 1, checkPointUpperBound: 1 });
    const subscriber = groups.subscribe('s');
    await subscriber.got(6);
    await subscriber.ack(1, 2, 3, 4, 5);
    await groups.until(
      () => groups.stats('s'),
      ({ stats }) => stats.outstandingMessagesCount === 1,
    );
    groups.pass(10_000);
    expect((await groups.stats('s')).stats.lastCheckpointedEventRevision).toBeUndefined();
    await groups.restart();
    expect(await groups.subscribe('s').got(6)).toHaveLength(6);
  });

  it('keep no more than the last two', async () => {
    await groups.createOnStream('s', { checkPointLowerBound: 1, checkPointUpperBound: 1 });
    const subscriber = await groups.subscribe('s').confirmed();
    for (let number = 0; number < 5; number++) {
      await groups.append('s', 'x');
      await subscriber.got(number + 1);
      await subscriber.ack(number);
      await reached(BigInt(number));
    }
    expect((await written()).map((event) => event?.data)).toEqual(['3', '4']);
  });

  it('of $all are positions, and go on over what the filter leaves out', async () => {
    await groups.createOnAll(
      { checkPointLowerBound: 1, checkPointUpperBound: 3 },
      { filter: { filterOn: 'eventType', prefixes: ['wanted'], checkpointInterval: 1 } },
    );
    const subscriber = await groups.subscribeToAll().confirmed();
    await groups.append('s', 'wanted');
    await subscriber.got(1);
    await subscriber.ack(0);
    await groups.append('s', 'other', 'other', 'other', 'other', 'wanted');
    await subscriber.got(2);
    const position = subscriber.given[1]?.resolved.event?.position?.commit ?? 0n;
    const info = () => groups.client.getPersistentSubscriptionToAllInfo('group');
    const { stats } = await groups.until(
      info,
      (seen) => seen.stats.lastCheckpointedEventPosition?.commit === position - 1n,
    );
    expect(stats.lastKnownEventPosition).toEqual({ commit: position, prepare: position });
    const last = (await written('$persistentsubscription-$all::group-checkpoint')).at(-1);
    expect(last?.data).toBe(`C:${position - 1n}/P:${position - 1n}`);
    await groups.restart();
    expect(await groups.subscribeToAll().got(1)).toEqual(['s/5']);
  });
});
