import { resolve } from 'node:path';
import type { DataDirectory } from '#platform';
import { KeysElsewhere, WrongSecrets } from './errors.js';
import { KeysDirectory } from './keys-directory.js';
import type { KeysHome } from './keys-home.js';

/** Where the keys of a data directory lie, opened; `close` gives a shared directory back. */
export interface OpenKeysHome {
  home: KeysHome;
  close(): void;
}

/**
 * The home of a data directory's secrets and keys: a shared directory if one is named, else itself. The choice is made
 * when the data directory is new, and noted in it.
 * @throws KeysElsewhere, WrongSecrets (another shared directory than before), the errors of `KeysDirectory.open`
 */
export function openKeysHome(directory: DataDirectory, keys: string | undefined): OpenKeysHome {
  const { meta, path, access } = directory;
  if (keys === undefined || resolve(keys) === path) {
    if (meta.keys !== undefined) throw new KeysElsewhere(path, 'outside');
    return { home: directory, close: () => undefined };
  }
  if (meta.secrets !== undefined || meta.subjectKeys === true) throw new KeysElsewhere(path, 'inside');
  const home = KeysDirectory.open(keys, access);
  const { ledgerId: id } = home.meta;
  if (meta.keys === undefined && access === 'write') directory.updateMeta({ keys: id });
  else if (meta.keys !== undefined && meta.keys !== id) {
    home.close();
    throw new WrongSecrets(home.path, 'replaced', 'naming secrets and keys');
  }
  return { home, close: () => home.close() };
}
