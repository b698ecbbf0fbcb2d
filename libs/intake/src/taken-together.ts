import { isRetriable } from './kafka/retriable.js';

interface Waiting<T> {
  each: T;
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * Work that queued while other work was under way, taken in one go: one wait for the ledger in place of many. Whoever
 * adds something is told when it is done, or why it alone is not.
 */
export class TakenTogether<T> {
  private waiting: Waiting<T>[] = [];

  /**
   * @param inTurn runs work when all before it has ended
   * @param take all or nothing counts: after an error the same may come again
   * @param most how many at once; bounds what a failure repeats
   */
  constructor(
    private readonly inTurn: (work: () => Promise<void>) => Promise<void>,
    private readonly take: (all: readonly T[]) => Promise<void>,
    private readonly most: number,
  ) {}

  add(each: T): Promise<void> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ each, resolve, reject });
      if (this.waiting.length === 1) void this.inTurn(() => this.next());
    });
  }

  private async next(): Promise<void> {
    const now = this.waiting.splice(0, this.most);
    // Before it is begun, so that the turn of the rest comes before that of whoever asks later.
    if (this.waiting.length > 0) void this.inTurn(() => this.next());
    try {
      await this.take(now.map(({ each }) => each));
    } catch (error) {
      // What will fail again must not fail its neighbours; what may pass is better not tried for each of them.
      if (now.length === 1 || isRetriable(error)) for (const { reject } of now) reject(error);
      else for (const { each, resolve, reject } of now) await this.take([each]).then(resolve, reject);
      return;
    }
    for (const { resolve } of now) resolve();
  }
}
