import { parentPort, workerData } from 'node:worker_threads';
import { packBatch, vaultAt, type Preparer } from '#intake';
import { unpackRecords } from './packed-records.js';
import { preparerOf, RangesHere } from './range-reader.js';
import type { FromReadingWorker, ReadingWorkerData, ToReadingWorker } from './reading-threads.js';

/** Partitions read on a core of their own: records in, what is to be written out, their keys durable. */
if (parentPort !== null) {
  const port = parentPort;
  const { keys, rangeSize } = workerData as ReadingWorkerData;
  const vault = vaultAt(keys);
  const preparers = new Map<number, Preparer>();
  const ranges = new Map<number, RangesHere<number>>();
  const answer = (message: FromReadingWorker): void => port.postMessage(message);
  port.on('message', (message: ToReadingWorker) => {
    switch (message.kind) {
      case 'way':
        preparers.set(message.way, preparerOf(message.as, vault));
        break;
      case 'open':
        ranges.set(message.reading, new RangesHere(message.place, rangeSize, (way) => preparers.get(way)!));
        break;
      case 'take':
        try {
          const taken = ranges.get(message.reading)!.take(message.way, unpackRecords(message.records));
          answer({ packed: packBatch(taken.prepared), committable: taken.committable });
        } catch (error) {
          answer({ error });
        }
        break;
      case 'close':
        ranges.delete(message.reading);
        break;
      case 'end':
        vault.close();
        port.close();
    }
  });
}
