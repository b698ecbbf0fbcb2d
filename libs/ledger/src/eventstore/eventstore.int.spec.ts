import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ledgerContract } from '../contract.js';
import { EmbeddedLedger } from '../embedded/store.js';
import { LedgerEndpoint } from '../endpoint/ledger-endpoint.js';
import { EventStoreLedger } from './store.js';

ledgerContract('EventStoreDB over the wire', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tally-eventstore-'));
  const served = EmbeddedLedger.open(join(directory, 'ledger.sqlite'), { access: 'write' });
  const endpoint = await LedgerEndpoint.start({ ledger: served });
  const ledger = await EventStoreLedger.open({ url: `esdb://127.0.0.1:${endpoint.port}?tls=false` });
  return {
    ledger,
    tombstone: (stream) => served.raw.change([{ stream, expected: 'any', remove: 'tombstone' }]),
    remove: async () => {
      await ledger.close();
      await endpoint.close();
      await served.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
});
