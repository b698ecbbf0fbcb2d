import { parentPort, workerData } from 'node:worker_threads';
import type { NamingSecrets, Settings } from '#lifecycle';
import { layoutPath } from '#platform';
import { SubjectKeys } from '#security';
import { packBatch } from './packed-batch.js';
import { Preparer } from './prepare.js';
import { linesOfBlock, type InputBlock } from './split-lines.js';
import { vaultOf } from './vault.js';
import type { FromWorker } from './worker-batches.js';

/** The first pass of intake on a core of its own: blocks of lines in, prepared batches out, their keys durable. */

export interface PrepareWorkerData {
  /** Where the subject keys lie, and what they are bound to. */
  keysDirectory: string;
  keysId: string;
  tenant: string;
  source: string;
  settings: Settings;
  secrets: NamingSecrets;
  older: readonly NamingSecrets[];
  today: number;
}

if (parentPort !== null) {
  const port = parentPort;
  const { keysDirectory, keysId, ...about } = workerData as PrepareWorkerData;
  const keys = SubjectKeys.open({
    access: 'write',
    file: (entry) => layoutPath(keysDirectory, entry),
    meta: { ledgerId: keysId, subjectKeys: true },
    updateMeta: () => undefined,
  });
  const preparer = new Preparer({ ...about, vault: vaultOf(keys) });
  port.on('message', (block: InputBlock | 'end') => {
    if (block === 'end') {
      keys.close();
      port.close();
      return;
    }
    // A Buffer comes through as a plain Uint8Array.
    const lines =
      block.kind === 'bad'
        ? [block]
        : linesOfBlock({
            ...block,
            bytes: Buffer.from(block.bytes.buffer, block.bytes.byteOffset, block.bytes.byteLength),
          });
    port.postMessage(packBatch(preparer.lines(lines)) satisfies FromWorker);
  });
}
