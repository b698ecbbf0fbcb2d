import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { LeftOut, Place, SourceItem } from './message.js';
import { STRATEGIES } from './strategies/strategy.js';
import type { Subscriber } from './subscriber.js';
import { idOf, type TestEvent, testItem, Watched } from './testing.js';

type Step =
  | { do: 'append'; isLeftOut: boolean; stream: string }
  | { do: 'join'; slots: number }
  | { do: 'leave' | 'read' | 'failRead' | 'restart'; at: number }
  | { do: 'answer'; at: number; how: 'ack' | 'retry' | 'park' | 'skip' }
  | { do: 'stored'; isDurable: boolean }
  | { do: 'tick'; milliseconds: number };

const at = fc.nat(20);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      isLeftOut: fc.boolean(),
      stream: fc.constantFrom('a', 'b', 'c'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('join' as const), slots: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('leave' as const, 'failRead' as const), at }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('read' as const), at }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const), at }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('answer' as const),
      at,
      how: fc.constantFrom('ack' as const, 'ack' as const, 'retry' as const, 'park' as const, 'skip' as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('stored' as const), isDurable: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('tick' as const), milliseconds: fc.nat(3_000) }) },
);

/** A source, subscribers that hold messages, and a disk: enough of a world to check a group against. */
class World {
  readonly source: SourceItem<TestEvent>[] = [];
  readonly done = new Set<string>();
  group: Watched;
  #seen = { sent: 0, reads: 0, parked: 0, checkpoints: 0 };
  #reads: { from: Place; count: number }[] = [];
  #parking: string[] = [];
  #held = new Map<string, Subscriber>();
  #checkpoint: Place | undefined;
  #now = 0;

  constructor(private readonly settings: ConstructorParameters<typeof Watched>[0]) {
    this.group = this.#open();
  }

