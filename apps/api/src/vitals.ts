import { accessSync, constants, statfsSync } from 'node:fs';
import { DiskFull, storing } from '#platform';
import type { LocalTally } from './tally/local-tally.js';

/** What health and metrics ask: cheap, however long the ledger is. */
export interface Vitals {
  head(): Promise<bigint>;
  /** Of all tenants. */
  deadLetters(): number;
  /** @throws NotWritable or DiskFull if the ledger could not take anything now. */
  checkWritable(): void;
}

/** Nest's token for them: an interface has none of its own. */
export const VITALS = Symbol('vitals');

/** Below this an append could fail in the middle of a batch. In bytes. */
const LEAST_FREE = 16 * 1_048_576;

export function vitalsOf({ stores }: LocalTally): Vitals {
  const { ledger, directory, deadLetters, ledgerFile: file } = stores;
  return {
    head: () => ledger.head(),
    deadLetters: () =>
      Object.keys(directory.meta.secrets ?? {}).reduce((sum, tenant) => sum + deadLetters.count(tenant), 0),
    checkWritable: () => {
      const free = storing(file, () => {
        accessSync(file, constants.W_OK);
        const { bavail, bsize } = statfsSync(directory.path);
        return bavail * bsize;
      });
      if (free < LEAST_FREE) throw new DiskFull(file);
    },
  };
}
