import { TallyError } from '#platform';

/** Ctrl-C, or the system's wish that we end. */
export class Interrupted extends TallyError {
  readonly code = 'TALLY_INTERRUPTED';
  constructor(readonly signal: 'SIGINT' | 'SIGTERM') {
    super(`Stopped by ${signal}.`, {
      facts: { signal },
      retry: true,
      remedy: 'What was reported is in the ledger; run the same command again for the rest: nothing is taken in twice.',
    });
  }

  /** 128 + the signal's number, as shells have it. */
  get exitCode(): number {
    return this.signal === 'SIGINT' ? 130 : 143;
  }
}

/** Listens for signals while something runs that wants to stop well; a second one ends the process at once. */
export class Interruption {
  private readonly controller = new AbortController();
  private readonly listeners: (() => void)[] = [];

  constructor() {
    for (const name of ['SIGINT', 'SIGTERM'] as const) {
      const listener = (): void => {
        this.ignore();
        this.controller.abort(new Interrupted(name));
      };
      process.once(name, listener);
      this.listeners.push(() => process.removeListener(name, listener));
    }
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  get reason(): Interrupted | undefined {
    const reason: unknown = this.signal.reason;
    return reason instanceof Interrupted ? reason : undefined;
  }

  /** Resolves with the interruption when it comes. */
  async wait(): Promise<Interrupted> {
    if (!this.signal.aborted)
      await new Promise<void>((resolve) => this.signal.addEventListener('abort', () => resolve(), { once: true }));
    return this.reason!;
  }

  /**
   * What something that is being opened comes to, or nothing if the interruption comes first: engines that are away
   * are waited for, and a signal must not be.
   */
  async unlessFirst<T>(opening: Promise<T>): Promise<T | undefined> {
    opening.catch(() => undefined);
    return Promise.race([opening, this.wait().then(() => undefined)]);
  }

  ignore(): void {
    for (const remove of this.listeners.splice(0)) remove();
  }
}
