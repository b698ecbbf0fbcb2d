/** Time, as everything here asks for it; a test gives its own. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /**
   * Calls once after so many ms, unless it is cancelled.
   * @param holds whether the process is to live until then; a library that waits in the background must not hold it.
   */
  after(ms: number, call: () => void, holds?: boolean): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, call, holds = false) {
    const timer = setTimeout(call, ms);
    if (!holds) timer.unref();
    return () => clearTimeout(timer);
  },
};

/** Resolves after so many ms, or when the signal says to stop. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve();
    const done = (): void => {
      cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.after(ms, done);
    signal?.addEventListener('abort', done, { once: true });
  });
}
