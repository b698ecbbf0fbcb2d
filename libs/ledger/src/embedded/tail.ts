/** Wakes those who wait for the next append. */
export class Tail {
  #waiting = new Set<() => void>();

  /** Resolves at the next `moved`, or when the signal aborts. */
  next(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const wake = () => {
        this.#waiting.delete(wake);
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal?.addEventListener('abort', wake);
    });
  }

  moved(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}
