import { parentPort, workerData } from 'node:worker_threads';
import { LedgerHistory, LedgerScan } from '#ledger';
import { History } from '#lifecycle';
import { sharesOfLines, type FromStateWorker, type StateWorkerData } from './state-threads.js';

if (parentPort !== null) {
  const port = parentPort;
  const { file, tenant, position, ...asked } = workerData as StateWorkerData;
  const scan = LedgerScan.open(file);
  try {
    const history = new History(new LedgerHistory(scan, tenant, position));
    for (const lines of sharesOfLines(history, asked))
      if (lines.length > 0) port.postMessage(lines.join('') satisfies FromStateWorker);
    port.postMessage('' satisfies FromStateWorker);
  } finally {
    scan.close();
  }
}
