import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataDirectory } from './data-directory.js';
import { DirectoryLocked, NoDataDirectory, NotADataDirectory } from './directory-errors.js';
import { announceRunning, findRunning } from './running.js';
import { CorruptFile, NewerFormat } from './storage-errors.js';

let root: string;
let path: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tally-directory-'));
  path = join(root, 'data');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const write = (waitMs = 0) => DataDirectory.open(path, { access: 'write', purpose: 'tally test', waitMs });
const read = (waitMs = 0) => DataDirectory.open(path, { access: 'read', purpose: 'tally test', waitMs });

/** A process that takes the writer's lock as another `tally` would, says so, and waits. */
async function otherWriter() {
  const script = `
    const Database = require('better-sqlite3');
    const { writeFileSync } = require('node:fs');
    const [, path] = process.argv;
    const lock = new Database(path + '/lock.sqlite', { timeout: 0 });
    lock.exec('BEGIN EXCLUSIVE');
    writeFileSync(path + '/holder.json', JSON.stringify({ pid: process.pid, purpose: 'tally other' }));
    console.log('held');
    setInterval(() => lock.open, 60000);`;
  const child = spawn(process.execPath, ['-e', script, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}

describe('a data directory', () => {
  it('is made by its first writer, for its owner alone', async () => {
    const directory = await DataDirectory.open(path, { access: 'write', purpose: 'tally test', clock: () => 0 });
    expect(directory.meta).toEqual({ format: 1, ledgerId: expect.any(String), createdAt: '1970-01-01T00:00:00.000Z' });
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(statSync(directory.file('meta')).mode & 0o777).toBe(0o600);
    directory.close();
    const again = await write();
    expect(again.meta.ledgerId).toBe(directory.meta.ledgerId);
    again.close();
  });

  it('is not made by a reader', async () => {
    await expect(read()).rejects.toBeInstanceOf(NoDataDirectory);
    expect(existsSync(path)).toBe(false);
  });

  it('is refused, unchanged, where other files lie', async () => {
    mkdirSync(path);
    writeFileSync(join(path, 'thesis.txt'), 'mine');
    await expect(write()).rejects.toBeInstanceOf(NotADataDirectory);
    expect(readdirSync(path)).toEqual(['thesis.txt']);
  });

  it('is refused where a ledger lost its meta.json: a new identity would hide that', async () => {
    mkdirSync(path);
    writeFileSync(join(path, 'ledger.sqlite'), '');
    await expect(write()).rejects.toBeInstanceOf(NotADataDirectory);
    expect(readdirSync(path)).toEqual(['ledger.sqlite']);
  });

  it('is refused, unchanged, if a newer release wrote it, whatever else that release changed', async () => {
    mkdirSync(path);
    const text = '{"format": 2, "ledgerId": {"new": "shape"}}';
    writeFileSync(join(path, 'meta.json'), text);
    const error = await write().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(NewerFormat);
    expect(error).toMatchObject({ code: 'TALLY_NEWER_FORMAT', retry: false, remedy: expect.stringContaining('newer') });
    expect(readdirSync(path)).toEqual(['meta.json']);
    expect(readFileSync(join(path, 'meta.json'), 'utf8')).toBe(text);
  });

  it.each([['{"format": 1'], ['[]'], ['{"format": 1, "ledgerId": 7}'], ['']])(
    'names a damaged meta.json: %s',
    async (text) => {
      mkdirSync(path);
      writeFileSync(join(path, 'meta.json'), text);
      await expect(write()).rejects.toBeInstanceOf(CorruptFile);
    },
  );

  it('keeps what updateMeta wrote, and fields of later minor releases', async () => {
    (await write()).close();
    const meta = JSON.parse(readFileSync(join(path, 'meta.json'), 'utf8')) as object;
    writeFileSync(join(path, 'meta.json'), JSON.stringify({ ...meta, later: 1 }));
    const directory = await write();
    directory.updateMeta({ secrets: { default: { '0': 'ab' } } });
    directory.close();
    const reader = await read();
    expect(reader.meta).toMatchObject({ later: 1, secrets: { default: { '0': 'ab' } } });
    expect(() => reader.updateMeta({ subjectKeys: true })).toThrow(TypeError);
    reader.close();
  });
});

describe('its lock', () => {
  it('admits many readers, or one writer', async () => {
    (await write()).close();
    const readers = [await read(), await read()];
    await expect(write()).rejects.toThrow(/by another process/);
    for (const reader of readers) reader.close();
    const writer = await write();
    await expect(read()).rejects.toBeInstanceOf(DirectoryLocked);
    await expect(write()).rejects.toBeInstanceOf(DirectoryLocked);
    writer.close();
    (await read()).close();
  });

  it('is waited for', async () => {
    const writer = await write();
    const waiting = read(60_000);
    setImmediate(() => writer.close());
    (await waiting).close();
  });

  it('names the process that holds it, and is free the moment that one is killed', async () => {
    (await write()).close();
    const child = await otherWriter();
    await expect(write()).rejects.toMatchObject({
      code: 'TALLY_DIRECTORY_LOCKED',
      retry: true,
      facts: { pid: child.pid, purpose: 'tally other' },
    });
    child.kill('SIGKILL');
    await once(child, 'exit');
    const writer = await write();
    writer.close();
  });

  it('can be taken to read where nothing can be written', async () => {
    (await write()).close();
    chmodSync(join(path, 'lock.sqlite'), 0o400);
    (await read()).close();
  });
});

describe('a running `tally up`', () => {
  it('is found by its directory while it runs, and only then', async () => {
    expect(findRunning(path)).toBeUndefined();
    const directory = await write();
    announceRunning(directory, 'http://127.0.0.1:8321', 'tally_x');
    expect(statSync(directory.file('run')).mode & 0o777).toBe(0o600);
    expect(findRunning(path)).toEqual({ pid: process.pid, url: 'http://127.0.0.1:8321', token: 'tally_x' });
    directory.close();
    expect(findRunning(path)).toBeUndefined();
  });

  it('is not believed from the file of a killed one, whether the lock is free or another holds it', async () => {
    (await write()).close();
    writeFileSync(join(path, 'run.json'), '{"pid": 999999999, "url": "http://127.0.0.1:1", "token": "t"}');
    expect(findRunning(path)).toBeUndefined();
    const child = await otherWriter();
    expect(findRunning(path)).toBeUndefined();
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
});
