import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ledgerContract } from '../contract.js';
import { EmbeddedLedger } from '../embedded/store.js';
import type { RawRow } from '../embedded/scan.js';
import { LedgerEndpoint } from '../endpoint/ledger-endpoint.js';
import { EventStoreLedger } from '../eventstore/store.js';
import { messageOf } from '../eventstore/testing/messages.js';
import { StubServer } from '../eventstore/testing/stub-server.js';
import type { Ledger } from '../port.js';
import { testEvent } from '../testing/test-event.js';
import { MirroredLedger } from './store.js';

let directory: string;
const file = (name: string): string => join(directory, name);
const tombstone = (ledger: EmbeddedLedger, stream: string): Promise<unknown> =>
  ledger.raw.change([{ stream, expected: 'any', remove: 'tombstone' }]);
const embedded = (name = 'ledger.sqlite'): EmbeddedLedger => EmbeddedLedger.open(file(name), { access: 'write' });

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tally-mirror-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

ledgerContract('a mirror of the embedded store', async () => {
  const remote = embedded();
  const ledger = await MirroredLedger.open({ remote, file: file('mirror.sqlite') });
  return { ledger, tombstone: (stream) => tombstone(remote, stream), remove: () => ledger.close() };
});

ledgerContract('a mirror of EventStoreDB', async () => {
  const served = embedded();
  const endpoint = await LedgerEndpoint.start({ ledger: served });
  const remote = await EventStoreLedger.open({ url: `esdb://127.0.0.1:${endpoint.port}?tls=false` });
  const ledger = await MirroredLedger.open({ remote, file: file('mirror.sqlite') });
  return {
    ledger,
    tombstone: (stream) => tombstone(served, stream),
    remove: async () => {
      await ledger.close();
      await endpoint.close();
      await served.close();
    },
  };
});

