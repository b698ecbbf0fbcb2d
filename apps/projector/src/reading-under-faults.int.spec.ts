import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import {
  Intake,
  PartitionLoop,
  SeenIndex,
  systemTiming,
  type BrokerCalls,
  type FetchedBatch,
  type KafkaRecord,
  type LoopOptions,
  type Vault,
} from '#intake';
import { EmbeddedLedger, type Ledger } from '#ledger';
import { namingSecrets, settingsSchema, type Settings } from '#lifecycle';
import { createLog, TallyError } from '#platform';
import { ADAPTERS } from '#sources';
import { IntakeWork } from './intake-work.js';

const NOW = Date.UTC(2026, 2, 11);
const TOPIC = 'kong-logs';
const secrets = namingSecrets(0, Buffer.alloc(32, 1), Buffer.alloc(32, 2));
const NO_KEYS: Vault = { ensure: () => undefined, seal: () => undefined };
const mode = (uses: 'each' | 'minute'): Settings =>
  settingsSchema.parse({ sources: { kong: { format: 'kong', uses } } });

class Away extends TallyError {
  readonly code = 'TALLY_AWAY';
  constructor() {
    super('away', { retry: true, remedy: 'wait' });
  }
}

let folder: string;
let opened: { close(): unknown }[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tally-faults-'));
  opened = [];
});
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
  rmSync(folder, { recursive: true });
});
const keep = <T extends { close(): unknown }>(store: T): T => {
  opened.push(store);
  return store;
};
const ledgerIn = (name: string): EmbeddedLedger =>
  keep(EmbeddedLedger.open(join(folder, `${name}.sqlite`), { access: 'write', clock: () => NOW }));

interface Process {
  ledger: Ledger;
  settings: Settings;
  index: string;
  vault?: Vault;
  rangeSize?: number;
  options?: Partial<LoopOptions>;
}

/** A projector's loop over one partition, as a process of its own would have it. */
async function start({ ledger, settings, index, vault = NO_KEYS, rangeSize = 8192, options }: Process) {
  const intake = await Intake.open({
    ledger,
    seen: keep(SeenIndex.open(join(folder, `${index}.index.sqlite`))),
    deadLetters: { add: () => undefined },
    clock: () => NOW,
    futureSlack: 1e15,
    shared: true,
  });
  const work = new IntakeWork({
    intake,
    topics: new Map([[TOPIC, { tenant: 'default', source: 'kong' }]]),
    settingsOf: async () => settings,
    namingOf: () => ({ secrets }),
    vault,
    clock: () => NOW,
    rangeSize,
  });
  const log = createLog({ write: () => undefined });
  const loop = new PartitionLoop({
    work,
    timing: systemTiming,
    log,
    options: { commitMs: 0, backoff: { base: 1, max: 1 }, ...options },
  });
  return { loop, work };
}

function recordAt(offset: number, what: { id?: string; token?: string; isPoison?: boolean }): KafkaRecord {
  const { id = String(offset), token = 'aa', isPoison = false } = what;
  const { sample } = ADAPTERS.kong;
  const request = { ...(sample['request'] as object), id };
  const text = JSON.stringify({ ...sample, request, token_jti: token, started_at: NOW - 1000 });
  const value = Buffer.from(isPoison ? `poison ${offset}` : text);
  return { topic: TOPIC, partition: 0, offset: BigInt(offset), timestamp: NOW, key: null, value, headers: {} };
}

const recordsOf = (count: number, what: (i: number) => Parameters<typeof recordAt>[1] = () => ({})): KafkaRecord[] =>
  Array.from({ length: count }, (_, i) => recordAt(i, what(i)));

function batchOf(records: KafkaRecord[]): FetchedBatch {
  const lastOffset = records.at(-1)!.offset;
  return { topic: TOPIC, partition: 0, records, lastOffset, highWatermark: lastOffset + 1n };
}

