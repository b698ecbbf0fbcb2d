import { describe, expect, it } from '@jest/globals';
import { idOf, testItem, Watched } from './testing.js';

describe('a group that is behind', () => {
  const SMALL = { historyBufferSize: 4, readBatchSize: 2, liveBufferSize: 2 };
  const page = (...places: number[]) => places.map((place) => testItem(BigInt(place)));

  it('reads in batches while there is room, and goes live at the end', () => {
    const watched = new Watched(SMALL, { isAtEnd: false });
    watched.group.begin();
    expect(watched.reads).toEqual([{ from: 0n, count: 2 }]);
    expect(watched.group.status).toBe('Behind, OutstandingPageRequest');
    watched.group.pageRead(page(0, 1));
    expect(watched.reads).toHaveLength(1);
    watched.join();
    watched.group.acknowledge([idOf(0n)]);
    expect(watched.reads[1]).toEqual({ from: 2n, count: 2 });
    watched.group.pageRead(page(2), 2n);
    expect(watched.group.status).toBe('Live');
    watched.append(2, 3);
    expect(watched.places()).toEqual([0, 1, 2, 3]);
  });

  it('takes over from the live buffer where the read meets it, without a gap or a repetition', () => {
    const watched = new Watched(SMALL, { isAtEnd: false });
    watched.group.begin();
    watched.append(2, 3, 4);
    expect(watched.group.counts.live).toBe(2);
    watched.join();
    watched.group.pageRead(page(0, 1));
    watched.group.pageRead(page(2, 3));
    expect(watched.group.status).toBe('Live');
    watched.append(5);
    expect(watched.places()).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('falls behind when its buffer is full, and reads what it did not take', () => {
    const watched = new Watched(SMALL);
    watched.append(0, 1, 2, 3, 4, 5, 6, 7);
    expect(watched.group.status).toBe('Behind');
    const subscriber = watched.join(3);
    watched.pass(0);
    expect(watched.reads).toEqual([{ from: 4n, count: 2 }]);
    watched.group.pageRead(page(4, 5));
    watched.group.acknowledge([0n, 1n, 2n].map(idOf));
    watched.group.pageRead(page(6, 7));
    expect(watched.group.status).toBe('Live');
    watched.group.acknowledge([3n, 4n, 5n].map(idOf));
    expect(watched.places(subscriber)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('does not wait for events that the source no longer shows', () => {
    const watched = new Watched(SMALL, { isAtEnd: false });
    watched.group.begin();
    watched.append(5, 6);
    watched.group.pageRead([], 6n);
    expect(watched.group.status).toBe('Live');
    watched.join();
    watched.append(6, 7);
    expect(watched.places()).toEqual([7]);
  });

  it('reads again on a tick after a read failed', () => {
    const watched = new Watched(SMALL, { isAtEnd: false });
    watched.group.begin();
    watched.group.readFailed();
    watched.pass(1);
    expect(watched.reads).toHaveLength(2);
  });
});
