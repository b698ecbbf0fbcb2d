import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataDirectory } from '#platform';
import { WrongSecrets } from './errors.js';
import { openBox, sealBox } from './personal-box.js';
import { type BoxOwner, dayOf, SubjectKeys } from './subject-keys.js';

let root: string;
let directory: DataDirectory;
let keys: SubjectKeys;
const openAll = async () => {
  directory = await DataDirectory.open(join(root, 'data'), { access: 'write', purpose: 'tally test' });
  keys = SubjectKeys.open(directory);
};
const closeAll = () => {
  keys.close();
  directory.close();
};
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'tally-keys-'));
  await openAll();
});
afterEach(() => {
  closeAll();
  rmSync(root, { recursive: true, force: true });
});

const subject = (index: number) => `6${index.toString(16).padStart(31, '0')}`;
const of = (index: number): BoxOwner => ({ tenant: 'default', subject: subject(index), source: 'kong', day: 20_000 });
const onDay = (day: number, source = 'kong', tenant = 'default'): BoxOwner => ({ tenant, source, day });
const keyOf = (keyId: string) => keys.keyOf(keyId);

/** Whether bytes stand in any file of the data directory, raw, as hex or as base64. */
function isAnywhere(bytes: Buffer): boolean {
  const forms = [bytes, Buffer.from(bytes.toString('hex')), Buffer.from(bytes.toString('base64url'))];
  return (
    readdirSync(directory.path, { recursive: true, encoding: 'utf8' })
      .map((name) => join(directory.path, name))
      // Reading lock.sqlite here would drop this process's lock on it.
      .filter((path) => statSync(path).isFile() && !path.endsWith('lock.sqlite'))
      .some((path) => forms.some((form) => readFileSync(path).includes(form)))
  );
}

describe('keyFor', () => {
  it('gives one key an owner, the same after a restart once it was flushed', async () => {
    const first = keys.keyFor(of(1));
    expect(first).toEqual({ keyId: expect.stringMatching(/^[0-9a-f]{32}$/), key: expect.any(Buffer) });
    expect(keys.keyFor({ ...of(1), source: 'okta', day: 1 })).toEqual(first);
    keys.flush();
    expect(keys.keyFor(of(1))).toEqual(first);
    closeAll();
    await openAll();
    expect(keys.keyFor(of(1))).toEqual(first);
    expect(keyOf(first?.keyId ?? '')).toEqual(first?.key);
  });

  it('never gives two owners one key, nor a day’s key to a subject', () => {
    const owners = [
      of(1),
      of(2),
      { ...of(1), tenant: 'other' },
      onDay(1),
      onDay(2),
      onDay(1, 'okta'),
      onDay(1, 'a:b', 'c'),
    ];
    owners.push(onDay(1, 'b', 'c:a'), onDay(11, 'kong'), onDay(1, '1:kong'));
    const ids = owners.map((owner) => keys.keyFor(owner)?.keyId);
    expect(new Set(ids).size).toBe(owners.length);
    keys.flush();
    expect(owners.map((owner) => keys.keyFor(owner)?.keyId)).toEqual(ids);
  });

  it('counts days from 1970 in UTC', () => {
    expect([dayOf(0), dayOf(86_399_999), dayOf(86_400_000), dayOf(-1)]).toEqual([0, 0, 1, -1]);
  });
});

