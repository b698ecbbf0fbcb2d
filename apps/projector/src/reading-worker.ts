import { parentPort, workerData } from 'node:worker_threads';
import { packBatch, vaultAt, type Preparer, type Vault } from '#intake';
import { FileBusy, TallyError } from '#platform';
import { unpackRecords } from './packed-records.js';
import { preparerOf, RangesHere } from './range-reader.js';
import type { Failure, FromReadingWorker, ReadingWorkerData, ToReadingWorker } from './reading-thread.js';

/** How often keys are asked for while others write theirs; each time waits two seconds. */
const PATIENCE = 10;

/** A range that took records cannot take them again, so that what passes must pass here. */
function patient(vault: Vault): Vault {
  return {
    ...vault,
    ensure: (owners) => {
      for (let tries = 1; ; tries++) {
        try {
          return vault.ensure(owners);
        } catch (error) {
          if (!(error instanceof FileBusy) || tries === PATIENCE) throw error;
        }
      }
    },
  };
}

function failureOf(error: unknown): Failure {
  if (error instanceof TallyError) {
    const { code, message, facts, retry, remedy } = error;
    return { code, message, facts, retry, remedy };
  }
  const name = error instanceof Error ? error.name : typeof error;
  const message = `a thread that reads partitions met a fault of the program (${name})`;
  return { code: 'TALLY_UNEXPECTED', message, remedy: 'Please report it, with what kind of records came.' };
}

/** Partitions read on a core of their own: records in, what is to be written out, their keys durable. */
if (parentPort !== null) {
  const port = parentPort;
  const { keys, rangeSize } = workerData as ReadingWorkerData;
  const opened = vaultAt(keys);
  const vault = patient(opened);
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
          answer({ failure: failureOf(error) });
        }
        break;
      case 'close':
        ranges.delete(message.reading);
        break;
      case 'end':
        opened.close();
        port.close();
    }
  });
}
