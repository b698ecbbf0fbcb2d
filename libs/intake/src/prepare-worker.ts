import { parentPort, workerData } from 'node:worker_threads';
import type { NamingSecrets, Settings } from '#lifecycle';
import { layoutPath } from '#platform';
import { sealBox, SubjectKeys } from '#security';
import { preparedBatches } from './batches.js';
import { Preparer } from './prepare.js';
import { splitLines } from './split-lines.js';
import type { FromWorker, ToWorker } from './worker-batches.js';

/** The first pass of intake on a core of its own: bytes in, prepared batches out, each after its keys are durable. */

export interface PrepareWorkerData {
  dataDirectory: string;
  ledgerId: string;
  tenant: string;
  source: string;
  settings: Settings;
  secrets: NamingSecrets;
  today: number;
}

/** Chunks that arrived and were not read yet. */
class Inbox implements AsyncIterable<Uint8Array> {
  private readonly waiting: Uint8Array[] = [];
  private ended = false;
  private wake: (() => void) | undefined;

  constructor(private readonly taken: () => void) {}

  push(chunk: Uint8Array | undefined): void {
    if (chunk === undefined) this.ended = true;
    else this.waiting.push(chunk);
    this.wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      const next = this.waiting.shift();
      if (next !== undefined) {
        this.taken();
        yield next;
      } else if (this.ended) return;
      else await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }
}

/** Batches sent and not yet committed; more than `ahead` of them wait. */
class Window {
  private open: number;
  private wake: (() => void) | undefined;

  constructor(ahead: number) {
    this.open = ahead;
  }

  release(): void {
    this.open++;
    this.wake?.();
  }

  async take(): Promise<void> {
    while (this.open === 0) await new Promise<void>((resolve) => (this.wake = resolve));
    this.open--;
  }
}

async function run(port: NonNullable<typeof parentPort>, data: PrepareWorkerData): Promise<void> {
  const send = (message: FromWorker): void => port.postMessage(message);
  const keys = SubjectKeys.open({
    access: 'write',
    file: (entry) => layoutPath(data.dataDirectory, entry),
    meta: { ledgerId: data.ledgerId, subjectKeys: true },
    updateMeta: () => undefined,
  });
  const inbox = new Inbox(() => send({ kind: 'taken' }));
  const window = new Window(2);
  port.on('message', (message: ToWorker) => {
    if (message.kind === 'chunk') inbox.push(message.chunk);
    else if (message.kind === 'end') inbox.push(undefined);
    else window.release();
  });
  const preparer = new Preparer({
    tenant: data.tenant,
    source: data.source,
    settings: data.settings,
    secrets: data.secrets,
    today: data.today,
    seal: (owner, eventId, content) => {
      const key = keys.keyFor(owner);
      return key === undefined ? undefined : sealBox(key, eventId, content);
    },
  });
  try {
    for await (const batch of preparedBatches(splitLines(inbox), preparer, () => keys.flush())) {
      await window.take();
      send({ kind: 'batch', batch });
    }
    send({ kind: 'done' });
  } finally {
    keys.close();
    port.close();
  }
}

if (parentPort !== null) await run(parentPort, workerData as PrepareWorkerData);
