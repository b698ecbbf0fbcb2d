import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TallyError } from '#platform';
import { WrongExpectedRevision } from './errors.js';
import { type Ledger, type RecordedEvent, START, type SubscriptionMessage, TOMBSTONE_REVISION } from './port.js';
import { testEvent } from './testing/test-event.js';

/** A ledger for one test, and how to take it away again. */
export interface LedgerUnderTest {
  ledger: Ledger;
  /** Deletes a stream for good, as an administrator of the store can. */
  tombstone(stream: string): Promise<unknown>;
  remove(): Promise<void>;
}

const events = (...labels: string[]) => labels.map((label) => testEvent(label));
const idsOf = (...labels: string[]) => labels.map((label) => testEvent(label).id);
const ids = (recorded: readonly RecordedEvent[]) => recorded.map((event) => event.id);

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** What every store behind the port must do. `make` gives an empty ledger, or one that others use too. */
export function ledgerContract(name: string, make: () => Promise<LedgerUnderTest>): void {
  describe(`the ledger contract: ${name}`, () => {
    let ledger: Ledger;
    let tombstone: LedgerUnderTest['tombstone'];
    let remove: () => Promise<void>;
    let before: bigint;
    let counter = 0;
    /** Streams of their own for each test, so that a shared server will do. */
    let a: string;
    let b: string;

    beforeEach(async () => {
      ({ ledger, tombstone, remove } = await make());
      before = await ledger.head();
      counter += 1;
      a = `contract-${Date.now()}-${counter}-a`;
      b = `contract-${Date.now()}-${counter}-b`;
    });
    afterEach(() => remove());

    const stream = (of: string, options = {}) => collect(ledger.readStream(of, options));
    const all = (options = {}) => collect(ledger.readAll({ from: before + 1n, ...options }));

    describe('what is read', () => {
      it('is what was appended, byte for byte', async () => {
        const data = '{"b": 1,\n "a":"\\ud800 é \u{1f511}", "n": 1.0, "b": 2}';
        await ledger.append(a, [{ ...testEvent('x', data), metadata: '{"k" : "v"}' }], 'no_stream');
        const [event] = await stream(a);
        expect(event).toEqual({
          ...testEvent('x', data),
          metadata: '{"k" : "v"}',
          stream: a,
          revision: 0n,
          position: expect.any(BigInt),
          recordedAt: expect.any(Number),
        });
      });

      it('is in the order of appending, in its stream and in $all, with rising positions', async () => {
        await ledger.append(a, events('1', '2'), 'no_stream');
        await ledger.append(b, events('3'), 'no_stream');
        await ledger.append(a, events('4'), 1n);
        expect(ids(await stream(a))).toEqual(idsOf('1', '2', '4'));
        const read = await all();
        expect(ids(read)).toEqual(idsOf('1', '2', '3', '4'));
        expect(read.map((event) => event.revision)).toEqual([0n, 1n, 0n, 2n]);
        const positions = read.map((event) => event.position);
        expect(positions).toEqual([...new Set(positions)].sort((x, y) => (x < y ? -1 : 1)));
      });

      it('has the position and revision that the append gave back', async () => {
        const result = await ledger.append(a, events('1', '2'), 'no_stream');
        expect(result).toMatchObject({ revision: 1n, written: true });
        expect((await stream(a)).at(-1)).toMatchObject({ revision: 1n, position: result.position });
        expect((await all()).at(-1)?.position).toBe(result.position);
        expect(await ledger.head()).toBe(result.position);
      });

      it('starts and ends where it was asked to', async () => {
        await ledger.append(a, events('1', '2', '3', '4', '5'), 'no_stream');
        const labels = async (options: object) => ids(await stream(a, options));
        expect(await labels({ from: 1n, maxCount: 2 })).toEqual(idsOf('2', '3'));
        expect(await labels({ direction: 'backwards', maxCount: 2 })).toEqual(idsOf('5', '4'));
        expect(await labels({ direction: 'backwards', from: 1n })).toEqual(idsOf('2', '1'));
        expect(await labels({ direction: 'backwards', from: 'start' })).toEqual(idsOf('1'));
        expect(await labels({ from: 5n })).toEqual([]);
        expect(await labels({ maxCount: 0 })).toEqual([]);
      });

      it('in $all: from is inclusive forwards and exclusive backwards, to is inclusive', async () => {
        const first = await ledger.append(a, events('1'), 'no_stream');
        const second = await ledger.append(b, events('2'), 'no_stream');
        const third = await ledger.append(a, events('3'), 0n);
        expect(ids(await all({ from: second.position }))).toEqual(idsOf('2', '3'));
        expect(ids(await all({ from: first.position, to: second.position }))).toEqual(idsOf('1', '2'));
        expect(ids(await all({ from: first.position, maxCount: 1 }))).toEqual(idsOf('1'));
        const back = (options: object) => all({ direction: 'backwards', ...options });
        expect(ids(await back({ from: third.position, to: first.position }))).toEqual(idsOf('2', '1'));
        expect(ids(await back({ from: 'end', maxCount: 1 }))).toEqual(idsOf('3'));
      });

      it('spans more than one page both ways', async () => {
        const labels = Array.from({ length: 700 }, (_, index) => String(index));
        await ledger.append(a, events(...labels), 'no_stream');
        expect(ids(await stream(a))).toEqual(idsOf(...labels));
        expect(ids(await all())).toEqual(idsOf(...labels));
        expect(ids(await stream(a, { direction: 'backwards' }))).toEqual(idsOf(...labels).reverse());
        expect(ids(await stream(a, { maxCount: 512 }))).toHaveLength(512);
      });

      it('of a stream that does not exist is nothing', async () => {
        expect(await stream(b)).toEqual([]);
        expect(await ledger.revisionsOf([b])).toEqual([undefined]);
      });
    });

    describe('the expected revision', () => {
      const conflict = (actual: bigint | undefined) => expect.objectContaining({ actual });
      const refused = (promise: Promise<unknown>) =>
        promise.then(
          () => 'written',
          (reason: unknown) => reason,
        );

      it('no_stream and an exact revision refuse anything else, and say what is there', async () => {
        expect(await refused(ledger.append(a, events('1'), 0n))).toEqual(conflict(undefined));
        await ledger.append(a, events('1'), 'no_stream');
        const error = await refused(ledger.append(a, events('2'), 'no_stream'));
        expect(error).toBeInstanceOf(WrongExpectedRevision);
        expect(error).toMatchObject({
          code: 'TALLY_WRONG_EXPECTED_REVISION',
          stream: a,
          expected: 'no_stream',
          actual: 0n,
        });
        expect(await refused(ledger.append(a, events('2'), 1n))).toEqual(conflict(0n));
        expect(ids(await stream(a))).toEqual(idsOf('1'));
      });

      it('stream_exists wants the stream, any wants nothing', async () => {
        expect(await refused(ledger.append(a, events('1'), 'stream_exists'))).toEqual(conflict(undefined));
        await ledger.append(a, events('1'), 'any');
        await ledger.append(a, events('2'), 'stream_exists');
        await ledger.append(a, events('3'), 'any');
        expect(ids(await stream(a))).toEqual(idsOf('1', '2', '3'));
      });

      it('none fits a stream that was deleted for good: that is the outcome of its append alone', async () => {
        await ledger.append(a, events('1'), 'no_stream');
        await tombstone(a);
        for (const expected of ['no_stream', 'any', 0n] as const) {
          const outcomes = await ledger.appendMany([
            { stream: a, events: events('2'), expected },
            { stream: b, events: events(String(expected)), expected: 'any' },
            { stream: a, events: events('1'), expected },
          ]);
          const deleted = { ok: false, expected, actual: TOMBSTONE_REVISION, isDeleted: true };
          expect(outcomes).toEqual([deleted, expect.objectContaining({ ok: true, written: true }), deleted]);
          expect(await refused(ledger.append(a, events('2'), expected))).toBeInstanceOf(TallyError);
        }
        // What was in it stays a fact.
        expect(ids(await all())).toEqual(idsOf('1', 'no_stream', 'any', '0'));
      });

      it('lets exactly one of many rivals through', async () => {
        const rivals = Array.from({ length: 20 }, (_, index) => ledger.append(a, events(`r${index}`), 'no_stream'));
        const settled = await Promise.allSettled(rivals);
        expect(settled.filter((one) => one.status === 'fulfilled')).toHaveLength(1);
        expect(await stream(a)).toHaveLength(1);
      });

      it('is checked for an empty list too', async () => {
        expect(await ledger.append(a, [], 'any')).toEqual({ revision: -1n, position: START, written: false });
        await ledger.append(a, events('1', '2'), 'no_stream');
        expect(await refused(ledger.append(a, [], 0n))).toEqual(conflict(1n));
        expect(await ledger.revisionsOf([a])).toEqual([1n]);
      });
    });

    describe('an append that comes again', () => {
      const first = () => ledger.append(a, events('1', '2', '3'), 'no_stream');

      it('is not written again, and gets the answer of the first time', async () => {
        const once = await first();
        await ledger.append(a, events('4'), 2n);
        expect(await first()).toEqual({ ...once, written: false });
        expect(await ledger.append(a, events('4'), 2n)).toMatchObject({ revision: 3n, written: false });
        expect(await stream(a)).toHaveLength(4);
      });

      it('may be a part: the answer is about the last event it lists', async () => {
        await first();
        const [, second] = await stream(a);
        expect(await ledger.append(a, events('1', '2'), 'no_stream')).toEqual({
          revision: 1n,
          position: second?.position,
          written: false,
        });
        expect(await ledger.append(a, events('2'), 0n)).toMatchObject({ revision: 1n, written: false });
      });

      it.each([
        ['another first event', ['x', '2', '3']],
        ['another later event', ['1', '2', 'x']],
        ['another order', ['2', '1', '3']],
        ['more than is there', ['1', '2', '3', '4']],
      ])('is a conflict with %s', async (_what, labels) => {
        await first();
        await expect(ledger.append(a, events(...labels), 'no_stream')).rejects.toMatchObject({ actual: 2n });
        expect(await stream(a)).toHaveLength(3);
      });

      it('at the current revision is written, though the id is there already', async () => {
        await first();
        expect(await ledger.append(a, events('3'), 2n)).toMatchObject({ revision: 3n, written: true });
      });

      it('with any is known while it is recent, in its own stream only', async () => {
        const once = await ledger.append(a, events('1', '2'), 'any');
        expect(await ledger.append(a, events('1', '2'), 'any')).toEqual({ ...once, written: false });
        expect(await ledger.append(a, events('2', '1'), 'any')).toMatchObject({ revision: 0n, written: false });
        await expect(ledger.append(a, events('1', 'x'), 'any')).rejects.toMatchObject({ actual: 1n });
        await expect(ledger.append(a, events('1', 'x'), 'stream_exists')).rejects.toMatchObject({ actual: 1n });
        expect(await ledger.append(a, events('x', '1'), 'any')).toMatchObject({ revision: 3n, written: true });
        expect(await ledger.append(b, events('2'), 'any')).toMatchObject({ revision: 0n, written: true });
      });
    });

    describe('many appends at once', () => {
      it('have one outcome each; a conflict stops only its own', async () => {
        await ledger.append(b, events('0'), 'no_stream');
        const outcomes = await ledger.appendMany([
          { stream: a, events: events('1'), expected: 'no_stream' },
          { stream: b, events: events('2', '3'), expected: 'no_stream' },
          { stream: a, events: events('4', '5'), expected: 0n },
          { stream: a, events: events('1'), expected: 'no_stream' },
        ]);
        expect(outcomes).toEqual([
          { ok: true, revision: 0n, position: expect.any(BigInt), written: true },
          { ok: false, expected: 'no_stream', actual: 0n },
          { ok: true, revision: 2n, position: expect.any(BigInt), written: true },
          { ok: true, revision: 0n, position: expect.any(BigInt), written: false },
        ]);
        expect(ids(await stream(a))).toEqual(idsOf('1', '4', '5'));
        expect(ids(await stream(b))).toEqual(idsOf('0'));
        expect(await ledger.revisionsOf([b, a, `${a}-none`])).toEqual([0n, 2n, undefined]);
      });

      it('can be repeated whole', async () => {
        const batch = Array.from({ length: 50 }, (_, index) => ({
          stream: `${a}-${index % 7}`,
          events: events(`e${index}`),
          expected: index < 7 ? ('no_stream' as const) : BigInt(Math.floor(index / 7) - 1),
        }));
        const once = await ledger.appendMany(batch);
        const again = await ledger.appendMany(batch);
        expect(again).toEqual(once.map((outcome) => ({ ...outcome, written: false })));
        expect(await ledger.appendMany([])).toEqual([]);
      });
    });

    it.each([
      ['id', { ...testEvent('1'), id: 'not-a-uuid' }],
      ['id', { ...testEvent('1'), id: '00000000-0000-0000-0000-000000000000' }],
      ['type', { ...testEvent('1'), type: '' }],
      ['data', testEvent('1', '"\ud800"')],
    ])('an event with a bad %s is refused before anything is written', async (field, event) => {
      const batch = [
        { stream: b, events: events('0'), expected: 'any' as const },
        { stream: a, events: [event], expected: 'any' as const },
      ];
      await expect(ledger.appendMany(batch)).rejects.toMatchObject({ code: 'TALLY_INVALID_EVENT', facts: { field } });
      expect(await ledger.revisionsOf([a, b])).toEqual([undefined, undefined]);
    });

    describe('a subscription to $all', () => {
      /** Reads until `enough` says so, then cancels and sees the iteration end. */
      async function follow(
        after: 'start' | 'end' | bigint,
        onMessage: (message: SubscriptionMessage, stop: () => void) => void | Promise<void>,
      ): Promise<void> {
        const cancel = new AbortController();
        for await (const message of ledger.subscribeAll({ after, signal: cancel.signal })) {
          await onMessage(message, () => cancel.abort());
        }
      }
      const shown = (message: SubscriptionMessage) => (message.kind === 'event' ? message.event.id : 'caughtUp');

      it('gives what is there, says so, and goes on live', async () => {
        await ledger.append(a, events('1', '2'), 'no_stream');
        const seen: string[] = [];
        await follow(before, async (message, stop) => {
          seen.push(shown(message));
          if (seen.length === 3) await ledger.append(a, events('3'), 1n);
          if (message.kind === 'event' && message.event.revision === 2n) stop();
        });
        expect(seen).toEqual([...idsOf('1', '2'), 'caughtUp', ...idsOf('3')]);
      });

      it('starts after the given position', async () => {
        const { position } = await ledger.append(a, events('1'), 'no_stream');
        await ledger.append(a, events('2'), 0n);
        const seen: string[] = [];
        await follow(position, (message, stop) => {
          seen.push(shown(message));
          if (message.kind === 'caughtUp') stop();
        });
        expect(seen).toEqual([...idsOf('2'), 'caughtUp']);
      });

      it('from the end gives only what comes after it', async () => {
        await ledger.append(a, events('1'), 'no_stream');
        const seen: string[] = [];
        await follow('end', async (message, stop) => {
          seen.push(shown(message));
          if (message.kind === 'caughtUp' && seen.length === 1) await ledger.append(a, events('2'), 0n);
          if (message.kind === 'event') stop();
        });
        expect(seen).toEqual(['caughtUp', ...idsOf('2')]);
      });

      it('misses nothing and repeats nothing while others append', async () => {
        const total = 600;
        const wanted = new Set(Array.from({ length: total }, (_, index) => testEvent(`w${index}`).id));
        const writing = (async () => {
          for (let index = 0; index < total; index++)
            await ledger.append(`${a}-${index % 5}`, events(`w${index}`), 'any');
        })();
        const seen: string[] = [];
        await follow(before, (message, stop) => {
          if (message.kind === 'event' && wanted.has(message.event.id)) seen.push(message.event.id);
          if (seen.length === total) stop();
        });
        await writing;
        expect(new Set(seen)).toEqual(wanted);
        expect(seen).toHaveLength(total);
      });

      it('ends when it is cancelled while it waits', async () => {
        const cancel = new AbortController();
        const messages = ledger.subscribeAll({ after: 'end', signal: cancel.signal })[Symbol.asyncIterator]();
        expect(await messages.next()).toMatchObject({ value: { kind: 'caughtUp' } });
        const waiting = messages.next();
        cancel.abort();
        expect(await waiting).toMatchObject({ done: true });
      });
    });
  });
}
