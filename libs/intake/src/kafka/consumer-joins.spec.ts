import { expect, it } from '@jest/globals';
import { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import { KafkaIntake } from './consumer.js';
import { OK, type KafkaRecord } from './record.js';
import { clientOf, silent } from './testing/kafka-run.js';

type EachBatch = (payload: object) => Promise<void>;
const { isRebalancing } = createRequire(import.meta.url)('kafkajs/src/errors') as {
  isRebalancing(error: unknown): boolean;
};

const kafka = clientOf({ brokers: ['127.0.0.1:1'] });

/** A consumer of kafkajs whose group, of one member and two partitions, is played. */
function played() {
  const said = new EventEmitter();
  const resolved: string[] = [];
  let eachBatch: EachBatch | undefined;
  const real = kafka.consumer({ groupId: 'g' });
  const consumer = Object.assign(real, {
    on: (name: string, listener: (event: object) => void) => {
      said.on(name, listener);
      return () => undefined;
    },
    subscribe: async () => undefined,
    run: async (config: { eachBatch?: EachBatch }) => void (eachBatch = config.eachBatch),
  });
  const nothing = async (): Promise<void> => undefined;
  return {
    consumer,
    resolved,
    join: () => said.emit(real.events.GROUP_JOIN, { payload: { memberAssignment: { t: [0, 1] } } }),
    rebalancing: () => said.emit(real.events.REBALANCING, {}),
    batch: (first: number): Promise<unknown> =>
      eachBatch!({
        batch: {
          topic: 't',
          partition: 1,
          messages: Array.from({ length: 10 }, (_, i) => ({
            offset: String(first + i),
            timestamp: '1',
            key: null,
            value: Buffer.from('v'),
          })),
          highWatermark: '1000',
          lastOffset: () => String(first + 9),
        },
        resolveOffset: (offset: string) => resolved.push(offset),
        commitOffsetsIfNecessary: nothing,
        heartbeat: nothing,
        pause: () => () => undefined,
        isStale: () => false,
      }).then(
        () => 'taken',
        (error: unknown) => error,
      ),
  };
}

it('a batch that was fetched before a join in the middle of another fetch is refused until all was fetched anew', async () => {
  const read: string[] = [];
  const intake = new KafkaIntake({
    kafka,
    group: 'g',
    topics: ['t'],
    log: silent,
    work: {
      prepare: (records: readonly KafkaRecord[], { assignment }) => {
        read.push(`assignment ${assignment} from ${records[0]!.offset}`);
        return records;
      },
      // A range of minute mode that is open from 0 on.
      commit: async (records) => ({ results: records.map(() => OK), committable: 0n }),
    },
  });
  const { consumer, resolved, join, rebalancing, batch } = played();
  await intake.bind(consumer);
  join();
  expect(await batch(0)).toBe('taken');
  // A leader moved: the fetch of its broker joins again, and the one of the other broker, of offset 10 on, comes after.
  join();
  const refused = await batch(10);
  expect(isRebalancing(refused)).toBe(true);
  expect(resolved).toEqual(['9']);
  // kafkajs ends all fetches then, and joins.
  rebalancing();
  join();
  expect(await batch(0)).toBe('taken');
  expect(read).toEqual(['assignment 1 from 0', 'assignment 3 from 0']);
});
