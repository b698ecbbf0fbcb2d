import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createLog, TallyError } from '#platform';
import { PartitionLoop } from './partition-loop.js';
import type { Committed, PartitionWork, Place } from './partition-work.js';
import { OK, type KafkaRecord, type RecordResult } from './record.js';
import { ModelGroup } from './testing/model-group.js';
import { seeded, VirtualTime } from './testing/virtual-time.js';

class LedgerAway extends TallyError {
  readonly code = 'TALLY_LEDGER_AWAY';
  constructor() {
    super('away', { retry: true, remedy: 'wait' });
  }
}

const RANGE = 10n;
const LETTERS = 'tallystick.dead-letters';

/** Records with gaps in their offsets, as compaction and the broker's own marks leave them. */
function recordsOf(partition: number, count: number, random: () => number): KafkaRecord[] {
  let offset = 0n;
  return Array.from({ length: count }, () => {
    offset += random() < 0.1 ? 3n : 1n;
    const value = Buffer.from('x'.repeat(1 + Math.floor(random() * 40)));
    return { topic: 't', partition, offset, timestamp: 0, key: null, value, headers: {} };
  });
}

const keyOf = (partition: number, offset: bigint): string => `${partition}/${offset}`;

/** What becomes of a record is told by its offset. */
function kindOf({ offset }: KafkaRecord): RecordResult {
  if (offset % 17n === 0n) return { kind: 'dead-letter', letters: [{ id: String(offset), reason: 'bad' }] };
  if (offset % 19n === 0n) return { kind: 'redirect', topic: 'elsewhere', reason: 'not ours' };
  return offset % 23n === 0n ? { kind: 'drop', reason: 'empty' } : OK;
}

/** A ledger in memory that fails before and after it has written, is slow, and may fold open ranges. */
class ModelWork implements PartitionWork<readonly KafkaRecord[]> {
  private readonly open = new Map<string, KafkaRecord[]>();

  constructor(
    private readonly durable: Set<string>,
    private readonly time: VirtualTime,
    private readonly chance: (of: number) => boolean,
    private readonly ranges: boolean,
  ) {}

  async prepare(records: readonly KafkaRecord[]): Promise<readonly KafkaRecord[]> {
    if (this.chance(0.1)) await this.time.sleep(this.time.random() * 50);
    if (this.chance(0.03)) throw new LedgerAway();
    return records;
  }

  async commit(records: readonly KafkaRecord[], place: Place): Promise<Committed> {
    if (this.chance(0.5)) await this.time.sleep(this.time.random() * (this.chance(0.1) ? 9000 : 30));
    if (this.chance(0.08)) throw new LedgerAway();
    const results = records.map(kindOf);
    const answer = this.ranges ? this.fold(records, place) : { write: records };
    for (const { partition, offset } of answer.write) this.durable.add(keyOf(partition, offset));
    if (this.chance(0.08)) throw new LedgerAway();
    if (this.chance(0.005)) throw new Error('a fault that no wait mends');
    return 'committable' in answer ? { results, committable: answer.committable } : { results };
  }

  /** Only whole ranges are written; the open one stays in memory, for this assignment alone. */
  private fold(records: readonly KafkaRecord[], place: Place): { write: readonly KafkaRecord[]; committable: bigint } {
    const key = `${place.partition} ${place.assignment}`;
    const held = [...(this.open.get(key) ?? []), ...records];
    const committable = ((records.at(-1)!.offset + 1n) / RANGE) * RANGE;
    this.open.set(
      key,
      held.filter(({ offset }) => offset >= committable),
    );
    return { write: held.filter(({ offset }) => offset < committable), committable };
  }
}

const silent = createLog({ write: () => undefined });

