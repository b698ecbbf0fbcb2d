import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { DEFAULT_THRESHOLDS, namingSecrets, settingsSchema, type Settings } from '#lifecycle';
import { EmbeddedLedger, type Ledger, type RecordedEvent } from '#ledger';
import { ADAPTERS } from '#sources';
import { preparedBatches } from './batches.js';
import { DeadLetters } from './dead-letters.js';
import { unpacked } from './input-stream.js';
import { Intake } from './intake.js';
import { ownFact } from './own-facts.js';
import { packBatch, unpackBatch } from './packed-batch.js';
import { Preparer, type Vault } from './prepare.js';
import { Account } from './report.js';
import { SeenIndex } from './seen-index.js';
import { blocksOf } from './split-lines.js';

const NOW = Date.UTC(2026, 2, 11);
const secrets = namingSecrets(0, Buffer.alloc(32, 1), Buffer.alloc(32, 2));
const vault: Vault = {
  ensure: () => undefined,
  seal: (_owner, id, content) => ({
    keyId: 'k',
    box: Buffer.from(JSON.stringify([id, content])).toString('base64url'),
  }),
};

let folder: string;
let ledger: EmbeddedLedger;
let seen: SeenIndex;
let deadLetters: DeadLetters;
let intake: Intake;

async function open(): Promise<void> {
  ledger = EmbeddedLedger.open(join(folder, 'ledger.sqlite'), { access: 'write', clock: () => NOW });
  seen = SeenIndex.open(join(folder, 'intake.sqlite'));
  deadLetters = new DeadLetters(join(folder, 'dead.sqlite'), () => NOW);
  intake = await Intake.open({
    ledger,
    seen,
    deadLetters,
    clock: () => NOW,
    futureSlack: DEFAULT_THRESHOLDS.futureSlack,
  });
}
async function close(): Promise<void> {
  seen.close();
  deadLetters.close();
  await ledger.close();
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tally-intake-'));
  await open();
});
afterEach(async () => {
  await close();
  rmSync(folder, { recursive: true });
});

async function* bytesOf(text: string | Uint8Array): AsyncGenerator<Uint8Array> {
  yield typeof text === 'string' ? Buffer.from(text) : text;
}

async function take(
  lines: string | Uint8Array,
  source = 'auto',
  settings: Settings = settingsSchema.parse({}),
): Promise<Account> {
  const preparer = new Preparer({ tenant: 'default', settings, secrets, source, today: 1, vault });
  const account = new Account();
  await intake.take(preparedBatches(blocksOf(unpacked(bytesOf(lines), 'input')), preparer), account);
  return account;
}

async function events(): Promise<RecordedEvent[]> {
  const out: RecordedEvent[] = [];
  for await (const event of ledger.readAll()) out.push(event);
  return out;
}

const line = (change: Record<string, unknown> = {}): string => JSON.stringify({ ...ADAPTERS.kong.sample, ...change });

