import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import { testEvent } from '../testing/test-event.js';
import type { RecordedEvent, SubscriptionMessage } from '../port.js';
import { EventStoreLedger } from './store.js';
import { messageOf } from './testing/messages.js';
import { eventResponse } from './testing/stub-log.js';
import { failure, StubServer, type ReadCall } from './testing/stub-server.js';

let stub: StubServer;
let ledger: EventStoreLedger;

beforeEach(async () => {
  stub = await StubServer.start();
  ledger = await EventStoreLedger.open({ url: stub.url });
});
afterEach(async () => {
  await ledger.close();
  stub.cut();
});

/** Written by whoever else uses the server. */
function foreign(
  stream: string,
  label: string,
  change: { type?: string; data?: string; contentType?: string } = {},
): void {
  const event = { ...testEvent(label, change.data), ...(change.type !== undefined && { type: change.type }) };
  const message = messageOf(event);
  if (change.contentType !== undefined) message.getMetadataMap().set('content-type', change.contentType);
  stub.log.write(stream, 'any', [message]);
}
const many = (count: number): void => {
  for (let index = 0; index < count; index++) foreign(`s${index % 7}`, `e${index}`);
};
const idOf = (label: string): string => testEvent(label).id;
async function ids(events: AsyncIterable<RecordedEvent>): Promise<string[]> {
  const all: string[] = [];
  for await (const { id } of events) all.push(id);
  return all;
}
const isSubscription = (call: ReadCall): boolean => call.request.getOptions()!.hasSubscription();

describe('reads', () => {
  it('leave out what the server wrote for itself and what is not JSON text; counts are of what is given', async () => {
    foreign('$stats', 'x1');
    foreign('a', '1');
    foreign('a', 'x2', { type: '$>' });
    foreign('a', 'x3', { contentType: 'application/octet-stream' });
    foreign('b', 'x4', { type: 'their.type', data: 'no json' });
    foreign('b', '2', { type: 'their.type', data: '{"a": 1}' });
    foreign('a', '3');
    foreign('$$a', 'x5');
    expect(await ids(ledger.readAll())).toEqual(['1', '2', '3'].map(idOf));
    expect(await ids(ledger.readAll({ maxCount: 2 }))).toEqual(['1', '2'].map(idOf));
    expect(await ids(ledger.readAll({ direction: 'backwards', maxCount: 2 }))).toEqual(['3', '2'].map(idOf));
    expect(await ids(ledger.readStream('a', { maxCount: 2 }))).toEqual(['1', '3'].map(idOf));
    // Revisions and the head are those of the server, whoever wrote.
    expect(await ledger.revisionsOf(['a', 'b', 'none'])).toEqual([3n, 1n, undefined]);
    expect(await ledger.head()).toBe(7000n);
  });

  it('go on where they were broken off, nothing lost and nothing twice', async () => {
    many(500);
    let sent = 0;
    stub.behaviour.onRead = (call) => {
      if (call.request.getOptions()!.hasStream()) return false;
      for (const record of stub.log.select(call.request.getOptions()!) ?? []) {
        call.write(eventResponse(record));
        if (++sent % 90 === 0) {
          call.emit('error', failure(status.UNAVAILABLE));
          return true;
        }
      }
      call.end();
      return true;
    };
    expect(await ids(ledger.readAll())).toEqual(Array.from({ length: 500 }, (_, index) => idOf(`e${index}`)));
    const last = Array.from({ length: 300 }, (_, index) => idOf(`e${499 - index}`));
    expect(await ids(ledger.readAll({ direction: 'backwards', maxCount: 300 }))).toEqual(last);
    expect(sent).toBeGreaterThan(800);
  });

  it('may begin behind a position, though servers read from the beginnings of records alone', async () => {
    many(5);
    expect(await ids(ledger.readAll({ from: 2001n }))).toEqual(['e2', 'e3', 'e4'].map(idOf));
    expect(await ids(ledger.readAll({ from: 2001n, maxCount: 1 }))).toEqual([idOf('e2')]);
    expect(await ids(ledger.readAll({ from: 2000n, to: 3000n }))).toEqual(['e1', 'e2'].map(idOf));
    await expect(ids(ledger.readAll({ from: 2500n }))).rejects.toMatchObject({ code: 'TALLY_EVENTSTORE_REFUSED' });
  });

  it('are cancelled on the server when their reader stops', async () => {
    many(3);
    const cancelled = new Promise<void>((resolve) => {
      stub.behaviour.onRead = (call) => {
        for (const record of stub.log.records) call.write(eventResponse(record));
        call.on('cancelled', resolve);
        return true;
      };
    });
    for await (const { id } of ledger.readAll()) {
      expect(id).toBe(idOf('e0'));
      break;
    }
    await cancelled;
  });

  it('say that nobody answers, and who denies access, without a credential', async () => {
    const denied = await StubServer.start({ onRead: (call) => call.emit('error', failure(status.UNAUTHENTICATED)) });
    const url = denied.url.replace('//', '//admin:s3cret@');
    const open = (options: { url: string; deadlineMs?: number }) => EventStoreLedger.open(options);
    await expect(open({ url })).rejects.toMatchObject({
      code: 'TALLY_EVENTSTORE_ACCESS_DENIED',
      facts: { hasCredentials: true, isPlain: true },
      message: expect.not.stringContaining('s3cret'),
    });
    denied.cut();
    await expect(open({ url, deadlineMs: 200 })).rejects.toMatchObject({
      code: 'TALLY_EVENTSTORE_UNREACHABLE',
      retry: true,
      message: expect.not.stringContaining('s3cret'),
    });
  });

  it('never leave this machine in plain text unless that is allowed', async () => {
    const url = 'esdb://192.0.2.1:2113?tls=false';
    await expect(EventStoreLedger.open({ url })).rejects.toMatchObject({
      code: 'TALLY_PLAINTEXT_REFUSED',
      remedy: expect.stringContaining('--allow-plaintext eventstore'),
    });
    await expect(EventStoreLedger.open({ url, allowPlaintext: true, deadlineMs: 50 })).rejects.toMatchObject({
      code: 'TALLY_EVENTSTORE_UNREACHABLE',
    });
  });
});

