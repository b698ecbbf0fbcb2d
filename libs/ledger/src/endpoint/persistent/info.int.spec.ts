import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ServedGroups } from '../../testing/served-groups.js';

describe('a look at a group', () => {
  let groups: ServedGroups;
  beforeEach(async () => {
    groups = await ServedGroups.start();
  });
  afterEach(() => groups.served.remove());

  it('shows settings, figures and connections', async () => {
    await groups.append('s', 'a', 'b', 'c');
    await groups.createOnStream('s', { extraStatistics: true });
    const idle = await groups.until(
      () => groups.stats('s'),
      ({ status }) => status === 'Live',
    );
    expect(idle.stats).toMatchObject({ readBufferCount: 3, totalItems: 0n, lastKnownEventRevision: 2n });
    expect(idle.stats.lastCheckpointedEventRevision).toBeUndefined();
    expect(idle.settings).toEqual({
      startFrom: 'start',
      resolveLinkTos: false,
      extraStatistics: true,
      messageTimeout: 30_000,
      maxRetryCount: 10,
      checkPointAfter: 2_000,
      checkPointLowerBound: 10,
      checkPointUpperBound: 1_000,
      maxSubscriberCount: 'unbounded',
      liveBufferSize: 500,
      readBatchSize: 20,
      historyBufferSize: 500,
      consumerStrategyName: 'RoundRobin',
    });
    const subscriber = groups.subscribe('s', 5);
    await subscriber.got(3);
    groups.time += 250;
    await subscriber.ack(0, 1);
    const { connections, stats } = await groups.until(
      () => groups.stats('s'),
      (seen) => seen.stats.totalInFlightMessages === 1,
    );
    expect(stats).toMatchObject({ outstandingMessagesCount: 1, readBufferCount: 0, totalItems: 3n });
    expect(connections).toHaveLength(1);
    expect(connections[0]).toMatchObject({
      username: 'anonymous',
      totalItems: 3n,
      inFlightMessages: 1,
      availableSlots: 4,
      connectionName: expect.stringMatching(/./),
      from: expect.stringContaining('127.0.0.1'),
    });
    const measured = connections[0]?.extraStatistics;
    expect(measured?.get('quintile 3')).toBe(250n);
    expect(measured?.get('highest')).toBe(250n);
  });

  it('counts from one look to the next', async () => {
    await groups.append('s', 'a', 'b', 'c', 'd');
    await groups.createOnStream('s');
    await groups.stats('s');
    const subscriber = groups.subscribe('s');
    await subscriber.got(4);
    groups.time += 2_000;
    const first = await groups.stats('s');
    expect(first.stats).toMatchObject({ countSinceLastMeasurement: 4n, averagePerSecond: 2, totalItems: 4n });
    expect(first.connections[0]).toMatchObject({ averageItemsPerSecond: 2, countSinceLastMeasurement: 4n });
    expect(first.connections[0]?.extraStatistics).toBeUndefined();
    const second = await groups.stats('s');
    expect(second.stats).toMatchObject({ countSinceLastMeasurement: 0n, averagePerSecond: 0, totalItems: 4n });
  });

  it('says that a group is behind while it has no room to read', async () => {
    await groups.append('s', ...'abcdefghij');
    await groups.createOnStream('s', { historyBufferSize: 4, readBatchSize: 2 });
    const { status, stats } = await groups.until(
      () => groups.stats('s'),
      (seen) => seen.status === 'Behind',
    );
    expect([status, stats.readBufferCount]).toEqual(['Behind', 2]);
  });
});
