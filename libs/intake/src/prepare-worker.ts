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
  dataDirectory: string;
  ledgerId: string;
  tenant: string;
  source: string;
  settings: Settings;
  secrets: NamingSecrets;
  today: number;
}

if (parentPort !== null) {
  const port = parentPort;
  const { dataDirectory, ledgerId, ...about } = workerData as PrepareWorkerData;
  const keys = SubjectKeys.open({
    access: 'write',
    file: (entry) => layoutPath(dataDirectory, entry),
    meta: { ledgerId, subjectKeys: true },
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