describe('a subscription', () => {
  async function follow(
    until: (seen: string[], message: SubscriptionMessage) => boolean,
    after: 'start' | bigint = 'start',
  ): Promise<string[]> {
    const cancel = new AbortController();
    const seen: string[] = [];
    for await (const message of ledger.subscribeAll({ after, signal: cancel.signal })) {
      seen.push(message.kind === 'event' ? message.event.id : `caught up at ${message.position}`);
      if (until(seen, message)) cancel.abort();
    }
    return seen;
  }

  it.each([status.UNAVAILABLE, status.CANCELLED, status.ABORTED])(
    'goes on behind its last event after a drop (%i), nothing lost, nothing twice, in order',
    async (code) => {
      many(400);
      let sent = 0;
      stub.behaviour.onLive = (call) => {
        if (++sent % 150 === 0) call.emit('error', failure(code));
        return sent % 150 === 0;
      };
      const seen = await follow((all) => all.length === 401);
      expect(seen.slice(0, 400)).toEqual(Array.from({ length: 400 }, (_, index) => idOf(`e${index}`)));
      expect(seen[400]).toBe('caught up at 400000');
      expect(sent).toBeGreaterThan(401);
    },
  );

  it('goes on when connections are cut and when the server ends it in good order', async () => {
    many(10);
    let subscriptions = 0;
    stub.behaviour.onRead = (call) => {
      if (!isSubscription(call)) return false;
      subscriptions += 1;
      if (subscriptions === 2) call.end();
      return subscriptions === 2;
    };
    const seen = await follow((all, message) => {
      if (message.kind === 'caughtUp' && all.length === 11) {
        void stub.restart().then(() => foreign('a', 'after'));
      }
      return all.at(-1) === idOf('after');
    });
    expect(seen.filter((each) => !each.startsWith('caught'))).toEqual([
      ...Array.from({ length: 10 }, (_, index) => idOf(`e${index}`)),
      idOf('after'),
    ]);
    expect(subscriptions).toBeGreaterThanOrEqual(3);
  });

  it('leaves out events that come again or out of order', async () => {
    many(5);
    stub.behaviour.onLive = (call, record) => {
      if (record.position === 3000) for (const each of stub.log.records.slice(0, 3)) call.write(eventResponse(each));
      return false;
    };
    const seen = await follow((all) => all.length === 6);
    expect(seen).toEqual([...['e0', 'e1', 'e2', 'e3', 'e4'].map(idOf), 'caught up at 5000']);
  });

  it.each(['22.10.5', '24.6.0'])('says that it has caught up, also where the server does not: %s', async (version) => {
    stub.behaviour.version = version;
    stub.behaviour.saysCaughtUp = version !== '22.10.5';
    expect(await follow(() => true)).toEqual(['caught up at 0']);
    many(3);
    expect(await follow((all) => all.length === 4)).toEqual([...['e0', 'e1', 'e2'].map(idOf), 'caught up at 3000']);
    expect(await follow(() => true, 3000n)).toEqual(['caught up at 3000']);
  });

  it('moves its place over events that are for nobody here', async () => {
    const seen = await follow((all, message) => {
      if (all.length === 1) for (let index = 0; index < 1000; index++) foreign('$other', `x${index}`);
      return message.kind === 'caughtUp' && message.position > 0n;
    });
    expect(seen).toEqual(['caught up at 0', 'caught up at 1000000']);
  });

  it('ends with the error where no retry helps, and without one when the ledger closes', async () => {
    const closing = follow((all) => {
      if (all.length === 1) void ledger.close();
      return false;
    });
    expect(await closing).toEqual(['caught up at 0']);
    ledger = await EventStoreLedger.open({ url: stub.url });
    stub.behaviour.onRead = (call) => isSubscription(call) && call.emit('error', failure(status.PERMISSION_DENIED));
    await expect(follow(() => false)).rejects.toMatchObject({ code: 'TALLY_EVENTSTORE_ACCESS_DENIED' });
  });
});
