import { availableParallelism } from 'node:os';
import type { Log } from '#platform';
import type { RangeReader, ReadAs } from './range-reader.js';
import { ended, ReadingThread, type Partition, type ReadingWorkerData } from './reading-thread.js';

/** Records of one message: the thread answers some ten milliseconds later, and another partition's turn comes. */
const READ_AT_ONCE = 500;
/** Each costs some 80 MiB; beyond that, more processes share the partitions. */
const MOST_THREADS = 2;

/** Reads partitions in threads of their own, each started when it is first needed, and again after it failed. */
export class ReadingThreads {
  private threads: ReadingThread[] = [];
  private isClosed = false;

  /** @param most threads at once; default: one for each core but that of everything else, two at most, and one in any case */
  constructor(
    private readonly data: ReadingWorkerData,
    private readonly log: Log,
    private readonly most = Math.max(1, Math.min(MOST_THREADS, availableParallelism() - 1)),
  ) {}

  /** A thread that fails takes the readings with it that it had open; their partitions are read anew. */
  reader(place: Partition): RangeReader<ReadAs> {
    // Work that a stop left behind may still ask.
    if (this.isClosed) return { atOnce: 1, take: () => Promise.reject(ended()), close: () => undefined };
    const thread = this.leastBusy();
    const reading = thread.open(place);
    return {
      atOnce: READ_AT_ONCE,
      take: (as, records) => thread.take(reading, as, records),
      close: () => thread.close(reading),
    };
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await Promise.all(this.threads.splice(0).map((thread) => thread.end()));
  }

  private leastBusy(): ReadingThread {
    this.threads = this.threads.filter(({ isOver }) => !isOver);
    const [idlest] = this.threads.toSorted((a, b) => a.readings - b.readings);
    if (idlest !== undefined && (idlest.readings === 0 || this.threads.length >= this.most)) return idlest;
    const thread = new ReadingThread(this.data);
    this.threads.push(thread);
    this.log.info('a source may be in minute mode: threads of their own read', { threads: this.threads.length });
    return thread;
  }
}
