import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BadBearerFile, BearerFile } from './bearer-file.js';
import { makeBearer } from './bearer.js';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tally-bearers-'));
  path = join(folder, 'bearers');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('a bearer file', () => {
  it('is made once, for its owner alone, and gives the same bearer after a restart', () => {
    const [made] = BearerFile.open(path).bearers();
    expect(made).toMatch(/^tally_/);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(BearerFile.open(path).bearers()).toEqual([made]);
  });

  it('is rotated with an overlap of two, and no more', () => {
    const file = BearerFile.open(path);
    const [first] = file.bearers();
    const told = file.rotate();
    const [second, overlapping] = file.bearers();
    expect(overlapping).toBe(first);
    expect(JSON.stringify(told)).not.toContain(String(second).slice(6, 20));
    // Another process sees it when it looks.
    const served = BearerFile.open(path);
    file.rotate();
    expect(served.bearers()).toEqual([second, first]);
    expect(served.reload()).toBe(true);
    expect(served.bearers()).toEqual([file.bearers()[0], second]);
    expect(served.reload()).toBe(false);
    expect(readFileSync(path, 'utf8').trim().split('\n')).toHaveLength(2);
  });

  it.each([
    ['empty', '\n'],
    ['three', `${makeBearer()}\n${makeBearer()}\n${makeBearer()}\n`],
    ['short', 'secret\n'],
    ['two on a line', `${makeBearer()} ${makeBearer()}\n`],
  ])('that is wrong (%s) is refused, and what was read before counts on', (_, text) => {
    const served = BearerFile.open(path);
    const before = served.bearers();
    writeFileSync(path, text);
    expect(() => served.reload()).toThrow(BadBearerFile);
    expect(served.bearers()).toEqual(before);
    expect(() => BearerFile.open(path)).toThrow(BadBearerFile);
  });
});
