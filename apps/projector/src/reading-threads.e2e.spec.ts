import { afterAll, beforeAll, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { vaultOf, type Facts, type MinuteOutput, type OffsetRecord } from '#intake';
import { namingSecrets, settingsSchema, type Name } from '#lifecycle';
import { createLog, layoutPath } from '#platform';
import { SubjectKeys } from '#security';
import { ADAPTERS, type JsonObject } from '#sources';
import { preparerOf, RangesHere, type ReadAs } from './range-reader.js';
import type { ReadingThreads } from './reading-threads.js';

const RANGE = 7;
const PLACE = { topic: 't', partition: 3, assignment: 1 };
const sample = ADAPTERS.kong.sample as JsonObject & { request: JsonObject };
const records: OffsetRecord[] = Array.from({ length: 60 }, (_, i): OffsetRecord => {
  const offset = BigInt(i);
  if (i % 13 === 5) return { offset, bad: { reason: 'is no text', bytes: 9, digestOf: `${i}` } };
  if (i % 9 === 4) return { offset, text: `poison ${i}` };
  return { offset, text: JSON.stringify({ ...sample, request: { ...sample.request, id: `r${i}` } }) };
});
const as: ReadAs = {
  tenant: 'default',
  settings: settingsSchema.parse({ sources: { kong: { format: 'kong', uses: 'minute' } } }),
  secrets: namingSecrets(0, Buffer.alloc(32, 1), Buffer.alloc(32, 2)),
  older: [],
  today: 20_000,
  rule: { tenant: 'default', authority: 'gateway' },
};

let folder: string;
let keys: SubjectKeys;
let threads: ReadingThreads;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tally-thread-'));
  keys = SubjectKeys.open({
    access: 'write',
    file: (entry) => layoutPath(folder, entry),
    meta: { ledgerId: 'here' },
    updateMeta: () => undefined,
  });
  // A thread runs what was built, not what a test transforms.
  const built = resolve('dist/apps/projector/src/reading-threads.js');
  if (!existsSync(built)) throw new Error('not built yet: run `npm run build` first');
  const module = (await import(pathToFileURL(built).href)) as typeof import('./reading-threads.js');
  const place = { keys: { directory: folder, id: 'here' }, rangeSize: RANGE };
  threads = new module.ReadingThreads(place, createLog({ write: () => undefined }), 2);
});
afterAll(async () => {
  await threads?.close();
  keys?.close();
  rmSync(folder, { recursive: true });
});

it('gives what this thread would give, boxes and letters too, for each of several partitions', async () => {
  const here = new RangesHere(PLACE, RANGE, (way: ReadAs) => preparerOf(way, vaultOf(keys)));
  const there = threads.reader(PLACE);
  const other = threads.reader({ ...PLACE, partition: 4 });
  const outputs: Promise<MinuteOutput>[] = [];
  for (let at = 0; at < records.length; at += 11) {
    outputs.push(Promise.resolve(there.take(as, records.slice(at, at + 11))));
    void other.take({ ...as, today: 20_001 }, records.slice(at, at + 11));
  }
  const taken = await Promise.all(outputs);
  for (let at = 0; at < records.length; at += 11) {
    expect(taken.shift()).toEqual(here.take(as, records.slice(at, at + 11)));
  }
  there.close();
});

it('tells a failure of one reading to that one alone', async () => {
  const [one, two] = [threads.reader(PLACE), threads.reader(PLACE)];
  await one.take(as, records.slice(5, 8));
  const [failed, fine] = await Promise.allSettled([
    one.take(as, records.slice(0, 2)),
    two.take(as, records.slice(0, 2)),
  ]);
  expect(failed).toMatchObject({ status: 'rejected', reason: { code: 'TALLY_INPUT_OUT_OF_ORDER', retry: true } });
  expect(fine.status).toBe('fulfilled');
});

it('starts again for the next reading after it died, and gives the readings that it had up', async () => {
  const lost = threads.reader(PLACE);
  await lost.take(as, records.slice(0, 2));
  // Nothing that the product sends does this.
  const deadly: ReadAs = Object.assign({ ...as }, { settings: undefined });
  await expect(lost.take(deadly, records.slice(2, 4))).rejects.toMatchObject({ code: 'TALLY_READING_THREAD_ENDED' });
  await expect(lost.take(as, records.slice(2, 4))).rejects.toMatchObject({ code: 'TALLY_READING_THREAD_ENDED' });
  const next = threads.reader(PLACE);
  await expect(next.take(as, records.slice(0, 2))).resolves.toMatchObject({ committable: 0n });
});

it('keeps one way of reading a topic, however often settings or days change', async () => {
  const reader = threads.reader(PLACE);
  const lines = (at: number): OffsetRecord[] => records.slice(at, at + 1);
  const day = (today: number): ReadAs => ({ ...as, today });
  for (let at = 0; at < 4; at++) await reader.take(day(20_100 + at), lines(at));
  // A dead letter is sealed under the key of the day: the last way is the one that reads.
  const { prepared } = await reader.take(day(20_200), lines(4));
  const here = new RangesHere(PLACE, RANGE, (way: ReadAs) => preparerOf(way, vaultOf(keys)));
  expect(prepared).toEqual(here.take(day(20_200), lines(4)).prepared);
});

it('waits for others that write keys', async () => {
  const reader = threads.reader({ ...PLACE, partition: 9 });
  const other = new Database(layoutPath(folder, 'keys'));
  other.exec('BEGIN IMMEDIATE');
  const taken = reader.take({ ...as, today: 20_300 }, [{ offset: 0n, text: '{"no":"format"}' }]);
  // Longer than one patience of SQLite.
  await new Promise((resolve) => setTimeout(resolve, 2500));
  other.exec('ROLLBACK');
  other.close();
  await expect(taken).resolves.toMatchObject({ prepared: [{ kind: 'rejected' }] });
});

it('sees an erasure that this thread made', async () => {
  const reader = threads.reader(PLACE);
  const factAt = async (at: number): Promise<{ names: { sub: Name }; personal?: object }> => {
    const { prepared } = await reader.take(as, records.slice(at, at + 1));
    const facts = prepared.find((each) => each.kind === 'facts' && each.line === at) as Facts;
    return JSON.parse(facts.events[0]!.data) as Awaited<ReturnType<typeof factAt>>;
  };
  const before = await factAt(0);
  expect(before.personal).toBeDefined();
  keys.erase('default', before.names.sub, 1);
  expect((await factAt(RANGE)).personal).toBeUndefined();
});

it('starts nothing after it was closed', async () => {
  await threads.close();
  await expect(threads.reader(PLACE).take(as, records.slice(0, 1))).rejects.toMatchObject({
    code: 'TALLY_READING_THREAD_ENDED',
  });
});
