import { parentPort, workerData } from 'node:worker_threads';
import type { NamingSecrets, Settings } from '#lifecycle';
import { packBatch } from './packed-batch.js';
import { Preparer } from './prepare.js';
import { linesOfBlock, type InputBlock } from './split-lines.js';
import { vaultAt, type KeysAt } from './vault.js';
import type { FromWorker } from './worker-batches.js';

/** The first pass of intake on a core of its own: blocks of lines in, prepared batches out, their keys durable. */

export interface PrepareWorkerData {
  keys: KeysAt;
  tenant: string;
  source: string;
  settings: Settings;
  secrets: NamingSecrets;
  older: readonly NamingSecrets[];
  today: number;
}

if (parentPort !== null) {
  const port = parentPort;
  const { keys, ...about } = workerData as PrepareWorkerData;
  const vault = vaultAt(keys);
  const preparer = new Preparer({ ...about, vault });
  port.on('message', (block: InputBlock | 'end') => {
    if (block === 'end') {
      vault.close();
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
