import { jsonEvent } from '@eventstore/db-client';
import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { testEvent } from '../testing/test-event.js';
import { ServedLedger } from '../testing/served-ledger.js';

type Expected = 'any' | 'no_stream' | 'stream_exists' | number;
type Step =
  | { do: 'append'; stream: string; expected: Expected; labels: string[] }
  | { do: 'delete' | 'tombstone'; stream: string; expected: Expected }
  | { do: 'metadata'; stream: string; maxCount?: number; truncateBefore?: number };

/** EventStoreDB in thirty lines: what each step must come to, and what is shown afterwards. */
class Model {
  readonly streams = new Map<string, { ids: string[]; meta: Meta | undefined; isGone: boolean }>();
  private readonly recent = new Map<string, { stream: string; revision: number }>();

  of(name: string) {
    const known = this.streams.get(name) ?? { ids: [], meta: undefined, isGone: false };
    this.streams.set(name, known);
    return known;
  }

  /** The kind of error, or where the stream is then. */
  append(name: string, expected: Expected, ids: readonly string[]): string | number {
    const stream = this.of(name);
    const current = stream.ids.length - 1;
    const verdict = this.judge(name, expected, ids);
    if (verdict !== 'write') return verdict;
    if (stream.meta?.isDeleted) stream.meta = { truncateBefore: current + 1 };
    for (const id of ids) this.recent.set(id, { stream: name, revision: stream.ids.push(id) - 1 });
    return stream.ids.length - 1;
  }

  delete(name: string, expected: Expected): string {
    const verdict = this.judge(name, expected, ['new']);
    const stream = this.of(name);
    if (verdict !== 'write') return String(verdict);
    if (stream.ids.length === 0 && stream.meta === undefined) return 'wrong-expected-version';
    stream.meta = { isDeleted: true };
    return 'done';
  }

  tombstone(name: string, expected: Expected): string {
    const verdict = this.judge(name, expected, ['new']);
    if (verdict !== 'write') return String(verdict);
    this.of(name).isGone = true;
    return 'done';
  }

  metadata(name: string, meta: Meta): string {
    const stream = this.of(name);
    if (stream.isGone) return 'stream-deleted';
    stream.meta = stream.meta?.isDeleted ? { ...meta, truncateBefore: stream.ids.length } : meta;
    return 'done';
  }

  shown(name: string): string | string[] {
    const { ids, meta, isGone } = this.of(name);
    if (isGone) return 'stream-deleted';
    if (ids.length === 0 || meta?.isDeleted) return 'stream-not-found';
    const first = Math.max(meta?.truncateBefore ?? 0, ids.length - (meta?.maxCount ?? ids.length));
    return ids.slice(first);
  }

  private judge(name: string, expected: Expected, ids: readonly string[]): 'write' | string | number {
    const { ids: held, meta, isGone } = this.of(name);
    const current = held.length - 1;
    if (isGone || (expected === 'stream_exists' && meta?.isDeleted)) return 'stream-deleted';
    if (expected === 'stream_exists' && current < 0 && meta === undefined) return 'wrong-expected-version';
    if (expected === 'any' || expected === 'stream_exists') {
      const places = ids.map((id) => this.recent.get(id)).map((at) => (at?.stream === name ? at.revision : undefined));
      if (places[0] === undefined) return 'write';
      return places.includes(undefined) ? 'wrong-expected-version' : (places.at(-1) ?? 'write');
    }
    const wanted = expected === 'no_stream' ? -1 : expected;
    if (wanted > current) return 'wrong-expected-version';
    if (wanted === current) return 'write';
    const differing = ids.findIndex((id, index) => held[wanted + 1 + index] !== id);
    if (differing < 0) return wanted + ids.length;
    return differing === 0 && expected === 'no_stream' && meta?.isDeleted ? 'write' : 'wrong-expected-version';
  }
}
interface Meta {
  maxCount?: number;
  truncateBefore?: number;
  isDeleted?: boolean;
}

const stream = fc.constantFrom('a', 'b');
const expected: fc.Arbitrary<Expected> = fc.oneof(
  fc.constantFrom<Expected>('any', 'any', 'no_stream', 'stream_exists'),
  fc.integer({ min: 0, max: 5 }),
);
const labels = fc.array(fc.constantFrom('1', '2', '3', '4', '5', '6', '7'), { minLength: 1, maxLength: 3 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('append' as const), stream, expected, labels }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('delete' as const), stream, expected }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('tombstone' as const), stream, expected }) },
  {
    weight: 2,
    arbitrary: fc.record(
      {
        do: fc.constant('metadata' as const),
        stream,
        maxCount: fc.integer({ min: 1, max: 3 }),
        truncateBefore: fc.integer({ min: 0, max: 6 }),
      },
      { requiredKeys: ['do', 'stream'] },
    ),
  },
);

it('random appends, deletes and metadata come to what a small model says, and show what it shows', async () => {
  const served = await ServedLedger.start();
  const { client } = served;
  let run = 0;
  const fate = (promise: Promise<unknown>) =>
    promise.then(
      () => 'done',
      (error: { type: string }) => error.type,
    );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
      run += 1;
      const model = new Model();
      const named = (name: string) => `${run}-${name}`;
      const idOf = (label: string) => testEvent(`${run}.${label}`).id;
      for (const each of steps) {
        const name = named(each.stream);
        if (each.do === 'metadata') {
          const { maxCount, truncateBefore } = each;
          const meta = {
            ...(maxCount !== undefined && { maxCount }),
            ...(truncateBefore !== undefined && { truncateBefore }),
          };
          expect(await fate(client.setStreamMetadata(name, meta))).toBe(model.metadata(name, meta));
          continue;
        }
        const expectedRevision = typeof each.expected === 'number' ? BigInt(each.expected) : each.expected;
        if (each.do === 'append') {
          const ids = each.labels.map(idOf);
          const events = ids.map((id) => jsonEvent({ id, type: 'test', data: {} }));
          const came = await client.appendToStream(name, events, { expectedRevision }).then(
            ({ nextExpectedRevision }) => Number(nextExpectedRevision),
            (error: { type: string }) => error.type,
          );
          expect(came).toBe(model.append(name, each.expected, ids));
        } else if (each.do === 'tombstone') {
          const options = { expectedRevision } as never;
          expect(await fate(client.tombstoneStream(name, options))).toBe(model.tombstone(name, each.expected));
        } else if (each.expected !== 'stream_exists') {
          const options = { expectedRevision } as never;
          expect(await fate(client.deleteStream(name, options))).toBe(model.delete(name, each.expected));
        }
      }
      for (const name of ['a', 'b'].map(named)) {
        const ids: string[] = [];
        const shown = await (async () => {
          for await (const { event } of client.readStream(name)) ids.push(event?.id ?? '');
          return ids;
        })().catch((error: { type: string }) => error.type);
        expect(shown).toEqual(model.shown(name));
      }
    }),
    { seed: 20260310, numRuns: 120 },
  );
  await served.remove();
});
