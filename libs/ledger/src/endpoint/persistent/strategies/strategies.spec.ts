import { describe, expect, it } from '@jest/globals';
import { Watched, idOf, testItem } from '../testing.js';
import { hashOf } from './hash.js';
import { correlationOf, sourceStreamOf } from './pins.js';
import { isStrategyName } from './strategy.js';

describe('RoundRobin', () => {
  it('gives to each in turn, and passes over who has no slot', () => {
    const watched = new Watched();
    const a = watched.join(1);
    const b = watched.join(10);
    watched.append(0, 1, 2, 3);
    expect([watched.places(a), watched.places(b)]).toEqual([[0], [1, 2, 3]]);
    watched.group.acknowledge([idOf(0n)]);
    watched.append(4, 5);
    expect([watched.places(a), watched.places(b)]).toEqual([
      [0, 4],
      [1, 2, 3, 5],
    ]);
  });
});

describe('DispatchToSingle', () => {
  it('gives to the first until it is full, then to the next, and to the first again', () => {
    const watched = new Watched({ strategy: 'DispatchToSingle' });
    const a = watched.join(2);
    const b = watched.join(2);
    watched.append(0, 1, 2);
    watched.group.acknowledge([idOf(0n), idOf(1n)]);
    watched.append(3);
    expect([watched.places(a), watched.places(b)]).toEqual([[0, 1, 3], [2]]);
    watched.group.leave(a);
    expect(watched.places(b)).toEqual([2, 3]);
  });
});

describe.each([
  ['Pinned', (place: bigint, pin: string) => testItem(place, pin)],
  ['PinnedByCorrelation', (place: bigint, pin: string) => testItem(place, `${place}`, `{"$correlationId":"${pin}"}`)],
] as const)('%s', (strategy, item) => {
  it('keeps what belongs together with one subscriber, spread over all', () => {
    const watched = new Watched({ strategy });
    const subscribers = [watched.join(1000), watched.join(1000), watched.join(1000)];
    for (let place = 0n; place < 300n; place++) watched.group.appended(item(place, `pin-${place % 30n}`));
    const owners = new Map<string, Set<unknown>>();
    for (const { to, message } of watched.sent) {
      const pin = `pin-${message.place % 30n}`;
      owners.set(pin, (owners.get(pin) ?? new Set()).add(to));
    }
    expect(owners.size).toBe(30);
    expect([...owners.values()].every((one) => one.size === 1)).toBe(true);
    for (const subscriber of subscribers) expect(watched.places(subscriber).length).toBeGreaterThan(60);
  });

  it('lets others pass while its owner is busy, in order, and blocks the checkpoint', () => {
    const watched = new Watched({ strategy, maxCheckpointCount: 1 });
    watched.join(1);
    watched.group.appended(item(0n, 'x'));
    watched.join(10);
    watched.group.appended(item(1n, 'x'));
    watched.group.appended(item(2n, 'y'));
    watched.group.appended(item(3n, 'x'));
    expect(watched.places()).toEqual([0, 2]);
    watched.group.acknowledge([idOf(2n)]);
    expect(watched.checkpoints).toEqual([]);
    watched.group.acknowledge([idOf(0n)]);
    expect(watched.checkpoints).toEqual([0n]);
    watched.group.acknowledge([idOf(1n)]);
    expect(watched.places()).toEqual([0, 2, 1, 3]);
  });

  it('finds new owners when one leaves, and gives a newcomer its share', () => {
    const watched = new Watched({ strategy });
    const a = watched.join(1000);
    for (let place = 0n; place < 40n; place++) watched.group.appended(item(place, `pin-${place}`));
    const b = watched.join(1000);
    for (let place = 40n; place < 80n; place++) watched.group.appended(item(place, `pin-${place - 40n}`));
    expect(watched.places(b).length).toBeGreaterThan(10);
    expect(watched.places(b).length).toBeLessThan(30);
    watched.group.leave(b);
    expect(new Set(watched.places(a)).size).toBe(80);
  });
});

describe('what pins', () => {
  it('is the stream of the event, also behind a link that is not resolved', () => {
    expect(sourceStreamOf({ stream: 's', type: 't', data: '1@x' })).toBe('s');
    expect(sourceStreamOf({ stream: '$ce-s', type: '$>', data: '1@s-a@b' })).toBe('s-a@b');
  });

  it.each([
    ['{"$correlationId":"c"}', 'c'],
    ['{"$correlationId":1}', 's'],
    ['{}', 's'],
    ['null', 's'],
    ['no JSON', 's'],
    [undefined, 's'],
  ])('by correlation: %s gives %s', (metadata, pin) => {
    expect(correlationOf({ stream: 's', type: 't', data: '', metadata })).toBe(pin);
  });

  it('is hashed the same for ever', () => {
    expect([hashOf(''), hashOf('a'), hashOf('foobar')]).toEqual([0x811c9dc5, 0xe40c292c, 0xbf9cf968]);
  });
});

it('an unknown strategy is none', () => {
  expect(isStrategyName('RoundRobin')).toBe(true);
  expect(isStrategyName('roundrobin')).toBe(false);
});