/** A broker that takes everything, and what it took. */
class Broker implements BrokerCalls {
  committed = 0n;
  next = 0n;
  readonly letters = new Set<string>();
  resolve(offset: bigint): void {
    this.next = offset + 1n;
  }
  async commit(offset: bigint): Promise<void> {
    this.committed = offset;
  }
  async heartbeat(): Promise<void> {}
  pause(): void {}
  resume(): void {}
  async produce(_topic: string, messages: readonly { value: Buffer | string | null }[]): Promise<void> {
    for (const { value } of messages) this.letters.add((JSON.parse(String(value)) as { id: string }).id);
  }
  isStale(): boolean {
    return false;
  }
}

async function usesIn(ledger: EmbeddedLedger): Promise<number> {
  let uses = 0;
  for await (const { type, data } of ledger.readAll()) {
    if (!type.includes('token.validated')) continue;
    uses += (JSON.parse(data) as { data: { count?: number } }).data.count ?? 1;
  }
  return uses;
}

describe('what was read and not yet delivered', () => {
  it('keeps its letters while later pieces are read, until they are delivered', async () => {
    const { loop, work } = await start({ ledger: ledgerIn('ledger'), settings: mode('each'), index: 'one' });
    let read = 0;
    let third = (): void => undefined;
    const isRead = new Promise<void>((resolve) => (third = resolve));
    const prepare = work.prepare.bind(work);
    work.prepare = async (...about) => {
      const prepared = await prepare(...about);
      if (++read === 3) third();
      return prepared;
    };
    const broker = new Broker();
    const produce = broker.produce.bind(broker);
    let fails = true;
    broker.produce = async (...about) => {
      await isRead;
      if (fails) {
        fails = false;
        throw new Away();
      }
      return produce(...about);
    };
    const records = recordsOf(1000, (i) => ({ isPoison: i < 10 }));
    await loop.run(batchOf(records), broker);
    expect([broker.committed, broker.letters.size]).toEqual([0n, 0]);
    await loop.run(batchOf(records.slice(Number(broker.next))), broker);
    expect([broker.committed, broker.letters.size]).toEqual([1000n, 10]);
  });

  it('of an open range keeps its offset back when the next piece cannot be read', async () => {
    const ledger = ledgerIn('ledger');
    const settings = mode('minute');
    let calls = 0;
    let isFull = true;
    const vault: Vault = {
      ...NO_KEYS,
      ensure: (owners) => {
        if (isFull && owners.length > 0 && ++calls > 5) throw new Error('the disk is full');
      },
    };
    // A new token now and then, so that keys are asked for in each piece.
    const records = recordsOf(700, (i) => (i % 50 === 0 ? { token: `x${i}` } : {}));
    const about = { ledger, settings, vault, rangeSize: 700 };
    const { loop } = await start({ ...about, index: 'one' });
    const broker = new Broker();
    await expect(loop.run(batchOf(records), broker)).rejects.toThrow();
    expect(broker.committed).toBe(0n);
    isFull = false;
    const again = await start({ ...about, index: 'two' });
    await again.loop.run(batchOf(records), new Broker());
    expect(await usesIn(ledger)).toBe(700);
  });

  it('is forgotten where a partition begins again under its name', async () => {
    const ledger = ledgerIn('ledger');
    const { loop } = await start({ ledger, settings: mode('each'), index: 'one' });
    const broker = new Broker();
    await loop.run(batchOf(recordsOf(100)), broker);
    await loop.run(batchOf(recordsOf(50, (i) => ({ id: `anew-${i}` }))), broker);
    expect(await usesIn(ledger)).toBe(150);
  });
});

