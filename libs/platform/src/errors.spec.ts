import { describe, expect, it } from '@jest/globals';
import { describeError } from './errors.js';
import { dataDirectoryPath } from './layout.js';
import { createLog } from './log.js';
import { CorruptFile, DiskFull, FileBusy, NotWritable, StorageFailed, storageError } from './storage-errors.js';

const systemError = (code: string) => Object.assign(new Error(code), { code });

describe('storageError', () => {
  it.each([
    ['ENOSPC', DiskFull],
    ['SQLITE_FULL', DiskFull],
    ['SQLITE_NOTADB', CorruptFile],
    ['SQLITE_CORRUPT', CorruptFile],
    ['SQLITE_CORRUPT_INDEX', CorruptFile],
    ['SQLITE_BUSY_SNAPSHOT', FileBusy],
    ['SQLITE_READONLY_DBMOVED', NotWritable],
    ['SQLITE_CANTOPEN', NotWritable],
    ['EACCES', NotWritable],
    ['SQLITE_IOERR_FSYNC', StorageFailed],
  ])('%s has its own error, with a remedy', (code, type) => {
    const error = storageError(systemError(code), '/data/ledger.sqlite');
    expect(error).toBeInstanceOf(type);
    expect(error).toMatchObject({ facts: { file: '/data/ledger.sqlite' }, remedy: expect.any(String) });
  });

  it('leaves others alone', () => {
    const error = new RangeError('mine');
    expect(storageError(error, 'f')).toBe(error);
    expect(storageError(systemError('SQLITE_CONSTRAINT'), 'f')).toMatchObject({ code: 'SQLITE_CONSTRAINT' });
  });
});

describe('describeError', () => {
  it('gives code, facts and remedy, and no stack', () => {
    expect(describeError(new DiskFull('f'))).toEqual({
      code: 'TALLY_DISK_FULL',
      message: 'No room left to write f.',
      retry: true,
      remedy: expect.any(String),
      facts: { file: 'f' },
    });
    expect(describeError('odd')).toEqual({ code: 'TALLY_UNEXPECTED', message: 'odd', retry: false });
  });
});

describe('the log', () => {
  const lines: string[] = [];
  const log = createLog({ write: (line) => lines.push(line), clock: () => 0, level: 'info' });

  it('writes one JSON object a line, from its level on', () => {
    lines.length = 0;
    log.debug('unseen');
    log.info('appended', { events: 3, position: 7n });
    log.error('stopped', new DiskFull('f'));
    expect(lines.map((line) => JSON.parse(line) as object)).toEqual([
      { time: '1970-01-01T00:00:00.000Z', level: 'info', message: 'appended', events: 3, position: '7' },
      expect.objectContaining({ level: 'error', error: expect.objectContaining({ code: 'TALLY_DISK_FULL' }) }),
    ]);
    expect(lines.every((line) => line.endsWith('}\n'))).toBe(true);
  });

  it('never lets a credential through, whole or cut', () => {
    lines.length = 0;
    log.error('bad line', new Error('at "Authorization: Bearer s3cret-opaque" and eyJhbGciOiJIUzI1NiJ9.eyJzdWIi'));
    expect(lines[0]).not.toMatch(/eyJ|s3cret/);
    expect(() => JSON.parse(lines[0] ?? '') as object).not.toThrow();
  });
});

describe('dataDirectoryPath', () => {
  it('takes the flag, then TALLY_DATA, then .tally where the command runs; empty ones count for nothing', () => {
    expect(dataDirectoryPath('/a', { TALLY_DATA: '/b' })).toBe('/a');
    expect(dataDirectoryPath(undefined, { TALLY_DATA: '/b' })).toBe('/b');
    expect(dataDirectoryPath('', { TALLY_DATA: '' })).toBe('.tally');
    expect(dataDirectoryPath(undefined, {})).toBe('.tally');
  });
});