describe('a mirror', () => {
  const rowsOf = (ledger: EmbeddedLedger | MirroredLedger): RawRow[] => {
    const scan = ledger.scan();
    const rows = [...scan.scanAll()];
    scan.close();
    return rows;
  };
  async function fill(ledger: Ledger, from: number, count: number): Promise<void> {
    await ledger.appendMany(
      Array.from({ length: count }, (_, index) => ({
        stream: `s${(from + index) % 97}`,
        events: [{ ...testEvent(`e${from + index}`), ...(index % 5 === 0 && { metadata: '{"m" :1}' }) }],
        expected: 'any' as const,
      })),
    );
  }

  it('is to the row what it is a copy of, and replays cannot tell', async () => {
    const source = embedded();
    await fill(source, 0, 3500);
    const mirror = await MirroredLedger.open({ remote: source, file: file('mirror.sqlite') });
    await mirror.caughtUp();
    expect(rowsOf(mirror)).toEqual(rowsOf(source));
    const [here, there] = [mirror.scan(), source.scan()];
    for (const order of ['scanStreams', 'scanByAge'] as const) {
      const streams = (scan: typeof here) =>
        [...scan[order]({ prefix: 's' })].map(({ stream, rows }) => [
          stream,
          [...rows].map(({ revision }) => revision),
        ]);
      expect(streams(here)).toEqual(streams(there));
    }
    here.close();
    there.close();
    await mirror.close();
  });

  it('goes on behind its last row after any number of openings, and fetches nothing twice', async () => {
    const source = embedded();
    await fill(source, 0, 1500);
    for (let round = 1; round <= 4; round++) {
      const asked: unknown[] = [];
      const remote = withSubscriptions(source, (after) => asked.push(after));
      const mirror = await MirroredLedger.open({ remote, file: file('mirror.sqlite') });
      await mirror.caughtUp();
      await fill(source, round * 10_000, 300);
      await mirror.settleTo(await source.head());
      expect(asked).toEqual([round === 1 ? 0n : BigInt(1500 + (round - 1) * 300)]);
      await mirror.close();
    }
    const mirror = await MirroredLedger.open({
      remote: withSubscriptions(source, () => undefined),
      file: file('mirror.sqlite'),
    });
    await mirror.caughtUp();
    expect(rowsOf(mirror)).toEqual(rowsOf(source));
    await mirror.close();
    await source.close();
  });

  it('is complete though it was left in the middle of filling', async () => {
    const source = embedded();
    await fill(source, 0, 6000);
    const first = await MirroredLedger.open({
      remote: withSubscriptions(source, () => undefined),
      file: file('mirror.sqlite'),
    });
    await first.settleTo(1000n);
    await first.close();
    const mirror = await MirroredLedger.open({ remote: source, file: file('mirror.sqlite') });
    await mirror.caughtUp();
    expect(rowsOf(mirror)).toEqual(rowsOf(source));
    await mirror.close();
  });

  it('is read at once by whoever appended, and sees what others append', async () => {
    const source = embedded();
    const mirror = await MirroredLedger.open({ remote: source, file: file('mirror.sqlite') });
    for (let index = 0; index < 50; index++) {
      await mirror.append('a', [testEvent(`m${index}`)], index === 0 ? 'no_stream' : BigInt(index - 1));
      expect(await mirror.revisionsOf(['a'])).toEqual([BigInt(index)]);
    }
    const { position } = await source.append('a', [testEvent('theirs')], 49n);
    await mirror.settleTo(position);
    expect(await mirror.revisionsOf(['a'])).toEqual([50n]);
    await mirror.append('b', [testEvent('last')], 'no_stream');
    await mirror.settled();
    expect(rowsOf(mirror)).toHaveLength(52);
    await mirror.close();
  });

  it('refuses another ledger, one that was set back, and one that went another way', async () => {
    const source = embedded();
    await fill(source, 0, 20);
    await (
      await MirroredLedger.open({ remote: source, file: file('mirror.sqlite') }).then(async (mirror) => {
        await mirror.caughtUp();
        return mirror;
      })
    ).close();
    const others: [string, (ledger: EmbeddedLedger) => Promise<void>, RegExp][] = [
      ['other', (ledger) => fill(ledger, 500, 30), /its first event, at 1, is not there/],
      ['shorter', (ledger) => fill(ledger, 0, 19), /up to 20, the ledger only up to 19/],
      ['empty', async () => undefined, /only up to 0/],
      [
        'forked',
        async (ledger) => (await fill(ledger, 0, 19), fill(ledger, 900, 5)),
        /its last event, at 20, is not there/,
      ],
    ];
    for (const [name, make, why] of others) {
      const other = embedded(`${name}.sqlite`);
      await make(other);
      const opening = MirroredLedger.open({ remote: other, file: file('mirror.sqlite') });
      await expect(opening).rejects.toMatchObject({
        code: 'TALLY_MIRROR_OF_ANOTHER_LEDGER',
        message: expect.stringMatching(why),
        remedy: expect.stringMatching(/delete .*mirror\.sqlite/),
      });
      await other.close();
    }
  });

  it('never writes into a ledger of its own', async () => {
    const own = embedded('own.sqlite');
    await fill(own, 0, 3);
    await own.close();
    const source = embedded();
    await expect(MirroredLedger.open({ remote: source, file: file('own.sqlite') })).rejects.toMatchObject({
      code: 'TALLY_NOT_A_MIRROR',
    });
    await source.close();
  });

  it('stops answering when what it follows contradicts it', async () => {
    const source = embedded();
    await fill(source, 0, 5);
    const twice: Ledger = withSubscriptions(
      source,
      () => undefined,
      async function* (messages) {
        for await (const message of messages) {
          yield message;
          if (message.kind !== 'event' || message.event.position !== 3n) continue;
          yield { kind: 'event', event: { ...message.event, id: testEvent('other').id, position: 9n } };
        }
      },
    );
    const mirror = await MirroredLedger.open({ remote: twice, file: file('mirror.sqlite') });
    await expect(mirror.caughtUp()).rejects.toMatchObject({ code: 'TALLY_MIRROR_OF_ANOTHER_LEDGER' });
    await expect(mirror.head()).rejects.toMatchObject({ code: 'TALLY_MIRROR_OF_ANOTHER_LEDGER' });
    await mirror.close();
    await source.close();
  });

  it('leaves out what is not JSON, keeps the places of a server, and moves its cursor over all of it', async () => {
    const stub = await StubServer.start();
    const write = (stream: string, label: string, contentType = 'application/json'): void => {
      const message = messageOf(testEvent(label));
      message.getMetadataMap().set('content-type', contentType);
      stub.log.write(stream, 'any', [message]);
    };
    write('a', '1');
    write('a', 'x', 'application/octet-stream');
    write('$system', 'x');
    write('a', '2');
    write('other', 'x', 'application/octet-stream');
    const open = async () =>
      MirroredLedger.open({ remote: await EventStoreLedger.open({ url: stub.url }), file: file('mirror.sqlite') });
    const mirror = await open();
    await mirror.caughtUp();
    expect(rowsOf(mirror).map(({ position, revision, recordedAt }) => [position, revision, recordedAt])).toEqual([
      [1000, 0, 1_770_000_000_000],
      [4000, 2, 1_770_000_000_000],
    ]);
    await mirror.close();
    const place = new Promise<string>((resolve) => {
      stub.behaviour.onRead = ({ request }) => {
        const options = request.getOptions();
        if (options?.hasSubscription() === true)
          resolve(options.getAll()?.getPosition()?.getCommitPosition() ?? 'start');
        return false;
      };
    });
    const again = await open();
    expect(await place).toBe('5000');
    await again.close();
    stub.cut();
  });
});

/** A ledger that stays open when a mirror of it is closed, whose subscriptions are seen. */
function withSubscriptions(
  ledger: EmbeddedLedger,
  seen: (after: 'start' | 'end' | bigint) => void,
  change: (messages: ReturnType<Ledger['subscribeAll']>) => ReturnType<Ledger['subscribeAll']> = (messages) => messages,
): Ledger {
  return {
    append: (...of) => ledger.append(...of),
    appendMany: (appends) => ledger.appendMany(appends),
    readStream: (...of) => ledger.readStream(...of),
    readAll: (options) => ledger.readAll(options),
    revisionsOf: (streams) => ledger.revisionsOf(streams),
    head: () => ledger.head(),
    subscribeAll: (options) => {
      seen(options.after);
      return change(ledger.subscribeAll(options));
    },
    close: async () => undefined,
  };
}
