import type { Access, DirectoryMeta } from '#platform';

/**
 * Where naming secrets and subject keys lie: the data directory itself, or a directory that several processes share.
 * `meta.ledgerId` is what the key file is bound to: the ledger's id, or that of the shared directory.
 */
export interface KeysHome {
  readonly path: string;
  readonly access: Access;
  readonly meta: Readonly<Pick<DirectoryMeta, 'ledgerId' | 'secrets' | 'subjectKeys'>>;
  file(entry: 'secrets' | 'keys'): string;
  updateMeta(change: Partial<Pick<DirectoryMeta, 'secrets' | 'subjectKeys'>>): void;
  /** Keeps other processes out while something is read, decided and written; absent where there are none. */
  exclusively?<T>(work: () => T): T;
}

export function exclusively<T>(home: Pick<KeysHome, 'exclusively'>, work: () => T): T {
  return home.exclusively === undefined ? work() : home.exclusively(work);
}
