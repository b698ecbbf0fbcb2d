import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_THRESHOLDS, storedJson } from '#lifecycle';
import { EmbeddedLedger, EventStoreLedger, LedgerEndpoint, type Ledger } from '#ledger';
import { DeadLetters, type StoredDeadLetter } from './dead-letters.js';
import { eventId, onceKey, recordKey } from './ids.js';
import { Intake } from './intake.js';
import { ownFact } from './own-facts.js';
import type { DeadLetter, Prepared, PreparedEvent } from './prepared.js';
import { Account } from './report.js';
import { SeenIndex } from './seen-index.js';

const NOW = Date.UTC(2026, 2, 11);
const DIGEST = 'd1'.repeat(16);
const OTHER_DIGEST = 'd2'.repeat(16);
const GONE = 'token-gone';

let folder: string;
let embedded: EmbeddedLedger;
let endpoint: LedgerEndpoint;
let remote: EventStoreLedger;
let deadLetters: DeadLetters;
const indexes: SeenIndex[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tally-aside-'));
  embedded = EmbeddedLedger.open(join(folder, 'ledger.sqlite'), { access: 'write', clock: () => NOW });
  endpoint = await LedgerEndpoint.start({ ledger: embedded });
  remote = await EventStoreLedger.open({ url: `esdb://127.0.0.1:${endpoint.port}?tls=false` });
  deadLetters = new DeadLetters(join(folder, 'dead.sqlite'), () => NOW);
  await embedded.raw.change([{ stream: GONE, expected: 'any', remove: 'tombstone' }]);
});
afterEach(async () => {
  for (const index of indexes.splice(0)) index.close();
  deadLetters.close();
  await remote.close();
  await endpoint.close();
  await embedded.close();
  rmSync(folder, { recursive: true });
});

const STORES: [string, () => { ledger: Ledger; shared: boolean }][] = [
  ['its only writer', () => ({ ledger: embedded, shared: false })],
  ['one writer of several', () => ({ ledger: embedded, shared: true })],
  ['the only writer of an EventStoreDB', () => ({ ledger: remote, shared: false })],
  ['one writer of several of an EventStoreDB', () => ({ ledger: remote, shared: true })],
];

async function open(of: { ledger: Ledger; shared: boolean }, name = 'index'): Promise<Intake> {
  const seen = SeenIndex.open(join(folder, `${name}.sqlite`));
  indexes.push(seen);
  return Intake.open({ ...of, seen, deadLetters, clock: () => NOW, futureSlack: DEFAULT_THRESHOLDS.futureSlack });
}

type Facts = Extract<Prepared, { kind: 'facts' }>;

/** A record with one event in each of these streams. */
function record(line: number, streams: readonly string[], digest = DIGEST): Facts {
  const key = recordKey('default', 'test', String(line));
  const events = streams.map((stream, ordinal) => eventOf(stream, { key, digest, ordinal }));
  return { kind: 'facts', line, source: 'test', key, digest, high: NOW, events };
}

function eventOf(stream: string, ref: { key: string; digest: string; ordinal: number }): PreparedEvent {
  const type = 'token.validated';
  const data = storedJson({
    id: '',
    type,
    source: 'test',
    tenant: 'default',
    subject: stream,
    time: NOW,
    names: {},
    data: {},
    record: ref,
  });
  const id = eventId(ref.key, ref.digest, ref.ordinal);
  return { id, stream, type: `tallystick.${type}.v1`, data, links: false };
}

async function take(intake: Intake, batch: Prepared[]): Promise<Account> {
  const account = new Account();
  await intake.takeBatch(batch, account);
  return account;
}

async function written(): Promise<string[]> {
  const streams: string[] = [];
  for await (const { stream } of embedded.readAll()) streams.push(stream);
  return streams.sort();
}

const letters = (): StoredDeadLetter[] => [...deadLetters.list('default')];

