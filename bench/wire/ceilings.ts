import { EventStoreDBClient, jsonEvent, type JSONType } from '@eventstore/db-client';
import type { EachBatchPayload, Kafka } from 'kafkajs';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { contentOf, LOOP_DEFAULTS, Preparer, vaultOf, type InputLine, type PreparedEvent } from '#intake';
import { namingSecrets, settingsSchema } from '#lifecycle';
import { SubjectKeys } from '#security';
import { settingsOf, TOPIC } from './requests.js';

/** As many as the ledger's adapter has under way by default. */
const IN_FLIGHT = 256;

interface Append {
  stream: string;
  expected: 'no_stream' | bigint;
  events: ReturnType<typeof jsonEvent>[];
}

/** What a ceiling tells: that what is measured begins, and that it is over. */
export interface Marks {
  begun(): void;
  over(): void;
}

/** Bare kafkajs, from the first record to the last commit: everything read, and committed batch by batch. */
export async function consumeAll(kafka: Kafka, group: string, count: number, marks: Marks): Promise<void> {
  let read = -1;
  await readAll(kafka, group, async ({ batch, commitOffsetsIfNecessary, resolveOffset, heartbeat }, done) => {
    // Several partitions come at once.
    if (read < 0) {
      read = 0;
      marks.begun();
    }
    const { partition } = batch;
    const last = batch.lastOffset();
    const offset = String(BigInt(last) + 1n);
    await commitOffsetsIfNecessary({ topics: [{ topic: TOPIC, partitions: [{ partition, offset }] }] });
    resolveOffset(last);
    await heartbeat();
    read += batch.messages.length;
    if (read < count) return;
    marks.over();
    done();
  });
}

/**
 * The official client's own `appendToStream` of events that are ready: those of the same records, grouped by stream as
 * the projector's sub-batches are, as many under way.
 */
export async function appendAll(kafka: Kafka, group: string, count: number, url: string, marks: Marks): Promise<void> {
  const appends = await appendsOf(kafka, group, count);
  const client = EventStoreDBClient.connectionString(url);
  const tails = new Map<string, Promise<unknown>>();
  let next = 0;
  const pump = async (): Promise<void> => {
    for (let each = appends[next++]; each !== undefined; each = appends[next++]) {
      const { stream, expected, events } = each;
      const before = tails.get(stream) ?? Promise.resolve();
      const turn = before.then(() => client.appendToStream(stream, events, { expectedRevision: expected }));
      tails.set(stream, turn);
      await turn;
    }
  };
  marks.begun();
  await Promise.all(Array.from({ length: IN_FLIGHT }, pump));
  marks.over();
  await client.dispose();
}

async function appendsOf(kafka: Kafka, group: string, count: number): Promise<Append[]> {
  const { prepare, close } = preparing();
  const partitions = new Map<number, InputLine[]>();
  const appends: Append[] = [];
  const revisions = new Map<string, bigint>();
  const take = (lines: InputLine[]): void => {
    const streams = new Map<string, PreparedEvent[]>();
    for (const event of prepare(lines)) {
      const list = streams.get(event.stream);
      if (list === undefined) streams.set(event.stream, [event]);
      else list.push(event);
    }
    for (const [stream, events] of streams) {
      const last = revisions.get(stream);
      revisions.set(stream, (last ?? -1n) + BigInt(events.length));
      appends.push({
        stream,
        expected: last ?? 'no_stream',
        events: events.map(({ id, type, data }) =>
          jsonEvent<{ type: string; data: JSONType }>({ id, type, data: JSON.parse(data) as JSONType }),
        ),
      });
    }
  };
  let read = 0;
  await readAll(kafka, group, async ({ batch, resolveOffset, heartbeat }, done) => {
    const lines = partitions.get(batch.partition) ?? [];
    partitions.set(batch.partition, lines);
    for (const { offset, timestamp, key, value, headers = {} } of batch.messages) {
      const place = { topic: TOPIC, partition: batch.partition, offset: BigInt(offset), timestamp: Number(timestamp) };
      const content = contentOf({ ...place, key, value, headers });
      if (content.kind !== 'text') throw new Error(`a record is ${content.kind}`);
      lines.push({ kind: 'text', line: Number(offset), text: content.text });
    }
    read += batch.messages.length;
    while (lines.length >= LOOP_DEFAULTS.subBatch.count || (read >= count && lines.length > 0))
      take(lines.splice(0, LOOP_DEFAULTS.subBatch.count));
    resolveOffset(batch.lastOffset());
    await heartbeat();
    if (read >= count) done();
  });
  for (const lines of partitions.values()) while (lines.length > 0) take(lines.splice(0, LOOP_DEFAULTS.subBatch.count));
  close();
  return appends;
}

/** Reads records as the projector does, under keys of its own. */
function preparing(): { prepare(lines: InputLine[]): PreparedEvent[]; close(): void } {
  const directory = mkdtempSync(join(tmpdir(), 'tally-bench-'));
  const keys = SubjectKeys.open({
    access: 'write',
    file: (entry) => join(directory, entry),
    meta: { ledgerId: 'bench', subjectKeys: false },
    updateMeta: () => undefined,
  });
  const settings = settingsSchema.parse(settingsOf('each'));
  const secrets = namingSecrets(0, Buffer.alloc(32, 1), Buffer.alloc(32, 2));
  const route = (record: Record<string, unknown>) => ({
    source: record['source'] === 'eu-gateway' ? 'eu-gateway' : 'kong',
  });
  const vault = vaultOf(keys);
  const preparer = new Preparer({ tenant: 'default', settings, secrets, vault, today: 1, source: 'auto', route });
  return {
    prepare: (lines) =>
      preparer.lines(lines).flatMap((each) => {
        if (each.kind !== 'facts') throw new Error(`a record is ${each.kind}`);
        return each.events;
      }),
    close: () => {
      keys.close();
      rmSync(directory, { recursive: true });
    },
  };
}

async function readAll(
  kafka: Kafka,
  groupId: string,
  each: (payload: EachBatchPayload, done: () => void) => Promise<void>,
): Promise<void> {
  const limits = { maxBytesPerPartition: 4_194_304, maxBytes: 16_777_216, maxWaitTimeInMs: 200 };
  const consumer = kafka.consumer({ groupId, ...limits });
  await consumer.connect();
  await consumer.subscribe({ topic: TOPIC, fromBeginning: true });
  await new Promise<void>((resolve, reject) => {
    const eachBatch = (payload: EachBatchPayload): Promise<void> => each(payload, resolve).catch(reject);
    consumer
      .run({ autoCommit: false, eachBatchAutoResolve: false, partitionsConsumedConcurrently: 4, eachBatch })
      .catch(reject);
  });
  await consumer.disconnect();
}
