import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ledgerContract } from './contract.js';
import { EmbeddedLedger } from './embedded/store.js';

ledgerContract('embedded store', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tally-ledger-'));
  const ledger = EmbeddedLedger.open(join(directory, 'ledger.sqlite'), { access: 'write' });
  return {
    ledger,
    tombstone: (stream) => ledger.raw.change([{ stream, expected: 'any', remove: 'tombstone' }]),
    remove: async () => {
      await ledger.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
});
