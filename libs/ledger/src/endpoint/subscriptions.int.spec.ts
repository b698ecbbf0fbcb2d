import { eventTypeFilter, jsonEvent, type Position, type ResolvedEvent, streamNameFilter } from '@eventstore/db-client';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ServedLedger } from '../testing/served-ledger.js';

let served: ServedLedger;
beforeEach(async () => {
  served = await ServedLedger.start();
});
afterEach(() => served.remove());

const append = (stream: string, count: number, type = 'test') =>
  served.client.appendToStream(
    stream,
    Array.from({ length: count }, (_, n) => jsonEvent({ type, data: { n } })),
  );
const placeOf = ({ link, event }: ResolvedEvent): string => `${(link ?? event)?.streamId}/${(link ?? event)?.revision}`;

type Subscription =
  ReturnType<typeof served.client.subscribeToAll> | ReturnType<typeof served.client.subscribeToStream>;

/** What a subscription says, in order, until `enough` of it came. */
async function heard(subscription: Subscription, enough: (said: string[]) => boolean): Promise<string[]> {
  const said: string[] = [];
  await new Promise<void>((resolve, reject) => {
    const say = (what: string) => {
      said.push(what);
      if (enough(said)) resolve();
    };
    subscription.on('confirmation', () => say('confirmed'));
    subscription.on('caughtUp', () => say('caught up'));
    subscription.on('data', (event: ResolvedEvent) => say(placeOf(event)));
    subscription.on('error', (error: Error & { type?: string }) => {
      say(String(error.type));
      reject(error);
    });
  }).catch((error: unknown) => {
    if (!enough(said)) throw error;
  });
  await subscription.unsubscribe();
  return said;
}
const events = (count: number) => (said: string[]) => said.filter((what) => what.includes('/')).length >= count;

describe('a subscription to a stream', () => {
  it('is confirmed, gives what is there, says that it caught up, and goes on live', async () => {
    await append('a', 2);
    const subscription = served.client.subscribeToStream('a');
    subscription.once('caughtUp', () => void append('a', 1));
    expect(await heard(subscription, events(3))).toEqual(['confirmed', 'a/0', 'a/1', 'caught up', 'a/2']);
  });

  it('starts after a revision, and from the end with what comes', async () => {
    await append('a', 3);
    expect(await heard(served.client.subscribeToStream('a', { fromRevision: 1n }), events(1))).toContain('a/2');
    const live = served.client.subscribeToStream('a', { fromRevision: 'end' });
    live.once('caughtUp', () => void append('a', 1));
    expect(await heard(live, events(1))).toEqual(['confirmed', 'caught up', 'a/3']);
  });

  it('waits for a stream that is not there, and for one that was deleted', async () => {
    const waiting = served.client.subscribeToStream('none');
    waiting.once('caughtUp', () => void append('none', 1));
    expect(await heard(waiting, events(1))).toEqual(['confirmed', 'caught up', 'none/0']);
    await served.client.deleteStream('none');
    const again = served.client.subscribeToStream('none');
    again.once('caughtUp', () => void append('none', 1));
    expect(await heard(again, events(1))).toEqual(['confirmed', 'caught up', 'none/1']);
  });

  it('gets the tombstone, and ends', async () => {
    await append('a', 1);
    const subscription = served.client.subscribeToStream('a');
    subscription.once('caughtUp', () => void served.client.tombstoneStream('a'));
    const said = await heard(subscription, (all) => all.includes('stream-deleted'));
    expect(said).toEqual(['confirmed', 'a/0', 'caught up', 'a/9223372036854775807', 'stream-deleted']);
    const late = await heard(served.client.subscribeToStream('a'), (all) => all.includes('stream-deleted'));
    expect(late).toEqual(['confirmed', 'stream-deleted']);
  });

  it('starts at the first revision that is shown', async () => {
    await append('a', 5);
    await served.client.setStreamMetadata('a', { truncateBefore: 3 });
    const said = await heard(served.client.subscribeToStream('a'), (all) => all.includes('caught up'));
    expect(said).toEqual(['confirmed', 'a/3', 'a/4', 'caught up']);
  });

  it('loses and repeats nothing while others append', async () => {
    const writing = (async () => {
      for (let round = 0; round < 40; round++) await append('a', 25);
    })();
    const said = await heard(served.client.subscribeToStream('a'), events(1000));
    await writing;
    const places = said.filter((what) => what.includes('/'));
    expect(places).toEqual(Array.from({ length: 1000 }, (_, revision) => `a/${revision}`));
  });
});

describe('a subscription to $all', () => {
  it('gives everything after a position, then what comes', async () => {
    await append('a', 1);
    const { position } = await append('b', 1);
    await append('a', 1);
    if (position === undefined) throw new Error('no position');
    const subscription = served.client.subscribeToAll({ fromPosition: position });
    subscription.once('caughtUp', () => void append('b', 1));
    expect(await heard(subscription, events(2))).toEqual(['confirmed', 'a/1', 'caught up', 'b/1']);
  });

  it.each([
    ['names by prefix', streamNameFilter({ prefixes: ['or', 'pe'] }), ['order/0', 'pear/0']],
    ['names by pattern', streamNameFilter({ regex: '^(?!.*r$)' }), ['apple/0']],
    ['types by prefix', eventTypeFilter({ prefixes: ['b'] }), ['pear/0']],
    ['types by pattern', eventTypeFilter({ regex: '(?i)^A' }), ['apple/0', 'order/0']],
  ])('filters %s', async (_what, filter, wanted) => {
    await append('apple', 1, 'a');
    await append('order', 1, 'a');
    await append('pear', 1, 'b');
    const said = await heard(served.client.subscribeToAll({ filter }), (all) => all.includes('caught up'));
    expect(said).toEqual(['confirmed', ...wanted, 'caught up']);
  });

  it('with a filter says how far it came: at each interval and when it is live, ever rising', async () => {
    await append('noise', 70);
    await append('wanted', 1);
    const checkpoints: Position[] = [];
    const filter = streamNameFilter({
      prefixes: ['wanted'],
      checkpointInterval: 2,
      maxSearchWindow: 10,
      checkpointReached: async (_subscription, position) => void checkpoints.push(position),
    });
    const subscription = served.client.subscribeToAll({ filter });
    subscription.once('caughtUp', () => void append('noise', 45).then(() => append('wanted', 1)));
    await heard(subscription, events(2));
    expect(checkpoints.map(({ commit }) => Number(commit))).toEqual([20, 40, 60, 71, 91, 111]);
  });

  it('ends with an error where a pattern is none, or would take years', async () => {
    await append(`${'a'.repeat(60)}!`, 1);
    for (const regex of ['(', '^(a+)+$']) {
      const started = Date.now();
      const failed = heard(served.client.subscribeToAll({ filter: streamNameFilter({ regex }) }), () => false);
      await expect(failed).rejects.toMatchObject({ code: 3 });
      expect(Date.now() - started).toBeLessThan(5000);
    }
    expect(await append('b', 1)).toMatchObject({ success: true });
  });
});
