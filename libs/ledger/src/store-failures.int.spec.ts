import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CorruptFile, DiskFull, FileBusy, NewerFormat, NoDataDirectory } from '#platform';
import { EmbeddedLedger } from './embedded/store.js';
import { LedgerClosed } from './errors.js';
import type { StreamAppend } from './port.js';
import { testEvent } from './testing/test-event.js';

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tally-failures-'));
  file = join(directory, 'ledger.sqlite');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const open = (options = {}) => EmbeddedLedger.open(file, { access: 'write', busyMs: 0, ...options });
const batch = (from: number, count: number, bytes = 10): StreamAppend[] =>
  Array.from({ length: count }, (_, index) => ({
    stream: `token-${from + index}`,
    events: [testEvent(`${from + index}`, JSON.stringify('x'.repeat(bytes)))],
    expected: 'no_stream',
  }));

async function fill(): Promise<void> {
  const ledger = open();
  await ledger.appendMany(batch(0, 500, 400));
  await ledger.close();
}

describe('a full disk', () => {
  it('is one error, nothing of the batch is there, and the same append works once there is room', async () => {
    let ledger = open({ maxPages: 60 });
    await ledger.appendMany(batch(0, 20));
    const head = await ledger.head();
    const tooMuch = batch(20, 200, 4000);
    await expect(ledger.appendMany(tooMuch)).rejects.toBeInstanceOf(DiskFull);
    expect(await ledger.head()).toBe(head);
    expect(await ledger.revisionsOf(['token-19', 'token-20', 'token-219'])).toEqual([0n, undefined, undefined]);
    // The same store goes on with what fits: nothing in memory points to what was rolled back.
    await ledger.appendMany(batch(20, 1));
    expect(await ledger.head()).toBe(head + 1n);
    await ledger.close();

    ledger = open();
    const outcomes = await ledger.appendMany(batch(21, 199, 4000));
    expect(outcomes.every((outcome) => outcome.ok && outcome.written)).toBe(true);
    await ledger.close();
  });

  it('fails the call that is too large, and none that shared its transaction', async () => {
    const ledger = open({ maxPages: 60 });
    const settled = await Promise.allSettled([
      ledger.append('token-a', [testEvent('a')], 'no_stream'),
      ledger.appendMany(batch(0, 200, 4000)),
      ledger.append('token-b', [{ ...testEvent('b'), id: 'none' }], 'no_stream'),
      ledger.append('token-a', [testEvent('c')], 0n),
    ]);
    expect(settled.map((one) => one.status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
    expect(await ledger.revisionsOf(['token-a', 'token-0', 'token-b'])).toEqual([1n, undefined, undefined]);
    expect(await ledger.head()).toBe(2n);
    await ledger.close();
  });
});

describe('a file that cannot be used', () => {
  const bytes = () => readFileSync(file);
  const attempt = () => {
    try {
      return open();
    } catch (error) {
      return error;
    }
  };

  it('of a newer release is refused and left as it is', async () => {
    await fill();
    const other = new Database(file);
    other.pragma('user_version = 2');
    other.close();
    const before = bytes();
    expect(attempt()).toBeInstanceOf(NewerFormat);
    expect(attempt()).toMatchObject({ facts: { found: 2, known: 1 } });
    expect(bytes().equals(before)).toBe(true);
  });

  it('that is no database, or one of something else, is refused and left as it is', () => {
    writeFileSync(
      file,
      'not a database at all, but long enough to have a header of one hundred bytes or more, is it not?',
    );
    const before = bytes();
    expect(attempt()).toBeInstanceOf(CorruptFile);
    expect(bytes().equals(before)).toBe(true);
    rmSync(file);
    const other = new Database(file);
    other.exec('CREATE TABLE recipes (name TEXT)');
    other.close();
    expect(attempt()).toBeInstanceOf(CorruptFile);
  });

  it('with damaged pages is an error when they are read, never wrong events', async () => {
    await fill();
    truncateSync(file, 64 * 1024);
    const read = async () => {
      const ledger = open();
      try {
        for await (const event of ledger.readAll()) expect(event.stream).toMatch(/^token-\d+$/);
      } finally {
        await ledger.close();
      }
    };
    await expect(read()).rejects.toBeInstanceOf(CorruptFile);
  });

  it('that another program locks is busy, and usable afterwards', async () => {
    await fill();
    const ledger = open();
    const other = new Database(file);
    other.exec('BEGIN IMMEDIATE');
    await expect(ledger.appendMany(batch(500, 1))).rejects.toBeInstanceOf(FileBusy);
    other.exec('ROLLBACK');
    other.close();
    await ledger.appendMany(batch(500, 1));
    await ledger.close();
  });

  it('is not made by a reader, and not written by one', async () => {
    expect(() => open({ access: 'read' })).toThrow(NoDataDirectory);
    expect(readdirSync(directory)).toEqual([]);
    await fill();
    const reader = open({ access: 'read' });
    expect(await reader.head()).toBe(500n);
    await expect(reader.appendMany(batch(500, 1))).rejects.toMatchObject({ code: 'TALLY_NOT_WRITABLE' });
    await reader.close();
  });
});

describe('closing', () => {
  it('writes what waits, ends subscriptions, and refuses what comes later', async () => {
    const ledger = open();
    const messages = ledger.subscribeAll({ after: 'start' })[Symbol.asyncIterator]();
    await messages.next();
    const ended = messages.next();
    const waiting = ledger.append('token-a', [testEvent('a')], 'no_stream');
    await ledger.close();
    expect(await waiting).toMatchObject({ revision: 0n });
    expect(await ended).toMatchObject({ done: true });
    await expect(ledger.append('token-a', [], 'any')).rejects.toBeInstanceOf(LedgerClosed);
    await expect(ledger.head()).rejects.toBeInstanceOf(LedgerClosed);
    await ledger.close();
  });
});

describe('a backup', () => {
  it('is a consistent ledger with all that was acknowledged before, while appends go on', async () => {
    const ledger = open();
    await ledger.appendMany(batch(0, 3000, 2000));
    const copied = ledger.backupTo(join(directory, 'copy.sqlite'));
    for (let step = 0; step < 20; step++) await ledger.appendMany(batch(3000 + step * 10, 10));
    await copied;
    await ledger.close();
    const copy = EmbeddedLedger.open(join(directory, 'copy.sqlite'), { access: 'write' });
    const head = await copy.head();
    expect(head).toBeGreaterThanOrEqual(3000n);
    // Appends of ten are whole or absent.
    expect(head % 10n).toBe(0n);
    let count = 0n;
    for await (const event of copy.readAll()) expect(event.position).toBe(++count);
    expect(count).toBe(head);
    await copy.appendMany(batch(9000, 1));
    await copy.close();
  });
});
