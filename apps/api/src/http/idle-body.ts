import { InputIdle } from './errors.js';

export interface Patience {
  /** How long a sender may send nothing while others wait for its place, in ms. */
  idleMs: number;
  /** Whether somebody waits: a sender that is in nobody's way, such as a log that is followed, may stay silent. */
  isWaitedFor(): boolean;
}

/**
 * The chunks of a body whose sender does not sit silent on a place that others wait for. Only the wait for the sender
 * counts, never the time that its reader takes. What was given before the error was taken in.
 * @throws InputIdle
 */
export async function* whileSending(
  body: AsyncIterable<Uint8Array>,
  { idleMs, isWaitedFor }: Patience,
): AsyncGenerator<Uint8Array> {
  const iterator = body[Symbol.asyncIterator]();
  let ended = false;
  try {
    for (;;) {
      const next = iterator.next();
      while (!(await settledWithin(next, idleMs))) {
        if (!isWaitedFor()) continue;
        // It settles when the connection goes; nobody will listen then.
        next.catch(() => undefined);
        ended = true;
        throw new InputIdle(idleMs);
      }
      const { done, value } = await next;
      if (done === true) {
        ended = true;
        return;
      }
      yield value;
    }
  } finally {
    // A read that still waits would hold its end up for ever.
    if (!ended) await iterator.return?.();
  }
}

async function settledWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms).unref();
  });
  const settled = promise.then(
    () => true,
    () => true,
  );
  try {
    return await Promise.race([settled, late]);
  } finally {
    clearTimeout(timer);
  }
}
