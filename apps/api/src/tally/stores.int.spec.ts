import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Stores } from './stores.js';

let folder: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tally-stores-'));
  const stores = await Stores.open(folder, { access: 'write', purpose: 'test' });
  stores.secrets.current('default');
  await stores.close();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** What the files that matter hold; the lock's own file aside. */
function contents(): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const kept = files.filter((entry) => !/^(lock|holder)/.test(entry.name) && !/-(wal|shm)$/.test(entry.name));
  return Object.fromEntries(
    kept.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [path, createHash('sha256').update(readFileSync(path)).digest('hex')];
    }),
  );
}

describe('a data directory that was used', () => {
  it.each(['ledger.sqlite', 'keys.sqlite', 'dead-letters.sqlite'])(
    'is refused without its %s, lost or emptied, and nothing is changed',
    async (name) => {
      for (const damage of ['emptied', 'lost'] as const) {
        if (damage === 'emptied') truncateSync(join(folder, name));
        else rmSync(join(folder, name));
        for (const suffix of ['-wal', '-shm']) rmSync(join(folder, name + suffix), { force: true });
        const before = contents();
        for (const access of ['read', 'write'] as const) {
          await expect(Stores.open(folder, { access, purpose: 'test' })).rejects.toMatchObject({
            code: expect.stringMatching(/TALLY_(CORRUPT_FILE|WRONG_SECRETS)/),
          });
        }
        expect(contents()).toEqual(before);
      }
    },
  );

  it('works without its intake index, which is made again', async () => {
    rmSync(join(folder, 'intake.sqlite'));
    await (await Stores.open(folder, { access: 'write', purpose: 'test' })).close();
  });
});
