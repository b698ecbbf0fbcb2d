import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { nameOf } from '#lifecycle';
import { DataDirectory } from '#platform';
import { KeysElsewhere, WrongSecrets } from './errors.js';
import { KeysDirectory } from './keys-directory.js';
import { NamingSecretStore } from './naming-secret-store.js';
import { openKeysHome } from './open-keys-home.js';
import { SubjectKeys, type BoxOwner } from './subject-keys.js';

let root: string;
let open: { close(): void }[];
const at = (name: string): string => join(root, name);
const keep = <T extends { close(): void }>(what: T): T => {
  open.push(what);
  return what;
};
const ownerOf = (n: number): BoxOwner => ({ tenant: 'default', subject: subject(n), source: 'kong', day: 1 });
const subject = (n: number): string => `60${n.toString(16).padStart(30, '0')}`;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tally-keys-'));
  open = [];
});
afterEach(() => {
  for (const each of open.reverse()) each.close();
  rmSync(root, { recursive: true, force: true });
});

describe('a directory of keys that processes share', () => {
  it('gives every process the same secrets and keys, whoever makes them', () => {
    const [a, b] = [keep(KeysDirectory.open(at('keys'), 'write')), keep(KeysDirectory.open(at('keys'), 'write'))];
    const [storeA, storeB] = [NamingSecretStore.open(a), NamingSecretStore.open(b)];
    // B looked before there were any: it must find those of A, not make its own over them.
    const made = storeA.current('default');
    expect(nameOf(storeB.current('default'), 'jti', 'i', 'j')).toBe(nameOf(made, 'jti', 'i', 'j'));
    const [keysA, keysB] = [keep(SubjectKeys.open(a)), keep(SubjectKeys.open(b))];
    keysA.ensure([ownerOf(1)]);
    keysB.ensure([ownerOf(1), ownerOf(2)]);
    expect(keysB.keyFor(ownerOf(1))).toEqual(keysA.keyFor(ownerOf(1)));
    expect(statSync(at('keys')).mode & 0o777).toBe(0o700);
    for (const file of readdirSync(at('keys'))) expect(statSync(at(`keys/${file}`)).mode & 0o077).toBe(0);
  });

  it('tells each process of a rotation and a retirement', () => {
    const stores = [0, 1].map(() => NamingSecretStore.open(keep(KeysDirectory.open(at('keys'), 'write'))));
    const [a, b] = stores as [NamingSecretStore, NamingSecretStore];
    a.current('default');
    expect(b.naming('default')).toMatchObject({ secrets: { version: 0 }, older: [] });
    a.rotate('default');
    expect(b.naming('default')).toMatchObject({ secrets: { version: 1 }, older: [{ version: 0 }] });
    a.retire('default', 0);
    expect(b.refresh()).toBe(true);
    expect(b.naming('default')).toMatchObject({ secrets: { version: 1 }, older: [] });
    expect(b.rotate('default').version).toBe(2);
    expect(NamingSecretStore.open(keep(KeysDirectory.open(at('keys'), 'read'))).versions('default')).toHaveLength(2);
  });

  it('an erased key is used from no cache of another process any more', () => {
    const [a, b] = [0, 1].map(() => keep(SubjectKeys.open(keep(KeysDirectory.open(at('keys'), 'write')))));
    a!.ensure([ownerOf(1), ownerOf(2)]);
    const other = b!;
    other.ensure([ownerOf(1), ownerOf(2)]);
    expect(other.keyFor(ownerOf(1))).toBeDefined();
    a!.erase('default', subject(1), 5);
    other.ensure([ownerOf(1)]);
    expect(other.keyFor(ownerOf(1))).toBeUndefined();
    expect(other.keyFor(ownerOf(2))).toBeDefined();
    expect(other.erasedSubjects('default')).toEqual([subject(1)]);
    const ofDay: BoxOwner = { tenant: 'default', source: 'kong', day: 3 };
    other.ensure([ofDay]);
    expect(a!.destroyDayKeysBefore('default', 4)).toBe(1);
    other.ensure([ofDay]);
    expect(other.keyFor(ofDay)).toBeUndefined();
  });

  it('processes ensure and erase at the same time: one key an owner, and what was erased stays so', async () => {
    const OWNERS = 300;
    const work = resolve('dist/libs/security/src/testing/ensure-and-erase.js');
    const children = ['0', '1'].map((which) =>
      spawn(process.execPath, [work, at('keys'), which, String(OWNERS)], { stdio: 'inherit' }),
    );
    const codes = await Promise.all(children.map(async (child) => ((await once(child, 'exit')) as [number])[0]));
    expect(codes).toEqual([0, 0]);
    const keys = keep(SubjectKeys.open(keep(KeysDirectory.open(at('keys'), 'write'))));
    const owners = Array.from({ length: OWNERS }, (_, n) => ownerOf(n));
    keys.ensure(owners);
    for (const [n, owner] of owners.entries()) {
      if (n % 10 === 0) expect(keys.keyFor(owner)).toBeUndefined();
      else expect(keys.keyFor(owner)).toBeDefined();
    }
    expect(keys.erasedSubjects('default')).toHaveLength(OWNERS / 10);
  });
});

describe('a data directory', () => {
  const data = async (name: string): Promise<DataDirectory> =>
    keep(await DataDirectory.open(at(name), { access: 'write', purpose: 'test' }));

  it('has its keys inside, unless a shared directory is named when it is new', async () => {
    const own = await data('own');
    const inside = openKeysHome(own, undefined);
    NamingSecretStore.open(inside.home).current('default');
    expect(() => openKeysHome(own, at('keys'))).toThrow(KeysElsewhere);
    const replica = await data('replica');
    NamingSecretStore.open(keep(openKeysHome(replica, at('keys'))).home).current('default');
    expect(() => openKeysHome(replica, undefined)).toThrow(KeysElsewhere);
    expect(() => openKeysHome(replica, at('other-keys'))).toThrow(WrongSecrets);
    expect(readdirSync(at('replica'))).not.toContain('secrets');
    keep(openKeysHome(await data('second'), at('keys')));
  });

  it('a shared directory is none that holds other things, and its damage is told', async () => {
    await data('own');
    expect(() => KeysDirectory.open(at('own'), 'write')).toThrow(/other files/);
    keep(KeysDirectory.open(at('keys'), 'write'));
    const meta = readFileSync(at('keys/keys.json'), 'utf8');
    writeFileSync(at('keys/keys.json'), meta.replace('"format": 1', '"format": 2'));
    expect(() => KeysDirectory.open(at('keys'), 'write')).toThrow(/format 2/);
    writeFileSync(at('keys/keys.json'), '{}');
    expect(() => KeysDirectory.open(at('keys'), 'write')).toThrow(/damaged/);
  });
});
