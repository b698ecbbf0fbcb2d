import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedLedger } from '#ledger';
import {
  DeadLetters,
  Intake,
  SeenIndex,
  type KafkaRecord,
  type Place,
  type RecordResult,
  type StoredDeadLetter,
} from '#intake';
import { namingSecrets, settingsSchema, type Settings } from '#lifecycle';
import { createLog } from '#platform';
import { ADAPTERS } from '#sources';
import { IntakeWork } from './intake-work.js';
import { LetterWork } from './letter-work.js';

const NOW = Date.UTC(2026, 2, 11);
const TOPIC = 'kong-logs';
const secrets = namingSecrets(0, Buffer.alloc(32, 1), Buffer.alloc(32, 2));
const vault = { ensure: () => undefined, seal: () => undefined };

let folder: string;
let opened: { close(): unknown }[];
let settings: Settings;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tally-work-'));
  opened = [];
  settings = settingsSchema.parse({});
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

/** A process of its own, whose own dead letters nothing may reach. */
async function projector(ledger: EmbeddedLedger, name: string, rangeSize = 100): Promise<IntakeWork> {
  const intake = await Intake.open({
    ledger,
    seen: keep(SeenIndex.open(join(folder, `${name}.index.sqlite`))),
    deadLetters: { add: (letters) => expect(letters).toEqual([]) },
    clock: () => NOW,
    futureSlack: 1e15,
    shared: true,
  });
  return new IntakeWork({
    intake,
    topics: new Map([[TOPIC, { tenant: 'default', source: 'kong' }]]),
    settingsOf: async () => settings,
    namingOf: () => ({ secrets }),
    vault,
    clock: () => NOW,
    rangeSize,
  });
}

function use(offset: bigint, token: string): KafkaRecord {
  const sample = ADAPTERS.kong.sample;
  const request = { ...(sample['request'] as object), id: String(offset) };
  const value = Buffer.from(JSON.stringify({ ...sample, request, token_jti: token }));
  return { topic: TOPIC, partition: 0, offset, timestamp: NOW, key: null, value, headers: {} };
}

const PLACE: Place = { topic: TOPIC, partition: 0, assignment: 1 };

async function deliver(work: IntakeWork, records: readonly KafkaRecord[]): Promise<readonly RecordResult[]> {
  return (await work.commit(await work.prepare(records, PLACE))).results;
}

async function streamsOf(ledger: EmbeddedLedger): Promise<string[]> {
  const streams: string[] = [];
  for await (const { stream } of ledger.readAll()) streams.push(stream);
  return streams;
}

/** The streams that records are written to, as another ledger shows. */
async function streamsFor(records: readonly KafkaRecord[], rangeSize?: number): Promise<Set<string>> {
  const ledger = ledgerIn(`asked-${records.length}-${records[0]!.offset}`);
  await deliver(await projector(ledger, 'asked', rangeSize), records);
  return new Set(await streamsOf(ledger));
}

const tombstone = (ledger: EmbeddedLedger, streams: Iterable<string>): Promise<unknown> =>
  ledger.raw.change([...streams].map((stream) => ({ stream, expected: 'any', remove: 'tombstone' })));

const lettersOf = (result: RecordResult | undefined): readonly { reason: string }[] =>
  result?.kind === 'dead-letter' ? result.letters : [];

describe('records for a stream that was deleted for good', () => {
  const records = [use(10n, 'aa'), use(11n, 'bb'), use(12n, 'cc')];

  it('go to the topic of dead letters with their events; the others go in; the partition goes on', async () => {
    const gone = [...(await streamsFor([records[1]!]))];
    const ledger = ledgerIn('ledger');
    await tombstone(ledger, gone);
    const work = await projector(ledger, 'one');
    const first = await deliver(work, records);
    expect(first.map(({ kind }) => kind)).toEqual(['ok', 'dead-letter', 'ok']);
    expect(lettersOf(first[1])).toMatchObject(
      gone.map((stream) => ({ line: 11, field: '(stream)', redrivable: false, event: { stream } })),
    );
    expect(work.counts).toMatchObject({ accepted: 2, rejected: 1, duplicates: 0 });
    const written = await streamsOf(ledger);
    expect(written.filter((stream) => gone.includes(stream))).toEqual([]);

    // The letters did not arrive: the same again, to the same member, and to another one. Nothing else is written.
    expect(await deliver(work, records)).toEqual(first);
    const other = await projector(ledger, 'two');
    expect(await deliver(other, records.slice(1))).toEqual(first.slice(1));
    expect(other.counts).toMatchObject({ accepted: 0, rejected: 1, duplicates: 1 });
    expect(await streamsOf(ledger)).toEqual(written);
    expect(await deliver(work, [use(13n, 'dd')])).toEqual([{ kind: 'ok' }]);

    const stored = await storedThrice(first);
    expect(stored.map(({ event, times }) => ({ stream: event?.stream, times }))).toEqual(
      expect.arrayContaining(gone.map((stream) => ({ stream, times: 3 }))),
    );
    expect(stored).toHaveLength(gone.length);
    for (const { from } of stored) expect(from).toEqual({ topic: TOPIC, partition: 0, offset: '11' });
  });

  it('go there with the last record that was read where they are folded into a summary', async () => {
    settings = settingsSchema.parse({ sources: { kong: { format: 'kong', uses: 'minute' } } });
    const uses = [0n, 1n, 2n, 3n].map((offset) => use(offset, 'aa'));
    const gone = await streamsFor(uses, 4);
    const ledger = ledgerIn('ledger');
    await tombstone(ledger, gone);
    const work = await projector(ledger, 'one', 4);
    const results = await deliver(work, uses);
    const ofSummary = results.flatMap((result, i) => lettersOf(result).map((letter) => ({ ...letter, i })));
    expect(ofSummary).toContainEqual(expect.objectContaining({ line: 0, field: '(stream)' }));
    expect(work.counts).toMatchObject({ accepted: 0, rejected: 4, events: 0 });
    expect(await streamsOf(ledger)).toEqual([]);
  });
});

/** What the process that answers holds after these results came to their topic three times. */
async function storedThrice(results: readonly RecordResult[]): Promise<StoredDeadLetter[]> {
  const store = keep(new DeadLetters(join(folder, 'dead.sqlite'), () => NOW));
  const work = new LetterWork(store, createLog({ write: (line) => expect(line).toBe('none') }));
  const values = results.flatMap((result, i) =>
    lettersOf(result).map((letter) => {
      const from = { topic: TOPIC, partition: 0, offset: String(10 + i), timestamp: NOW };
      return Buffer.from(JSON.stringify({ ...letter, from }));
    }),
  );
  for (let i = 0; i < 3; i++)
    await work.commit(work.prepare(values.map((value, n) => ({ ...use(BigInt(n), 'aa'), value }))));
  return [...store.list('default')];
}
