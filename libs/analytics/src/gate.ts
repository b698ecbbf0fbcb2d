/** Lets statements through side by side, or one that must be alone. */
export class Gate {
  private within = 0;
  private closed: Promise<unknown> | undefined;
  private waiting: (() => void)[] = [];

  async pass<T>(operation: () => Promise<T>): Promise<T> {
    while (this.closed !== undefined) await this.closed;
    this.within++;
    try {
      return await operation();
    } finally {
      if (--this.within === 0) for (const wake of this.waiting.splice(0)) wake();
    }
  }

  /**
   * Runs an operation when nobody is within. Until then others still come in: a statement that is part of a longer one
   * must not wait for what waits for its end.
   */
  async alone<T>(operation: () => Promise<T>): Promise<T> {
    while (this.within > 0 || this.closed !== undefined) {
      if (this.closed !== undefined) await this.closed;
      else await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
    const running = operation();
    this.closed = running.catch(() => undefined).then(() => (this.closed = undefined));
    return running;
  }
}