async function run(seed: number, partitions: number, ranges: boolean): Promise<{ commits: number; crashes: number }> {
  const random = seeded(seed);
  const time = new VirtualTime(random);
  let calm = false;
  const chance = (of: number): boolean => !calm && random() < of;
  const alive = new Map<string, boolean>();
  const durable = new Set<string>();
  let broken: unknown;
  const members = (): string[] => [...alive].flatMap(([name, lives]) => (lives ? [name] : []));
  const group: ModelGroup = new ModelGroup(
    Array.from({ length: partitions }, (_, partition) => recordsOf(partition, 60 + Math.floor(random() * 200), random)),
    {
      fails: (call) => chance(call === 'produce' ? 0.2 : 0.03),
      onCommit: (partition, offset) => {
        try {
          checkCommit(group, durable, partition, offset);
        } catch (error) {
          broken ??= error;
        }
      },
      beforeFetch: () => {
        if (chance(0.05)) group.rebalance(members(), random);
      },
    },
  );
  const done = (): boolean =>
    group.partitions.every((_, partition) => {
      const end = group.end(partition);
      return group.committed[partition]! >= (ranges ? (end / RANGE) * RANGE : end);
    });
  let born = 0;
  let crashes = 0;
  const seat = async (): Promise<void> => {
    while (!done()) {
      const name = `m${born++}`;
      alive.set(name, true);
      group.rebalance(members(), random);
      const loop = new PartitionLoop({
        work: new ModelWork(durable, time, chance, ranges),
        timing: time,
        log: silent,
        options: {
          subBatch: { count: 7, bytes: 100, ms: 200 },
          heartbeatMs: 500,
          commitMs: 30,
          backoff: { base: 50, max: 2000 },
          settleMs: 3000,
        },
      });
      const live = group.live(name, loop, {
        isAlive: () => alive.get(name) === true,
        isOver: done,
        pause: () => time.sleep(20 + random() * 50),
        batch: () => 1 + Math.floor(random() * 40),
      });
      // kill -9: what it still does in memory reaches nobody, and somebody else takes its place.
      const killed = time.sleep(random() * 4000).then(() => 'killed' as const);
      const ended = await Promise.race([
        live.then(
          () => 'over' as const,
          () => 'crashed' as const,
        ),
        chance(0.5) ? killed : new Promise<never>(() => undefined),
      ]);
      if (ended !== 'over') crashes++;
      alive.set(name, false);
    }
  };
  const calmLater = time.sleep(8000).then(() => {
    calm = true;
  });
  await time.until(Promise.all([seat(), seat(), calmLater]));
  if (broken !== undefined) throw broken;
  checkOrder(group);
  return { commits: group.commits.length, crashes };
}

/** Everything before a committed offset is durable, with its letter or redirection, at the moment of the commit. */
function checkCommit(group: ModelGroup, durable: ReadonlySet<string>, partition: number, committed: bigint): void {
  const letters = new Set((group.produced.get(LETTERS) ?? []).map(({ value }) => placeOf(String(value))));
  const redirected = new Set(
    (group.produced.get('elsewhere') ?? []).map(({ headers }) => String(headers?.['tallystick-from']).slice(2)),
  );
  for (const record of group.partitions[partition]!) {
    if (record.offset >= committed) break;
    const key = keyOf(partition, record.offset);
    const { kind } = kindOf(record);
    const done = kind === 'dead-letter' ? letters.has(key) : kind === 'redirect' ? redirected.has(key) : true;
    if (!durable.has(key) || !done) throw new Error(`${committed} was committed, and ${key} (${kind}) was not done`);
  }
}

function checkOrder({ commits }: ModelGroup): void {
  expect(commits.filter(({ stale }) => stale)).toEqual([]);
  const last = new Map<string, bigint>();
  for (const { member, partition, assignment, offset, accepted } of commits) {
    const key = `${member} ${partition} ${assignment}`;
    if (offset <= (last.get(key) ?? 0n)) throw new Error(`commit of ${key} went back to ${offset}`);
    if (accepted) last.set(key, offset);
  }
}

function placeOf(value: string): string {
  const { from } = JSON.parse(value) as { from: { partition: number; offset: string } };
  return `${from.partition}/${from.offset}`;
}

it.each([
  ['records one by one', false],
  ['ranges that stay open', true],
])('%s: nothing is committed before it is durable, everything is in the end', async (_name, ranges) => {
  let [commits, crashes] = [0, 0];
  await fc.assert(
    fc.asyncProperty(fc.integer(), fc.integer({ min: 1, max: 4 }), async (seed, partitions) => {
      const seen = await run(seed, partitions, ranges);
      commits += seen.commits;
      crashes += seen.crashes;
    }),
    { numRuns: 60, seed: 7 },
  );
  // The runs were not empty: members died, and others went on.
  expect(commits).toBeGreaterThan(1000);
  expect(crashes).toBeGreaterThan(20);
});
