import { sealBox, type SubjectKeys } from '#security';
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
