import { layoutPath } from '#platform';
import { sealBox, SubjectKeys } from '#security';
import type { Vault } from './prepare.js';

/** Boxes under the subject keys of a data directory. */
export function vaultOf(keys: SubjectKeys): Vault {
  return {
    ensure: (owners) => keys.ensure(owners),
    seal(owner, eventId, content) {
      const key = keys.keyFor(owner);
      return key === undefined ? undefined : sealBox(key, eventId, content);
    },
  };
}

/** Where subject keys lie, and the id that they are bound to: what a thread of its own opens them by. */
export interface KeysAt {
  directory: string;
  id: string;
}

/** Boxes under the keys of a directory that this process holds open already, in another thread. */
export function vaultAt({ directory, id }: KeysAt): Vault & { close(): void } {
  const keys = SubjectKeys.open({
    access: 'write',
    file: (entry) => layoutPath(directory, entry),
    meta: { ledgerId: id, subjectKeys: true },
    updateMeta: () => undefined,
  });
  return { ...vaultOf(keys), close: () => keys.close() };
}
