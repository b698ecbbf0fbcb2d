import { describe, expect, it } from '@jest/globals';
import { idOf, Watched } from './testing.js';

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe('a group hands events out', () => {
  it('in order, up to the free slots of its subscriber, and goes on as they are acknowledged', () => {
    const watched = new Watched();
    watched.join(2);
    watched.append(0, 1, 2, 3);
    expect(watched.places()).toEqual([0, 1]);
    watched.group.acknowledge([idOf(0n)]);
    expect(watched.places()).toEqual([0, 1, 2]);
    watched.group.acknowledge([idOf(1n), idOf(2n)]);
    expect(watched.places()).toEqual([0, 1, 2, 3]);
    expect(watched.group.counts).toEqual({ retry: 0, history: 0, live: 0, outstanding: 1 });
  });

  it('keeps them while nobody is there', () => {
    const watched = new Watched();
    watched.append(0, 1);
    expect(watched.places()).toEqual([]);
    watched.join();
    expect(watched.places()).toEqual([0, 1]);
  });

  it('ignores acknowledgements of what it did not give', () => {
    const watched = new Watched();
    watched.join(1);
    watched.append(0, 1);
    watched.group.acknowledge([idOf(1n), 'nothing']);
    expect(watched.places()).toEqual([0]);
  });

  it('holds a second event with the same id back until the first is acknowledged', () => {
    const watched = new Watched();
    watched.join();
    const same = { id: 'same', event: { stream: 's', type: 't', data: '' } };
    for (const place of [0n, 1n]) watched.group.appended({ ...same, place });
    watched.append(2);
    expect(watched.places()).toEqual([0, 2]);
    watched.group.acknowledge(['same']);
    expect(watched.places()).toEqual([0, 2, 1]);
  });

  it('counts its subscribers', () => {
    const watched = new Watched({ maxSubscriberCount: 2 });
    expect(watched.group.isFull).toBe(false);
    const first = watched.join();
    watched.join();
    expect(watched.group.isFull).toBe(true);
    watched.group.leave(first);
    expect(watched.group.isFull).toBe(false);
  });
});

describe('a message that is refused', () => {
  it.each(['retry', 'unknown'] as const)('with %s comes again, counted, before what is new', (how) => {
    const watched = new Watched();
    watched.join(1);
    watched.append(0, 1);
    watched.group.refuse([idOf(0n)], how, 'busy');
    expect(watched.sent.map(({ message }) => [message.place, message.retries])).toEqual([
      [0n, 0],
      [0n, 1],
    ]);
  });

  it('too often is parked, with the reason', () => {
    const watched = new Watched({ maxRetryCount: 2 });
    watched.join();
    watched.append(0);
    for (let time = 0; time < 3; time++) watched.group.refuse([idOf(0n)], 'retry', '');
    expect(watched.sent.map(({ message }) => message.retries)).toEqual([0, 1, 2]);
    expect(watched.parked).toEqual([{ id: idOf(0n), reason: 'Reached retry count of 2' }]);
  });

  it('with park is put away once, and its slot is free at once', () => {
    const watched = new Watched();
    watched.join(1);
    watched.append(0, 1);
    watched.group.refuse([idOf(0n)], 'park', 'poison');
    watched.group.refuse([idOf(0n)], 'park', 'poison');
    expect(watched.parked).toEqual([{ id: idOf(0n), reason: "Client explicitly NAK'ed message.\npoison" }]);
    expect(watched.places()).toEqual([0, 1]);
  });

  it('and cannot be parked comes again', () => {
    const watched = new Watched();
    watched.join();
    watched.append(0);
    watched.group.refuse([idOf(0n)], 'park', '');
    watched.group.parked(idOf(0n), false);
    expect(watched.places()).toEqual([0, 0]);
  });

  it.each(['skip', 'stop'] as const)('with %s is gone', (how) => {
    const watched = new Watched();
    watched.join();
    watched.append(0);
    watched.group.refuse([idOf(0n)], how, '');
    watched.pass(60_000);
    expect(watched.places()).toEqual([0]);
    expect(watched.group.counts.outstanding).toBe(0);
  });
});

describe('a message without an answer', () => {
  it('comes again when its time is over, and is parked in the end', () => {
    const watched = new Watched({ messageTimeoutMs: 1_000, maxRetryCount: 1 });
    watched.join();
    watched.append(0);
    watched.pass(999);
    expect(watched.places()).toEqual([0]);
    watched.pass(1);
    expect(watched.places()).toEqual([0, 0]);
    watched.pass(1_000);
    expect(watched.places()).toEqual([0, 0]);
    expect(watched.parked).toHaveLength(1);
  });

  it('never times out with a timeout of 0', () => {
    const watched = new Watched({ messageTimeoutMs: 0 });
    watched.join();
    watched.append(0);
    watched.pass(1e12);
    expect(watched.places()).toEqual([0]);
  });

  it('goes to another subscriber when the first leaves, in its order', () => {
    const watched = new Watched();
    const first = watched.join();
    watched.append(0, 1, 2);
    watched.group.acknowledge([idOf(1n)]);
    watched.group.leave(first);
    watched.group.leave(first);
    const second = watched.join();
    expect(watched.places(second)).toEqual([0, 2]);
  });
});

