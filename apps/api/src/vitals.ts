import { accessSync, constants, statfsSync } from 'node:fs';
import { DiskFull, storing } from '#platform';
import { LedgerSilent } from './tally/errors.js';
import type { LocalTally } from './tally/local-tally.js';

/** What health and metrics ask: cheap, however long the ledger is. */
export interface Vitals {
  head(): Promise<bigint>;
  /** Of all tenants. */
  deadLetters(): number;
  /** @throws NotWritable, DiskFull, LedgerSilent or the store's own error if the ledger could not take anything now. */
  checkWritable(): Promise<void>;
}

/** Nest's token for them: an interface has none of its own. */
export const VITALS = Symbol('vitals');

/** Below this an append could fail in the middle of a batch. In bytes. */
const LEAST_FREE = 16 * 1_048_576;
/** Shorter than whoever asks for health usually waits, in ms. */
const PATIENCE_MS = 2500;

export function vitalsOf({ stores }: Pick<LocalTally, 'stores'>, patienceMs = PATIENCE_MS): Vitals {
  const { ledger, directory, deadLetters, ledgerFile: file } = stores;
  return {
    head: () => ledger.head(),
    deadLetters: () =>
      Object.keys(directory.meta.secrets ?? {}).reduce((sum, tenant) => sum + deadLetters.count(tenant), 0),
    checkWritable: async () => {
      const free = storing(file, () => {
        accessSync(file, constants.W_OK);
        const { bavail, bsize } = statfsSync(directory.path);
        return bavail * bsize;
      });
      if (free < LEAST_FREE) throw new DiskFull(file);
      await inTime(stores.reach(), patienceMs);
    },
  };
}

async function inTime(reached: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new LedgerSilent(ms)), ms);
  });
  try {
    await Promise.race([reached, late]);
  } finally {
    clearTimeout(timer);
  }
}