describe.each(STORES)('a stream that was deleted for good, for %s', (_name, of) => {
  it('costs nobody but its own records, and these are kept whole, once, however often they come', async () => {
    const batch = (): Facts[] => [record(1, ['token-a']), record(2, [GONE]), record(3, ['token-b'])];
    const intake = await open(of());
    const first = await take(intake, batch());
    expect(first.report).toMatchObject({ records: 3, accepted: 2, rejected: 1, duplicates: 0, events: 2 });
    const [letter] = letters();
    const [event] = record(2, [GONE]).events;
    expect(letter).toMatchObject({
      id: expect.stringMatching(/^[0-9a-f]{32}$/),
      tenant: 'default',
      source: 'test',
      line: 2,
      field: '(stream)',
      reason: `the stream ${GONE} was deleted for good in the store`,
      redrivable: false,
      keys: [],
      event: { id: event!.id, stream: GONE, type: event!.type, data: event!.data },
    });
    const { field, reason, id } = letter!;
    expect(first.rejections).toEqual([{ line: 2, field, reason, deadLetter: id }]);

    // Again, and to another index that knows nothing of it: a letter may have been lost on its way.
    for (const again of [intake, await open(of(), 'other')]) {
      const { report } = await take(again, batch());
      expect(report).toMatchObject({ records: 3, accepted: 0, duplicates: 2, rejected: 1, events: 0 });
    }
    expect(letters()).toEqual([{ ...letter, times: 3 }]);
    expect(await written()).toEqual(['token-a', 'token-b']);
  });

  it('moves all records of a summary, and takes what its neighbours in other streams say', async () => {
    const intake = await open(of());
    const summary: Facts = { ...record(0, [GONE]), records: 40 };
    const parts = record(5, ['token-a', GONE, 'token-b']);
    for (const [accepted, duplicates, events] of [
      [1, 0, 3],
      [0, 1, 0],
    ] as const) {
      const { report, rejections } = await take(intake, [summary, parts, record(6, ['token-c'])]);
      expect(report).toMatchObject({ records: 42, rejected: 41, accepted, duplicates, events });
      expect(rejections.map(({ line }) => line)).toEqual([0, 5]);
    }
    expect(await written()).toEqual(['token-a', 'token-b', 'token-c']);
    expect(letters().map(({ times }) => times)).toEqual([2, 2]);
  });

  it('keeps the product’s own facts that it cannot state, and states the others', async () => {
    const intake = await open(of());
    const closing = (source: string): PreparedEvent =>
      ownFact({
        type: 'source.closed',
        tenant: 'default',
        subject: source,
        time: NOW,
        data: { source, watermark: NOW },
      });
    const { stream } = closing('kong');
    await embedded.raw.change([{ stream, expected: 'any', remove: 'tombstone' }]);
    expect(await intake.state([closing('kong'), closing('envoy')])).toBe(1);
    expect(await intake.state([closing('kong'), closing('envoy')])).toBe(0);
    expect(await written()).toEqual([closing('envoy').stream]);
    expect(letters()).toMatchObject([{ source: 'tally', line: 0, times: 2, event: { id: closing('kong').id } }]);
  });
});

describe('what was set aside', () => {
  it('is forgotten: another variant of the record is the first then, and is not written twice', async () => {
    const intake = await open({ ledger: embedded, shared: false });
    const [gone, variant] = [record(1, [GONE]), record(1, ['token-a'], OTHER_DIGEST)];
    expect((await take(intake, [gone, variant])).report).toMatchObject({ rejected: 1, conflicts: 1, events: 1 });
    expect((await take(intake, [variant])).report).toMatchObject({ duplicates: 1, events: 0 });
    expect((await take(intake, [gone])).report).toMatchObject({ rejected: 1, conflicts: 0, events: 0 });
    // The same again of an index that was filled from the ledger.
    const other = await open({ ledger: embedded, shared: false }, 'other');
    expect((await take(other, [variant, gone])).report).toMatchObject({ duplicates: 1, rejected: 1, events: 0 });
    expect(await written()).toEqual(['token-a']);
  });

  it('is what one record says: another that says the same of something once is not refused for it', async () => {
    const key = recordKey('default', 'test', 'alias');
    const alias = (): PreparedEvent => {
      const ref = { key, digest: key, ordinal: 0 };
      return { ...eventOf(GONE, ref), once: onceKey(ref) };
    };
    const intake = await open({ ledger: embedded, shared: true });
    const [one, two] = [record(1, ['token-a']), record(2, ['token-a'])];
    for (const { events } of [one, two]) events.push(alias());
    expect((await take(intake, [one, two])).report).toMatchObject({ accepted: 1, rejected: 1, events: 2 });
    expect(letters()).toHaveLength(1);
    expect(await written()).toEqual(['token-a', 'token-a']);
  });

  it('goes where its input wants it, in place of the dead letters here', async () => {
    const intake = await open({ ledger: embedded, shared: true });
    const kept: DeadLetter[] = [];
    const account = new Account();
    await intake.takeBatch([record(1, [GONE])], account, (some) => kept.push(...some));
    expect(account.report.rejected).toBe(1);
    expect(kept).toMatchObject([{ line: 1, field: '(stream)' }]);
    expect(letters()).toEqual([]);
  });

  it('is kept before the batch counts as seen: a letter that cannot be kept leaves the batch to come again', async () => {
    const seen = SeenIndex.open(join(folder, 'index.sqlite'));
    indexes.push(seen);
    let isFull = true;
    const add = (some: readonly DeadLetter[]): void => {
      if (isFull && some.length > 0) throw new Error('disk full');
      deadLetters.add(some);
    };
    const parts = { ledger: embedded, seen, clock: () => NOW, futureSlack: 0, shared: true };
    const intake = await Intake.open({ ...parts, deadLetters: { add } });
    const batch = (): Facts[] => [record(1, ['token-a']), record(2, [GONE])];
    await expect(take(intake, batch())).rejects.toThrow('disk full');
    isFull = false;
    expect((await take(intake, batch())).report).toMatchObject({ rejected: 1, events: 0 });
    expect(letters()).toHaveLength(1);
    expect(await written()).toEqual(['token-a']);
  });

  it('was not set aside where the ledger had taken it in before the stream was deleted', async () => {
    const late = await open({ ledger: embedded, shared: true }, 'late');
    const other = await open({ ledger: embedded, shared: true }, 'other');
    await take(other, [record(1, ['token-a'])]);
    await embedded.raw.change([{ stream: 'token-a', expected: 'any', remove: 'tombstone' }]);
    const { report } = await take(late, [record(1, ['token-a']), record(2, ['token-a'])]);
    expect(report).toMatchObject({ accepted: 1, rejected: 1, events: 0 });
    expect(letters()).toMatchObject([{ line: 2 }]);
  });
});