  #open(): Watched {
    const isCheckpoint = this.#checkpoint !== undefined;
    const watched = new Watched(this.settings, { after: this.#checkpoint ?? -1n, isCheckpoint, isAtEnd: false });
    watched.now = this.#now;
    watched.group.begin();
    return watched;
  }

  run(next: Step): void {
    const { group } = this.group;
    const pick = <T>(from: Iterable<T>, index: number): T | undefined => {
      const all = [...from];
      return all[index % Math.max(all.length, 1)];
    };
    switch (next.do) {
      case 'append': {
        const place = BigInt(this.source.length * 3);
        const item = next.isLeftOut ? ({ count: 1, place } satisfies LeftOut) : testItem(place, next.stream);
        this.source.push(item);
        group.appended(item);
        break;
      }
      case 'join':
        this.group.join(next.slots);
        break;
      case 'leave': {
        const leaving = pick(group.subscribers, next.at);
        if (!leaving) break;
        for (const [id, holder] of this.#held) if (holder === leaving) this.#held.delete(id);
        group.leave(leaving);
        break;
      }
      case 'read': {
        const read = this.#reads.shift();
        if (!read) break;
        const rest = this.source.filter((item) => item.place >= read.from);
        const isEnd = rest.length <= read.count;
        group.pageRead(rest.slice(0, read.count), isEnd ? (this.source.at(-1)?.place ?? -1n) : undefined);
        break;
      }
      case 'failRead':
        if (this.#reads.shift()) group.readFailed();
        break;
      case 'answer': {
        const id = pick(this.#held.keys(), next.at);
        if (id !== undefined) this.answer(id, next.how);
        break;
      }
      case 'stored': {
        const id = this.#parking.shift();
        if (id === undefined) break;
        if (next.isDurable) this.done.add(id);
        group.parked(id, next.isDurable);
        break;
      }
      case 'tick':
        this.#now += next.milliseconds;
        this.group.pass(next.milliseconds);
        break;
      case 'restart':
        this.group = this.#open();
        this.#seen = { sent: 0, reads: 0, parked: 0, checkpoints: 0 };
        this.#held.clear();
        this.#reads = [];
        this.#parking = [];
        break;
    }
    this.#look();
  }

  answer(id: string, how: 'ack' | 'retry' | 'park' | 'skip'): void {
    const { group } = this.group;
    this.#held.delete(id);
    if (how === 'ack' || how === 'skip') this.done.add(id);
    if (how === 'ack') group.acknowledge([id]);
    else group.refuse([id], how, 'reason');
  }

  /** Lets everything come to rest: reads answered, parked messages stored, everything held acknowledged. */
  settle(): void {
    this.run({ do: 'join', slots: 4 });
    for (let turn = 0; turn < 400 && !this.#isAtRest(); turn++) {
      this.run({ do: 'tick', milliseconds: 1 });
      this.run({ do: 'read', at: 0 });
      this.run({ do: 'stored', isDurable: true });
      for (const id of [...this.#held.keys()]) {
        this.answer(id, 'ack');
        this.#look();
      }
    }
  }

  #isAtRest(): boolean {
    const { retry, history, live, outstanding } = this.group.group.counts;
    return retry + history + live + outstanding + this.#reads.length === 0 && this.group.group.status === 'Live';
  }

  #look(): void {
    const { sent, reads, parked, checkpoints } = this.group;
    for (const { to, message } of sent.slice(this.#seen.sent)) {
      if (this.group.group.subscribers.has(to)) this.#held.set(message.id, to);
    }
    this.#reads.push(...reads.slice(this.#seen.reads));
    for (const { id } of parked.slice(this.#seen.parked)) this.#held.delete(id);
    this.#parking.push(...parked.slice(this.#seen.parked).map(({ id }) => id));
    for (const place of checkpoints.slice(this.#seen.checkpoints)) this.#checkAt(place);
    this.#seen = {
      sent: sent.length,
      reads: reads.length,
      parked: parked.length,
      checkpoints: checkpoints.length,
    };
    for (const { free } of this.group.group.subscribers) if (free < 0) throw new Error('More was given than is free');
  }

  #checkAt(place: Place): void {
    if (this.#checkpoint !== undefined && place <= this.#checkpoint) throw new Error('A checkpoint went back');
    this.#checkpoint = place;
    const isOpen = (item: SourceItem<TestEvent>) => 'id' in item && !this.done.has(item.id);
    if (this.source.some((item) => item.place <= place && isOpen(item))) throw new Error(`Passed an event: ${place}`);
  }
}

describe('whatever happens to a group', () => {
  it.each(STRATEGIES)('%s: a checkpoint never passes an open event, and every event is done in the end', (strategy) => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 120, size: 'max' }),
        fc.record({
          historyBufferSize: fc.integer({ min: 3, max: 9 }),
          readBatchSize: fc.integer({ min: 1, max: 2 }),
          liveBufferSize: fc.integer({ min: 1, max: 5 }),
          minCheckpointCount: fc.integer({ min: 0, max: 3 }),
          maxCheckpointCount: fc.integer({ min: 1, max: 6 }),
          maxRetryCount: fc.nat(2),
        }),
        (steps, settings) => {
          const world = new World({ ...settings, strategy, messageTimeoutMs: 2_000, checkpointAfterMs: 500 });
          for (const next of steps) world.run(next);
          world.settle();
          const wanted = world.source.flatMap((item) => ('id' in item ? [item.id] : []));
          expect(wanted.filter((id) => !world.done.has(id))).toEqual([]);
          expect(world.group.group.counts).toMatchObject({ retry: 0, history: 0, live: 0, outstanding: 0 });
        },
      ),
      { seed: 20261128, numRuns: 150 },
    );
  });

  it('one subscriber that only acknowledges gets every event once and in order', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('append', 'notice', 'ack', 'read', 'tick'), { maxLength: 200, size: 'max' }),
        fc.integer({ min: 1, max: 5 }),
        (moves, slots) => {
          const watched = new Watched({ historyBufferSize: 5, readBatchSize: 2, liveBufferSize: 3 });
          watched.join(slots);
          let appended = 0;
          let noticed = 0;
          let answered = 0;
          let read = 0;
          const act = (move: string) => {
            if (move === 'append') appended += 1;
            // The news of an append may come long after a read has shown it.
            if (move === 'notice' && noticed < appended) watched.append(noticed++);
            if (move === 'tick') watched.pass(1);
            const next = watched.reads[read];
            if (move === 'read' && next) {
              read += 1;
              const places = Array.from({ length: Math.min(next.count, appended - Number(next.from)) }, (_, index) =>
                testItem(next.from + BigInt(index)),
              );
              const isEnd = Number(next.from) + places.length === appended;
              watched.group.pageRead(places, isEnd ? BigInt(appended - 1) : undefined);
            }
            if (move === 'ack' && answered < watched.sent.length) watched.group.acknowledge([idOf(BigInt(answered++))]);
          };
          for (const move of moves) act(move);
          for (let turn = 0; turn < 2 * appended + 4; turn++)
            for (const move of ['notice', 'ack', 'tick', 'read']) act(move);
          expect(watched.places()).toEqual(Array.from({ length: appended }, (_, index) => index));
        },
      ),
      { seed: 7, numRuns: 300 },
    );
  });
});
