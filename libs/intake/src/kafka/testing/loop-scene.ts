import { createLog, TallyError } from '#platform';
import type { LoopOptions } from '../loop-options.js';
import { PartitionLoop } from '../partition-loop.js';
import type { BrokerCalls, Committed, PartitionWork } from '../partition-work.js';
import { OK, type FetchedBatch, type KafkaRecord, type OutgoingMessage } from '../record.js';
import { seeded, VirtualTime } from './virtual-time.js';

/** May pass. */
export class Passing extends TallyError {
  readonly code = 'TALLY_PASSING';
  constructor() {
    super('away', { retry: true, remedy: 'wait' });
  }
}

/** A partition's batch of `count` records from `first` on. */
export function batchOf(count: number, first = 0n, partition = 0): FetchedBatch {
  const records = Array.from({ length: count }, (_, i): KafkaRecord => ({
    topic: 't',
    partition,
    offset: first + BigInt(i),
    timestamp: 1_700_000_000_000,
    key: Buffer.from('k'),
    value: Buffer.from(`v${first + BigInt(i)}`),
    headers: { h: 'x' },
  }));
  const lastOffset = first + BigInt(count) - 1n;
  return { topic: 't', partition, records, lastOffset, highWatermark: lastOffset + 1n };
}

/** What happened, in order, as words. */
export function scene(work: Partial<PartitionWork<readonly KafkaRecord[]>> = {}, options: Partial<LoopOptions> = {}) {
  const time = new VirtualTime(seeded(1));
  const began = time.now();
  const did: string[] = [];
  const produced: { topic: string; messages: readonly OutgoingMessage[] }[] = [];
  const at = (word: string): void => void did.push(word);
  const state = {
    stale: false,
    heartbeat: (): void => undefined,
    produce: (): void => undefined,
    commit: (): void => undefined,
  };
  const broker: BrokerCalls = {
    resolve: (offset) => at(`resolve ${offset}`),
    commit: async (offset) => {
      at(`commit ${offset}`);
      state.commit();
    },
    heartbeat: async () => {
      at('heartbeat');
      state.heartbeat();
    },
    pause: () => at('pause'),
    resume: () => at(`resume at ${time.now() - began}`),
    produce: async (topic, messages) => {
      at(`produce ${messages.length} to ${topic}`);
      state.produce();
      produced.push({ topic, messages });
    },
    isStale: () => state.stale,
  };
  const full: PartitionWork<readonly KafkaRecord[]> = {
    prepare: (records, place) => {
      at(`prepare ${records[0]!.offset}+${records.length}`);
      return work.prepare?.(records, place) ?? records;
    },
    commit: async (records, place) => {
      at(`take ${records[0]!.offset}+${records.length}`);
      return work.commit?.(records, place) ?? { results: records.map(() => OK) };
    },
  };
  const loop = new PartitionLoop({
    work: full,
    timing: time,
    log: createLog({ write: () => undefined }),
    options: {
      subBatch: { count: 2, bytes: 1e6, ms: 1000 },
      ahead: 1,
      heartbeatMs: 1000,
      commitMs: 0,
      settleMs: 5000,
      ...options,
    },
  });
  const run = (batch: FetchedBatch): Promise<void> => time.until(loop.run(batch, broker));
  return { time, did, at, state, produced, broker, loop, run };
}

/** Work that takes so long. */
export const slow =
  (time: () => VirtualTime, ms: number) =>
  async (records: readonly KafkaRecord[]): Promise<Committed> => {
    await time().sleep(ms);
    return { results: records.map(() => OK) };
  };
