import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nameOf, type NamingSecrets } from '#lifecycle';
import { DataDirectory } from '#platform';
import { BadTenantName, SecretVersionsUsedUp, UnknownTenant, WrongSecrets } from './errors.js';
import { NamingSecretStore } from './naming-secret-store.js';

let root: string;
let directory: DataDirectory;
const open = async (access: 'read' | 'write' = 'write') => {
  directory = await DataDirectory.open(join(root, 'data'), { access, purpose: 'tally test' });
  return NamingSecretStore.open(directory);
};
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tally-secrets-'));
});
afterEach(() => {
  directory.close();
  rmSync(root, { recursive: true, force: true });
});

const names = (secrets: NamingSecrets) => [nameOf(secrets, 'jti', 'i', 'j'), nameOf(secrets, 'sub', 'i', 's')];
const secretFile = (tenant = 'default', version = 0) => join(root, 'data', 'secrets', `${tenant}.v${version}.key`);
const filesWithText = () =>
  readdirSync(join(root, 'data'), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(json|key)$/.test(name))
    .map((name) => [name, readFileSync(join(root, 'data', name), 'utf8')]);

describe('naming secrets', () => {
  it('are made on first use, for their owner alone, and are the same ever after', async () => {
    const made = (await open()).current('default');
    expect(made.version).toBe(0);
    expect(statSync(secretFile()).mode & 0o777).toBe(0o600);
    expect(statSync(join(root, 'data', 'secrets')).mode & 0o777).toBe(0o700);
    directory.close();
    const again = await open('read');
    expect(names(again.current('default'))).toEqual(names(made));
    expect(again.tenants()).toEqual(['default']);
  });

  it('differ between tenants, and between the token and the person secret', async () => {
    const store = await open();
    const [one, other] = [store.current('a.v1'), store.current('b')];
    expect(new Set([...names(one), ...names(other)]).size).toBe(4);
    expect(one.token.equals(one.person)).toBe(false);
    directory.close();
    expect((await open()).tenants()).toEqual(['a.v1', 'b']);
  });

  it('leave nothing of themselves in meta.json', async () => {
    (await open()).current('default');
    const { token, person } = JSON.parse(readFileSync(secretFile(), 'utf8')) as Record<string, string>;
    const meta = readFileSync(directory.file('meta'), 'utf8');
    for (const secret of [token ?? 'none', person ?? 'none']) {
      expect(meta).not.toContain(secret);
      expect(meta).not.toContain(Buffer.from(secret, 'base64url').toString('hex'));
    }
  });

  it('keep their old versions when they are rotated', async () => {
    const store = await open();
    const old = store.current('default');
    const rotated = store.rotate('default');
    expect(rotated.version).toBe(1);
    expect(names(rotated)[0]?.slice(0, 2)).toBe('21');
    directory.close();
    const again = await open();
    expect(names(again.current('default'))).toEqual(names(rotated));
    expect(again.versions('default').map(names)).toEqual([names(rotated), names(old)]);
    for (let version = 2; version < 16; version++) again.rotate('default');
    expect(() => again.rotate('default')).toThrow(SecretVersionsUsedUp);
  });

  it('are not made by a reader, nor for a name that could be a path', async () => {
    (await open()).current('default');
    directory.close();
    const store = await open('read');
    expect(() => store.current('other')).toThrow(UnknownTenant);
    directory.close();
    const writer = await open();
    for (const tenant of ['../x', '', 'a/b', '.hidden', 'a\u0000'])
      expect(() => writer.current(tenant)).toThrow(BadTenantName);
    expect(writer.tenants()).toEqual(['default']);
  });
});

describe('wrong secrets', () => {
  const expectRefused = async (why: string) => {
    const before = filesWithText();
    const error = await open().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(WrongSecrets);
    expect(error).toMatchObject({ code: 'TALLY_WRONG_SECRETS', facts: { why }, remedy: expect.any(String) });
    directory.close();
    expect(filesWithText()).toEqual(before);
  };
  beforeEach(async () => {
    (await open()).current('default');
    directory.close();
  });

  it('missing: one clear error, nothing changed', async () => {
    renameSync(secretFile(), join(root, 'away'));
    await expectRefused('missing');
    renameSync(join(root, 'away'), secretFile());
    expect((await open()).current('default').version).toBe(0);
  });

  it('replaced, both or one of the two: one clear error, nothing changed', async () => {
    const own = JSON.parse(readFileSync(secretFile(), 'utf8')) as Record<string, unknown>;
    for (const field of ['token', 'person']) {
      writeFileSync(secretFile(), JSON.stringify({ ...own, [field]: Buffer.alloc(32, 7).toString('base64url') }));
      await expectRefused('replaced');
    }
  });

  it.each([[''], ['{}'], ['{"tenant":"default","version":0,"token":"AAAA","person":"AAAA"}']])(
    'unreadable: %s',
    async (text) => {
      writeFileSync(secretFile(), text);
      await expectRefused('unreadable');
    },
  );

  it('under another tenant’s or version’s file name', async () => {
    writeFileSync(secretFile('default', 1), readFileSync(secretFile()));
    await expectRefused('unreadable');
  });

  it('made but not yet noted when their maker was killed are taken over', async () => {
    const meta = JSON.parse(readFileSync(join(root, 'data', 'meta.json'), 'utf8')) as Record<string, unknown>;
    delete meta.secrets;
    writeFileSync(join(root, 'data', 'meta.json'), JSON.stringify(meta));
    (await open()).current('default');
    expect(directory.meta.secrets?.default?.['0']).toMatch(/^[0-9a-f]{64}$/);
  });
});
