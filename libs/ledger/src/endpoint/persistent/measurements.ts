const WINDOW = 1000;

/** How long a subscriber took, from the message to its answer, over the last thousand messages. */
export class Measurements {
  readonly #startedAt = new Map<string, number>();
  readonly #milliseconds: number[] = [];

  started(id: string, now: number): void {
    this.#startedAt.set(id, now);
  }

  ended(id: string, now: number): void {
    const start = this.#startedAt.get(id);
    if (start === undefined) return;
    this.#startedAt.delete(id);
    if (this.#milliseconds.length >= WINDOW) this.#milliseconds.shift();
    this.#milliseconds.push(Math.max(0, Math.trunc(now - start)));
  }

  /** Whole milliseconds by the server's names; empty before the first answer. */
  summary(): { key: string; value: number }[] {
    if (this.#milliseconds.length === 0) return [];
    const sorted = [...this.#milliseconds].sort((a, b) => a - b);
    const size = sorted.length;
    const at = (fraction: number) => sorted[Math.min(Math.trunc(fraction * size), size - 1)] ?? 0;
    const sum = sorted.reduce((total, value) => total + value, 0);
    return [
      { key: 'Mean', value: Math.trunc(sum / size) },
      { key: 'Median', value: at(0.5) },
      { key: 'Fastest', value: at(0) },
      ...[0, 1, 2, 3, 4].map((fifth) => ({ key: `Quintile ${fifth + 1}`, value: at(fifth / 5) })),
      { key: '90%', value: at(0.9) },
      { key: '95%', value: at(0.95) },
      { key: '99%', value: at(0.99) },
      { key: '99.5%', value: at(0.995) },
      { key: '99.9%', value: at(0.999) },
      { key: 'Highest', value: at(1) },
    ];
  }
}
