import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventTypeFilter, type Position, START, streamNameFilter } from '@eventstore/db-client';
import { ServedGroups } from '../../testing/served-groups.js';

describe('groups on $all', () => {
  let groups: ServedGroups;
  beforeEach(async () => {
    groups = await ServedGroups.start();
    await groups.append('apple', 'red', 'green');
    await groups.append('pear', 'green');
    await groups.append('apple', 'red');
  });
  afterEach(() => groups.served.remove());

  const info = () => groups.client.getPersistentSubscriptionToAllInfo('group');

  it('give every stream in order, and none of their own bookkeeping', async () => {
    await groups.createOnAll({ startFrom: START, checkPointLowerBound: 1, checkPointUpperBound: 1 });
    const subscriber = groups.subscribeToAll(100);
    const places = (await subscriber.got(5)).filter((at) => !at.startsWith('$'));
    expect(places).toEqual(['apple/0', 'apple/1', 'pear/0', 'apple/2']);
    await groups.append('fig', 'blue');
    await groups.until(
      async () => subscriber.given,
      (given) => given.some(({ at }) => at === 'fig/0'),
    );
    await subscriber.nack('park', 0);
    await groups.until(info, ({ stats }) => stats.parkedMessageCount === 1n);
    await subscriber.ack();
    await groups.until(info, ({ stats }) => stats.lastCheckpointedEventPosition !== undefined);
    await groups.append('fig', 'last');
    await groups.until(
      async () => subscriber.given,
      (given) => given.some(({ at }) => at === 'fig/1'),
    );
    expect(subscriber.given.filter(({ at }) => at.startsWith('$persistentsubscription-'))).toEqual([]);
  });

  it('read a long past in small batches, without a gap or a repetition', async () => {
    const labels = Array.from({ length: 50 }, (_, index) => `${index % 3}`);
    await groups.append('long', ...labels);
    await groups.createOnAll(
      { startFrom: START, readBatchSize: 3, historyBufferSize: 5 },
      { filter: eventTypeFilter({ regex: '^[01]$' }) },
    );
    const subscriber = groups.subscribeToAll(2);
    const wanted = labels.flatMap((label, index) => (label === '2' ? [] : [`long/${index}`]));
    for (let count = 1; count <= wanted.length; count++) {
      await subscriber.got(count);
      await subscriber.ack(count - 1);
    }
    expect(await subscriber.got(wanted.length)).toEqual(wanted);
  });

  it('start at a position, inclusive', async () => {
    let position: Position | undefined;
    for await (const { event } of groups.client.readStream('pear')) position = event?.position;
    if (!position) throw new Error('the event has no position');
    await groups.createOnAll({ startFrom: position });
    expect(await groups.subscribeToAll().got(2)).toEqual(['pear/0', 'apple/2']);
    expect((await info()).settings.startFrom).toEqual(position);
  });

  it('start at the end by default', async () => {
    await groups.createOnAll();
    await groups.append('fig', 'blue');
    // The server's own note of the new group comes first.
    expect(await groups.subscribeToAll().got(3)).toEqual([
      '$persistentSubscriptionConfig/0',
      '$$$persistentSubscriptionConfig/0',
      'fig/0',
    ]);
    expect((await info()).settings.startFrom).toBe('end');
  });

  it.each([
    ['prefixes of streams', streamNameFilter({ prefixes: ['pea', 'no'] }), ['pear/0', 'pear/1']],
    ['a pattern of streams', streamNameFilter({ regex: '^p' }), ['pear/0', 'pear/1']],
    ['prefixes of types', eventTypeFilter({ prefixes: ['gre'] }), ['apple/1', 'pear/0', 'pear/1']],
    ['a pattern of types', eventTypeFilter({ regex: '^g.*n$' }), ['apple/1', 'pear/0', 'pear/1']],
  ])('take %s, also live, after an update and after a restart', async (_what, filter, wanted) => {
    await groups.createOnAll({ startFrom: START }, { filter });
    await groups.append('pear', 'green');
    await groups.append('plum'.toUpperCase(), 'blue');
    expect(await groups.subscribeToAll().got(wanted.length)).toEqual(wanted);
    const { settings } = await info();
    await groups.client.updatePersistentSubscriptionToAll('group', { ...settings, startFrom: START });
    expect(await groups.subscribeToAll().got(wanted.length)).toEqual(wanted);
    await groups.restart();
    expect(await groups.subscribeToAll().got(wanted.length)).toEqual(wanted);
  });

  it('end with an error, and lose nothing, where a pattern takes too long', async () => {
    await groups.createOnAll({}, { filter: streamNameFilter({ regex: '^(a+)+$' }) });
    const subscriber = await groups.subscribeToAll().confirmed();
    await groups.createOnStream('apple');
    await groups.append(`${'a'.repeat(40)}!`, 'x');
    expect(await subscriber.failure()).toMatchObject({ message: expect.stringContaining('takes too long') });
    expect(await groups.subscribe('apple').got(3)).toEqual(['apple/0', 'apple/1', 'apple/2']);
    await expect(
      groups.client.createPersistentSubscriptionToAll('bad', (await info()).settings as never, {
        filter: streamNameFilter({ regex: '(' }),
      }),
    ).rejects.toMatchObject({ message: expect.stringContaining('no regular expression') });
  });
});