describe('erasing a subject', () => {
  it('closes its boxes for ever, drops later ones, and leaves all others', async () => {
    const [mine, other] = [keys.keyFor(of(1)), keys.keyFor(of(2))];
    if (!mine || !other) throw new Error('no keys');
    keys.flush();
    const boxes = [mine, other].map((key) => sealBox(key, 'event', { userName: 'ada' }));
    keys.erase('default', subject(1), 5000);
    const opened = () => boxes.map((box) => openBox(box, 'event', keyOf));
    expect(opened()).toEqual([undefined, { userName: 'ada' }]);
    expect(keys.keyFor(of(1))).toBeUndefined();
    closeAll();
    await openAll();
    expect(opened()).toEqual([undefined, { userName: 'ada' }]);
    expect(keys.keyFor(of(1))).toBeUndefined();
    expect([keys.erasedAt('default', subject(1)), keys.erasedAt('default', subject(2))]).toEqual([5000, undefined]);
    expect(keys.keyFor({ ...of(1), tenant: 'other' })).toBeDefined();
  });

  it('works for one that was never seen, one whose key was not flushed, and again', () => {
    keys.erase('default', subject(7), 1);
    expect(keys.keyFor(of(7))).toBeUndefined();
    keys.keyFor(of(8));
    keys.erase('default', subject(8), 2);
    keys.erase('default', subject(8), 3);
    expect(keys.keyFor(of(8))).toBeUndefined();
    expect(keys.erasedAt('default', subject(8))).toBe(2);
  });

  it('leaves no byte of a destroyed key in any file, however keys and erasures were mixed', () => {
    const held = new Map<number, Buffer>();
    let next = 0;
    const step = fc.oneof(
      { weight: 1, arbitrary: fc.record({ add: fc.integer({ min: 1, max: 400 }) }) },
      { weight: 2, arbitrary: fc.record({ erase: fc.nat() }) },
    );
    for (const action of fc.sample(step, { numRuns: 60, seed: 11 })) {
      if ('add' in action) {
        for (let index = 0; index < action.add; index++)
          held.set(next, keys.keyFor(of(next++))?.key ?? Buffer.alloc(0));
        keys.flush();
      } else if (held.size > 0) {
        const victim = [...held.keys()][action.erase % held.size] ?? 0;
        const key = held.get(victim) ?? Buffer.alloc(0);
        expect(isAnywhere(key)).toBe(true);
        keys.erase('default', subject(victim), 1);
        held.delete(victim);
        expect(isAnywhere(key)).toBe(false);
      }
    }
    expect(next).toBeGreaterThan(1000);
    for (const index of held.keys()) expect(keys.keyFor(of(index))?.key).toEqual(held.get(index));
  });
});

describe('retention of days', () => {
  it('destroys the keys of earlier days, and of no subject', () => {
    const owners = [onDay(9), onDay(10), onDay(11), of(1)];
    const made = owners.map((owner) => keys.keyFor(owner));
    expect(keys.destroyDayKeysBefore('default', 11)).toBe(2);
    expect(made.map((key) => isAnywhere(key?.key ?? Buffer.alloc(0)))).toEqual([false, false, true, true]);
    expect(owners.map((owner) => keys.keyFor(owner)?.keyId)).toEqual([
      undefined,
      undefined,
      made[2]?.keyId,
      made[3]?.keyId,
    ]);
    expect(keys.destroyDayKeysBefore('default', 11)).toBe(0);
  });
});

describe('the key file', () => {
  it('is its owner’s alone, side files too', () => {
    keys.keyFor(of(1));
    keys.flush();
    const modes = readdirSync(directory.path)
      .filter((name) => name.startsWith('keys.sqlite'))
      .map((name) => statSync(join(directory.path, name)).mode & 0o777);
    expect(modes.length).toBeGreaterThanOrEqual(2);
    expect(new Set(modes)).toEqual(new Set([0o600]));
  });

  it('missing from a ledger that has one is an error: erasures would be forgotten', async () => {
    const file = directory.file('keys');
    closeAll();
    renameSync(file, join(root, 'away'));
    directory = await DataDirectory.open(join(root, 'data'), { access: 'write', purpose: 'tally test' });
    expect(() => SubjectKeys.open(directory)).toThrow(WrongSecrets);
    expect(readdirSync(directory.path)).not.toContain('keys.sqlite');
    renameSync(join(root, 'away'), file);
    keys = SubjectKeys.open(directory);
  });

  it('of another ledger is an error', async () => {
    const stranger = await DataDirectory.open(join(root, 'other'), { access: 'write', purpose: 'tally test' });
    const strangerKeys = SubjectKeys.open(stranger);
    strangerKeys.close();
    stranger.close();
    const file = directory.file('keys');
    closeAll();
    renameSync(file, join(root, 'away'));
    renameSync(stranger.file('keys'), file);
    directory = await DataDirectory.open(join(root, 'data'), { access: 'write', purpose: 'tally test' });
    expect(() => SubjectKeys.open(directory)).toThrow(/not the one of this ledger/);
    renameSync(join(root, 'away'), file);
    keys = SubjectKeys.open(directory);
  });

  it('can be copied while it is used', async () => {
    const key = keys.keyFor(of(1));
    await keys.backupTo(join(root, 'copy'));
    expect(readFileSync(join(root, 'copy')).includes(key?.key ?? 'none')).toBe(true);
    expect(statSync(join(root, 'copy')).mode & 0o777).toBe(0o600);
  });
});