describe('intake', () => {
  it('appends once, however often a record comes and however it is spelled', async () => {
    const first = await take(`${line()}\n`);
    expect(first.report).toMatchObject({ records: 1, accepted: 1, events: 1 });
    const reordered = JSON.stringify(Object.fromEntries(Object.entries(ADAPTERS.kong.sample).reverse()));
    const again = await take(`${line()}\n${reordered}\n[${line()}]\n`);
    expect(again.report).toMatchObject({ records: 3, accepted: 0, duplicates: 3, events: 0 });
    expect(await events()).toHaveLength(1);
  });

  it('keeps every variant of one record id and marks the later one', async () => {
    const account = await take(
      `${line()}\n${line({ response: { status: 503 } })}\n${line({ response: { status: 503 } })}\n`,
    );
    expect(account.report).toMatchObject({ records: 3, accepted: 1, conflicts: 1, duplicates: 1, events: 2 });
    expect((await events()).map((event) => event.metadata ?? null)).toEqual([null, '{"conflict":true}']);
  });

  it('states an alias once per source, in both streams', async () => {
    const withHash = (id: string): string =>
      line({ token_sha256: 'ab'.repeat(32), request: { ...(ADAPTERS.kong.sample['request'] as object), id } });
    const account = await take(`${withHash('1')}\n${withHash('2')}\n`);
    expect(account.report).toMatchObject({ accepted: 2, events: 4 });
    const aliases = (await events()).filter((event) => event.type.includes('aliased'));
    expect(new Set(aliases.map((event) => event.stream)).size).toBe(2);
    expect(aliases.every((event) => event.metadata === '{"links":true}')).toBe(true);
  });

  it('knows after a restart what it took in, also with its index lost, behind, or ahead of the ledger', async () => {
    await take(`${line()}\n`);
    const forget = ['', '-wal', '-shm'];
    for (const damage of ['none', 'lost', 'ahead'] as const) {
      if (damage === 'ahead') {
        seen.see('00'.repeat(16), '00'.repeat(16));
        seen.commit(1_000_000n);
      }
      await close();
      if (damage === 'lost')
        for (const suffix of forget) rmSync(join(folder, `intake.sqlite${suffix}`), { force: true });
      await open();
      expect((await take(`${line()}\n`)).report).toMatchObject({ duplicates: 1, events: 0 });
    }
    expect(await events()).toHaveLength(1);
  });

  it('refuses what cannot be read with line, field and reason, takes the rest, and the accounting adds up', async () => {
    const input = [
      line(),
      '{"cut": "in the mid',
      '{"unknown":"format"}',
      line({ started_at: 'yesterday' }),
      line({ started_at: 99 }),
      '17',
      `${line({ request: { id: 'x' } })}{"a":`,
      '',
    ].join('\n');
    const { report, rejections } = await take(input);
    expect(report.records).toBe(
      report.accepted + report.duplicates + report.conflicts + report.rejected + report.ignored,
    );
    expect(report).toMatchObject({ accepted: 2, rejected: 6 });
    expect(rejections.map(({ line: at, record, field, reason }) => [at, record ?? 1, field, reason])).toEqual([
      [2, 1, '(line)', 'is not JSON'],
      [3, 1, '(record)', 'is of no format that is known'],
      [4, 1, 'started_at', 'is not an ISO 8601 time'],
      [5, 1, 'started_at', 'is outside the range of every unit'],
      [6, 1, '(line)', 'is not a JSON object'],
      [7, 2, '(line)', 'is not JSON'],
    ]);
    expect([...deadLetters.list('default')]).toHaveLength(6);
    await take(input);
    expect([...deadLetters.list('default')].map((letter) => letter.times)).toEqual([2, 2, 2, 2, 2, 2]);
  });

  it('lists dead letters while others are added', async () => {
    const bad = (from: number): string => Array.from({ length: 700 }, (_, i) => `not json ${from + i}\n`).join('');
    await take(bad(0));
    let listed = 0;
    for (const _letter of deadLetters.list('default')) if (listed++ === 1) await take(bad(700));
    expect(listed).toBeGreaterThanOrEqual(700);
    expect(deadLetters.count('default')).toBe(1400);
  });

  it('reads gzip, and takes in what stands before the point where it breaks off', async () => {
    const many = Array.from({ length: 2000 }, (_, i) => line({ request: { id: `r${i}` } })).join('\n');
    const packed = gzipSync(many);
    expect((await take(packed)).report.accepted).toBe(2000);
    const other = gzipSync(many.replaceAll('"id":"r', '"id":"s'));
    await expect(take(other.subarray(0, other.length - 200))).rejects.toMatchObject({ code: 'TALLY_INPUT_CUT' });
    expect((await events()).length).toBeGreaterThan(2000);
    await take(other);
    expect(await events()).toHaveLength(4000);
  });

  it('forgets what the ledger did not take', async () => {
    const failing: Ledger = {
      append: () => Promise.reject(new Error('disk full')),
      appendMany: () => Promise.reject(new Error('disk full')),
      readStream: (stream, options) => ledger.readStream(stream, options),
      readAll: (options) => ledger.readAll(options),
      subscribeAll: (options) => ledger.subscribeAll(options),
      revisionsOf: (streams) => ledger.revisionsOf(streams),
      head: () => ledger.head(),
      close: () => ledger.close(),
    };
    const good = intake;
    intake = await Intake.open({
      ledger: failing,
      seen,
      deadLetters,
      clock: () => NOW,
      futureSlack: 0,
    });
    await expect(take(`${line()}\n`)).rejects.toThrow('disk full');
    intake = good;
    expect((await take(`${line()}\n`)).report.accepted).toBe(1);
  });

  it('closes a source once at the last time that it showed; lines from the future advance nothing', async () => {
    const at = Date.UTC(2026, 2, 10);
    const { highs } = await take(
      `${line({ started_at: at })}\n${line({ started_at: NOW + 86_400_000, request: { id: 'future' } })}\n`,
    );
    await intake.closeSources('default', highs);
    await intake.closeSources('default', highs);
    // Another input of the same source says nothing of this one.
    await intake.closeSources(
      'default',
      (await take(`${line({ started_at: at - 1000, request: { id: 'earlier' } })}\n`)).highs,
    );
    const closings = (await events()).filter((event) => event.type.includes('closed'));
    expect(closings.map((event) => (JSON.parse(event.data) as { data: unknown }).data)).toEqual([
      { source: 'kong', watermark: at },
      { source: 'kong', watermark: at - 1000 },
    ]);
  });

  it('one record that no rule foresaw costs nobody but itself', async () => {
    const read = ADAPTERS.kong.read;
    const faulty = new Error('a fault of the program');
    ADAPTERS.kong.read = (record, context) => {
      if (JSON.stringify(record).includes('poison')) throw faulty;
      return read(record, context);
    };
    try {
      const { report, rejections } = await take(
        `${line()}\n${line({ request: { id: 'poison' } })}\n${line({ request: { id: 'after' } })}\n`,
      );
      expect(report).toMatchObject({ records: 3, accepted: 2, rejected: 1 });
      expect(rejections[0]).toMatchObject({ line: 2, field: '(record)' });
    } finally {
      ADAPTERS.kong.read = read;
    }
  });

  it('states an own fact once', async () => {
    const fact = ownFact({
      type: 'settings.declared',
      tenant: 'default',
      subject: 'default',
      time: NOW,
      data: { settings: {} },
    });
    expect(await intake.state([fact])).toBe(1);
    expect(await intake.state([fact])).toBe(0);
  });
});

it('a batch is the same after it crossed a thread', async () => {
  const preparer = new Preparer({
    tenant: 'default',
    settings: settingsSchema.parse({}),
    secrets,
    source: 'auto',
    today: 1,
    vault,
  });
  const lines = [line({ token_sha256: 'ab'.repeat(32) }), '{"cut', line({ started_at: 1 }), line()];
  const batch = preparer.lines(lines.map((text, i) => ({ kind: 'text', line: i + 1, text })));
  expect(unpackBatch(structuredClone(packBatch(batch)))).toEqual(batch);
  expect(batch.map((prepared) => prepared.kind)).toEqual(['facts', 'rejected', 'rejected', 'facts']);
});