describe('random faults of every call', () => {
  const COUNT = 60;
  const RANGE = 13;
  const records = recordsOf(COUNT, (i) => ({ isPoison: i % 7 === 3, token: `t${i % 3}` })).map((record, i) =>
    i % 11 === 5 ? { ...record, value: null } : record,
  );

  it.each(['each', 'minute'] as const)('leave each event and letter there once, uses %s', async (uses) => {
    const whole = await run(1, uses, 0);
    // The first two failed once.
    const seeds = [29, 116, ...Array.from({ length: 4 }, (_, i) => i + 200)];
    for (const seed of seeds) {
      const { ids, letters } = await run(seed, uses, 0.08);
      expect({ seed, ids: ids.sort(), letters: [...letters].sort() }).toEqual({
        seed,
        ids: whole.ids.sort(),
        letters: [...whole.letters].sort(),
      });
    }
  });

  /** Processes, one after another, until all is committed that can be. */
  async function run(seed: number, uses: 'each' | 'minute', chance: number) {
    const random = seeded(seed);
    const hit = (of = chance): boolean => random() < of;
    const embedded = ledgerIn(`${uses}-${seed}`);
    const ledger = unsteady(embedded, hit);
    const letters = new Set<string>();
    const whole = BigInt(uses === 'minute' ? COUNT - (COUNT % RANGE) : COUNT);
    let committed = 0n;
    for (let born = 0; committed < whole && born < 300; born++) {
      const vault: Vault = {
        ...NO_KEYS,
        ensure: () => {
          if (hit(chance / 4)) throw new Error('the disk is full');
        },
      };
      const subBatch = { count: 1 + Math.floor(random() * 9), bytes: 1e6, ms: 1000 };
      const index = random() < 0.5 ? `${uses}-${seed}-${born}` : `${uses}-${seed}`;
      const about = { settings: mode(uses), index, vault, rangeSize: RANGE, options: { subBatch, settleMs: 20 } };
      const { loop } = await start({ ...about, ledger });
      let [isAlive, isAssigned, position] = [true, false, committed];
      while (isAlive) {
        if (!isAssigned || hit()) {
          loop.assigned();
          isAssigned = true;
          position = committed;
        }
        if (position >= BigInt(COUNT)) break;
        let isStale = false;
        const broker: BrokerCalls = {
          resolve: (offset) => void (position = offset + 1n),
          commit: async (offset) => {
            if (hit()) throw new Away();
            if (!isStale) {
              expect(offset).toBeGreaterThanOrEqual(committed);
              committed = offset;
            }
            if (hit()) isStale = true;
          },
          heartbeat: async () => {
            if (hit()) throw new Away();
          },
          pause: () => undefined,
          resume: () => undefined,
          produce: async (_topic, messages) => {
            for (let turns = Math.floor(random() * 30); turns > 0; turns--) await setImmediate();
            if (hit()) throw new Away();
            for (const { value } of messages) letters.add((JSON.parse(String(value)) as { id: string }).id);
            if (hit()) throw new Away();
          },
          isStale: () => isStale,
        };
        const batch = records.filter(({ offset }) => offset >= position).slice(0, 5 + Math.floor(random() * 40));
        try {
          await loop.run(batchOf(batch), broker);
          if (isStale) isAssigned = false;
        } catch (error) {
          // The client's own failures begin the consumer anew; others end the process.
          if (error instanceof Away) isAssigned = false;
          else if (error instanceof TallyError) isAlive = false;
          else throw error;
        }
        if (hit()) {
          loop.stop(50);
          isAlive = false;
        }
      }
    }
    // What is left of an open range, and of letters behind it.
    const last = await start({
      settings: mode(uses),
      index: `${uses}-${seed}-last`,
      rangeSize: RANGE,
      ledger: embedded,
    });
    const calm = new Broker();
    if (committed < BigInt(COUNT)) await last.loop.run(batchOf(records.slice(Number(committed))), calm);
    for (const id of calm.letters) letters.add(id);
    const ids: string[] = [];
    for await (const { id } of embedded.readAll()) ids.push(id);
    return { ids, letters };
  }
});

/** A ledger whose appends fail before they are made, or lose their answer. */
function unsteady(ledger: EmbeddedLedger, hit: () => boolean): Ledger {
  return {
    append: (stream, events, expected) => ledger.append(stream, events, expected),
    appendMany: async (appends) => {
      if (hit()) throw new Away();
      const outcomes = await ledger.appendMany(appends);
      if (hit()) throw new Away();
      return outcomes;
    },
    readStream: (stream, options) => ledger.readStream(stream, options),
    readAll: (options) => ledger.readAll(options),
    subscribeAll: (options) => ledger.subscribeAll(options),
    revisionsOf: (streams) => ledger.revisionsOf(streams),
    head: () => ledger.head(),
    close: async () => undefined,
  };
}

function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
}
