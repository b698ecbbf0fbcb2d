import type { Command } from 'commander';
import { BearerFile, KeysDirectory, NamingSecretStore, UnknownTenant, type KeysHome } from '#security';
import { layoutPath, NoDataDirectory, readMeta } from '#platform';
import { WrongUse } from '../../../api/src/tally/errors.js';
import { ask } from '../ask.js';
import { printValue } from '../output/value.js';
import { commonOf, keysOf, verb, type Shell } from '../shell.js';

/** Secrets under which things get their names, and the bearers of the API. */
export function addSecrets(program: Command, shell: Shell): void {
  const secrets = program.command('secrets').description('the secrets that name a tenant’s tokens and persons');
  verb(secrets, 'list', 'the versions that are held').action(async (_flags, command: Command) => {
    await ask(command, shell, 'secrets.list', {}, { columns: { table: ['version', 'madeAt', 'use'] } });
  });
  verb(secrets, 'rotate', 'make new ones; what they name again is joined to what it was called before').action(
    async (_flags, command: Command) => ask(command, shell, 'secrets.rotate', {}),
  );
  verb(secrets, 'retire <version>', 'forget an old version for ever, if nothing that lives needs it').action(
    async (version: string, _flags: unknown, command: Command) => {
      await ask(command, shell, 'secrets.retire', { version: versionOf(version) });
    },
  );
  verb(secrets, 'export', 'print a tenant’s token secret for its gateways, as JSON')
    .option('--of-version <n>', 'an older version that is still held')
    .action(async ({ ofVersion }: { ofVersion?: string }, command: Command) => {
      const { tenant } = commonOf(command, shell);
      const store = NamingSecretStore.open(homeOf(command, shell));
      if (!store.tenants().includes(tenant)) throw new UnknownTenant(tenant, store.tenants());
      const exported = store.tokenSecret(tenant, ofVersion === undefined ? undefined : versionOf(ofVersion));
      await printValue(exported, 'ndjson', shell.out);
      shell.talk.say('Keep it as you keep a signing key: who has it can compute the name of every token and key that');
      shell.talk.say('they can guess (weak keys, small jtis), and look which of them exist.');
    });
  const bearer = program.command('bearer').description('bearers of `tally up --bearer-file`');
  verb(bearer, 'rotate <file>', 'put a new bearer first; the one before it counts on until the next rotation').action(
    async (file: string, _flags: unknown, command: Command) => {
      const { added, ending } = BearerFile.open(file).rotate();
      const { format } = commonOf(command, shell);
      await printValue({ file, added, ending }, format, shell.out);
      shell.talk.say('A running `tally up` reads it within ten seconds, or at once on SIGHUP.');
    },
  );
}

function versionOf(text: string): number {
  if (/^\d{1,2}$/.test(text) && Number(text) <= 15) return Number(text);
  throw new WrongUse('version', 'is a number from 0 to 15');
}

/**
 * Where the secrets lie, to be read beside a running `tally up`, which holds the directory: their files are replaced
 * whole. They are read here alone, by who may read the files, and never asked for over HTTP.
 */
function homeOf(command: Command, shell: Shell): KeysHome {
  const { keys } = keysOf(command, shell);
  if (keys !== undefined) return KeysDirectory.open(keys, 'read');
  const { data } = commonOf(command, shell);
  const meta = readMeta(data);
  if (meta === undefined) throw new NoDataDirectory(data);
  if (meta.keys !== undefined) throw new WrongUse('--keys', 'names the directory of this ledger’s secrets: give it');
  return {
    path: data,
    access: 'read',
    meta,
    file: (entry) => layoutPath(data, entry),
    updateMeta: () => {
      throw new TypeError('a reader cannot change meta.json');
    },
  };
}
