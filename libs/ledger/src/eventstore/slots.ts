/** How much may be under way at once, by count and by bytes; who comes first goes first. */
export class Slots {
  #count = 0;
  #bytes = 0;
  readonly #waiting: { bytes: number; go: () => void }[] = [];

  constructor(
    private readonly maxCount: number,
    private readonly maxBytes: number,
  ) {}

  take(bytes: number): Promise<void> | undefined {
    if (this.#waiting.length === 0 && this.#fits(bytes)) {
      this.#enter(bytes);
      return undefined;
    }
    return new Promise((go) => this.#waiting.push({ bytes, go }));
  }

  give(bytes: number): void {
    this.#count -= 1;
    this.#bytes -= bytes;
    for (let next = this.#waiting[0]; next !== undefined && this.#fits(next.bytes); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#enter(next.bytes);
      next.go();
    }
  }

  /** One that is larger than everything together goes alone. */
  #fits(bytes: number): boolean {
    return this.#count === 0 || (this.#count < this.maxCount && this.#bytes + bytes <= this.maxBytes);
  }

  #enter(bytes: number): void {
    this.#count += 1;
    this.#bytes += bytes;
  }
}