describe('a checkpoint', () => {
  const RULE = { minCheckpointCount: 2, maxCheckpointCount: 5, checkpointAfterMs: 1_000 };

  it('is written on a tick once enough is done, and not before its time', () => {
    const watched = new Watched(RULE);
    watched.join();
    watched.append(0, 1, 2, 3, 4);
    watched.group.acknowledge([idOf(0n)]);
    watched.pass(5_000);
    expect(watched.checkpoints).toEqual([]);
    watched.group.acknowledge([idOf(1n)]);
    expect(watched.checkpoints).toEqual([]);
    watched.pass(1);
    expect(watched.checkpoints).toEqual([1n]);
    watched.group.acknowledge([idOf(2n), idOf(3n)]);
    watched.pass(998);
    expect(watched.checkpoints).toEqual([1n]);
    watched.pass(2);
    expect(watched.checkpoints).toEqual([1n, 3n]);
  });

  it('is written at once when the most is done', () => {
    const watched = new Watched(RULE);
    watched.join(20);
    watched.append(...range(0, 9));
    watched.group.acknowledge(range(0, 4).map((place) => idOf(BigInt(place))));
    expect(watched.checkpoints).toEqual([4n]);
  });

  it('never passes what is not acknowledged, retried or being parked', () => {
    const watched = new Watched(RULE);
    watched.join(20);
    watched.append(...range(0, 9));
    watched.group.acknowledge(range(1, 9).map((place) => idOf(BigInt(place))));
    watched.pass(10_000);
    expect(watched.checkpoints).toEqual([]);
    watched.group.refuse([idOf(0n)], 'park', '');
    watched.pass(10_000);
    expect(watched.checkpoints).toEqual([]);
    watched.group.parked(idOf(0n), true);
    expect(watched.checkpoints).toEqual([9n]);
  });

  it('stands before the first open message, wherever that waits', () => {
    const watched = new Watched(RULE);
    const first = watched.join(20);
    watched.append(10, 20, 30, 40);
    watched.group.acknowledge([idOf(10n), idOf(20n), idOf(40n)]);
    watched.group.leave(first);
    watched.pass(1);
    expect(watched.checkpoints).toEqual([20n]);
  });

  it('moves over events that the filter left out, but not past what waits before them', () => {
    const watched = new Watched(RULE);
    watched.append(0);
    watched.group.appended({ count: 1, place: 1n });
    for (let place = 2n; place < 20n; place++) watched.group.appended({ count: 1, place });
    watched.pass(10_000);
    expect(watched.checkpoints).toEqual([]);
    watched.join();
    watched.group.acknowledge([idOf(0n)]);
    expect(watched.checkpoints).toEqual([19n]);
  });

  it('counts from the one it began with', () => {
    const watched = new Watched(RULE, { after: 7n, isCheckpoint: true });
    watched.join();
    watched.append(8);
    watched.group.acknowledge([idOf(8n)]);
    watched.pass(10_000);
    expect(watched.checkpoints).toEqual([]);
    watched.append(9);
    watched.group.acknowledge([idOf(9n)]);
    watched.pass(1);
    expect(watched.checkpoints).toEqual([9n]);
  });

  it('waits for no time where its time is 0', () => {
    const watched = new Watched({ ...RULE, checkpointAfterMs: 0 });
    watched.join();
    watched.append(0, 1, 2, 3);
    watched.group.acknowledge(range(0, 3).map((place) => idOf(BigInt(place))));
    watched.pass(1e9);
    expect(watched.checkpoints).toEqual([]);
  });
});

describe('parked messages that are replayed', () => {
  const replayed = (place: bigint) => ({ id: `link-${place}`, place, event: { stream: 's', type: 't', data: '' } });

  it('come before new events, and hold no checkpoint up', () => {
    const watched = new Watched({ maxCheckpointCount: 1 });
    watched.append(5);
    watched.group.replay([replayed(3n), replayed(1n)]);
    watched.join();
    expect(watched.places()).toEqual([3, 1, 5]);
    watched.group.acknowledge([idOf(5n)]);
    expect(watched.checkpoints).toEqual([5n]);
  });

  it('can be retried and parked again, but no retry of them passes another order', () => {
    const watched = new Watched({ maxRetryCount: 1 });
    watched.join();
    watched.group.replay([replayed(3n)]);
    watched.group.refuse(['link-3'], 'retry', '');
    watched.group.refuse(['link-3'], 'retry', '');
    expect(watched.sent.map(({ message }) => message.retries)).toEqual([0, 1]);
    expect(watched.parked).toHaveLength(1);
  });
});
