import { copyFileSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DataDirectory, LAYOUT, layoutPath, readMeta, storing } from '#platform';
import { EmbeddedLedger } from '#ledger';
import { BadInput } from './errors.js';
import type { Answer, ReadParams } from './questions.js';
import type { Stores } from './stores.js';

/**
 * A consistent copy of a data directory while it is in use. The ledger first: keys and secrets are made before the
 * events that need them, so a later copy of those holds all that the copied ledger asks for. `intake.sqlite` is left
 * out (it is rebuilt), meta.json comes last: a copy without it was not finished.
 */
export async function backUp(params: ReadParams<'backup'>, stores: Stores): Promise<Answer> {
  const target = resolve(params.directory);
  if (existsSync(target) && readdirSync(target).length > 0) {
    throw new BadInput('backup', `${target} is not empty`, 'Name a directory that does not exist yet.');
  }
  const { backUpLedgerTo } = stores;
  if (backUpLedgerTo === undefined) {
    throw new BadInput(
      'backup',
      'the ledger is in EventStoreDB, and this directory has only a copy',
      'Back it up there, or take it over with `tally ledger copy`; copy secrets and keys with the directory itself.',
    );
  }
  storing(target, () => mkdirSync(target, { recursive: true, mode: 0o700 }));
  await backUpLedgerTo(layoutPath(target, 'ledger'));
  await stores.deadLetters.backupTo(layoutPath(target, 'deadLetters'));
  const isShared = stores.directory.meta.keys !== undefined;
  if (!isShared) {
    await stores.keys.backupTo(layoutPath(target, 'keys'));
    copySecrets(stores.directory.path, target);
  }
  storing(target, () => copyFileSync(stores.directory.file('meta'), layoutPath(target, 'meta')));
  const notes = isShared ? [`its naming secrets and keys are not in it: back up ${stores.keysHome.path} too`] : [];
  return { kind: 'value', value: { backup: target, ledgerId: stores.ledgerId, notes } };
}

/** Puts a backup in place as a data directory that does not exist yet; it is opened once to see that it is whole. */
export async function restore(from: string, to: string): Promise<Answer> {
  const [source, target] = [resolve(from), resolve(to)];
  const meta = readMeta(source);
  if (meta === undefined) {
    throw new BadInput(
      'restore',
      `${source} holds no finished backup (no meta.json)`,
      'Name the directory that `tally backup` made.',
    );
  }
  if (existsSync(target) && readdirSync(target).length > 0) {
    throw new BadInput(
      'restore',
      `${target} is not empty`,
      'Name a data directory that does not exist yet with --data.',
    );
  }
  await EmbeddedLedger.open(layoutPath(source, 'ledger'), { access: 'read' }).close();
  storing(target, () => mkdirSync(target, { recursive: true, mode: 0o700 }));
  for (const entry of ['ledger', 'deadLetters', 'keys'] as const) {
    if (existsSync(layoutPath(source, entry)))
      storing(target, () => copyFileSync(layoutPath(source, entry), layoutPath(target, entry)));
  }
  copySecrets(source, target);
  storing(target, () => copyFileSync(layoutPath(source, 'meta'), layoutPath(target, 'meta')));
  const directory = await DataDirectory.open(target, { access: 'write', purpose: 'tally restore' });
  directory.close();
  return { kind: 'value', value: { restored: target, from: source, ledgerId: meta.ledgerId } };
}

function copySecrets(from: string, to: string): void {
  const [source, target] = [join(from, LAYOUT.secrets), join(to, LAYOUT.secrets)];
  if (!existsSync(source)) return;
  storing(target, () => {
    mkdirSync(target, { recursive: true, mode: 0o700 });
    for (const file of readdirSync(source)) copyFileSync(join(source, file), join(target, file));
  });
}
