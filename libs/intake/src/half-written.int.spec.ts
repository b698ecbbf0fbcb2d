import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedLedger, type Ledger } from '#ledger';
import { storedJson } from '#lifecycle';
import { DiskFull } from '#platform';
import { eventId, recordKey } from './ids.js';
import { Intake } from './intake.js';
import type { DeadLetter, Prepared } from './prepared.js';
import { Account } from './report.js';
import { SeenIndex } from './seen-index.js';

const NOW = Date.UTC(2026, 2, 11);
const DIGEST = 'd1'.repeat(16);
const STREAM = 'token-hot';
const GONE = 'token-gone';

let folder: string;
let ledger: EmbeddedLedger;
let seen: SeenIndex;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tally-half-'));
  ledger = EmbeddedLedger.open(join(folder, 'ledger.sqlite'), { access: 'write', clock: () => NOW });
  seen = SeenIndex.open(join(folder, 'index.sqlite'));
});
afterEach(async () => {
  seen.close();
  await ledger.close();
  rmSync(folder, { recursive: true });
});

function record(line: number, stream = STREAM): Prepared {
  const key = recordKey('default', 'test', String(line));
  const ref = { key, digest: DIGEST, ordinal: 0 };
  const type = 'token.validated';
  const about = { id: '', type, source: 'test', tenant: 'default', subject: stream, time: NOW, names: {} };
  const data = storedJson({ ...about, data: { text: 'x'.repeat(100_000) }, record: ref });
  const event = { id: eventId(key, DIGEST, 0), stream, type: `tallystick.${type}.v1`, data, links: false };
  return { kind: 'facts', line, source: 'test', key, digest: DIGEST, high: NOW, events: [event] };
}

/** More than one append carries. */
const BATCH = Array.from({ length: 20 }, (_, i) => record(i + 1));

/** The ledger, where something comes before calls of it. */
function behind(before: { appendMany?: () => Promise<void>; revisionsOf?: () => Promise<void> }): Ledger {
  return {
    append: (stream, events, expected) => ledger.append(stream, events, expected),
    appendMany: async (appends) => {
      await before.appendMany?.();
      return ledger.appendMany(appends);
    },
    readStream: (stream, options) => ledger.readStream(stream, options),
    readAll: (options) => ledger.readAll(options),
    subscribeAll: (options) => ledger.subscribeAll(options),
    revisionsOf: async (streams) => {
      const revisions = await ledger.revisionsOf(streams);
      await before.revisionsOf?.();
      return revisions;
    },
    head: () => ledger.head(),
    close: async () => undefined,
  };
}

function open(on: Ledger, shared: boolean, add: (letters: readonly DeadLetter[]) => void = () => undefined) {
  return Intake.open({ ledger: on, seen, shared, deadLetters: { add }, clock: () => NOW, futureSlack: 1e9 });
}

/** Does something at the nth call alone. */
function atCall(nth: number, what: () => Promise<void> | void): () => Promise<void> {
  let calls = 0;
  return async () => {
    if (++calls === nth) await what();
  };
}

async function uses(): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id, type } of ledger.readStream(STREAM)) if (type !== 'foreign') ids.push(id);
  return ids;
}

describe.each([
  ['its only writer', false],
  ['one writer of several', true],
])('a batch that was written half, by %s, and comes again', (_who, shared) => {
  it('is there once after a full disk between two portions', async () => {
    const full = (): never => {
      throw new DiskFull('ledger.sqlite');
    };
    const intake = await open(behind({ appendMany: atCall(2, full) }), shared);
    await expect(intake.takeBatch(BATCH, new Account())).rejects.toBeInstanceOf(DiskFull);
    const half = (await uses()).length;
    expect(half).toBeGreaterThan(0);
    expect(half).toBeLessThan(BATCH.length);
    await intake.takeBatch(BATCH, new Account());
    expect((await uses()).length).toBe(BATCH.length);
    expect(new Set(await uses()).size).toBe(BATCH.length);
  });

  it('is there once although somebody else wrote in between', async () => {
    const foreign = async (): Promise<void> => {
      await ledger.append(STREAM, [{ id: randomUUID(), type: 'foreign', data: '{}' }], 'any');
    };
    const before = shared ? { appendMany: atCall(2, foreign) } : { revisionsOf: atCall(2, foreign) };
    const intake = await open(behind(before), shared);
    // Alone, it does not expect that and says so; what is asked again is then there.
    await intake
      .takeBatch(BATCH, new Account())
      .catch((error: unknown) => expect(error).toMatchObject({ retry: true }));
    await intake.takeBatch(BATCH, new Account());
    expect((await uses()).length).toBe(BATCH.length);
    expect(new Set(await uses()).size).toBe(BATCH.length);
  });

  it('is there once although its letters could not be kept the first time', async () => {
    await ledger.raw.change([{ stream: GONE, expected: 'any', remove: 'tombstone' }]);
    const kept: string[] = [];
    let isFull = true;
    const intake = await open(ledger, shared, (letters) => {
      if (letters.length > 0 && isFull) {
        isFull = false;
        throw new DiskFull('dead-letters.sqlite');
      }
      kept.push(...letters.map(({ id }) => id));
    });
    const batch = [record(1), record(2, GONE)];
    await expect(intake.takeBatch(batch, new Account())).rejects.toBeInstanceOf(DiskFull);
    const account = new Account();
    await intake.takeBatch(batch, account);
    expect((await uses()).length).toBe(1);
    expect(kept).toHaveLength(1);
    expect(account.report).toMatchObject({ rejected: 1 });
  });
});
