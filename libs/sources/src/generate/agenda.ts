/** Things to come, soonest first; equal times in the order in which they were added (a binary heap). */
export class Agenda<T> {
  private readonly heap: { at: number; order: number; item: T }[] = [];
  private added = 0;

  add(at: number, item: T): void {
    const { heap } = this;
    heap.push({ at, order: this.added++, item });
    let child = heap.length - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (!this.isBefore(child, parent)) break;
      this.swap(child, parent);
      child = parent;
    }
  }

  /** Takes out everything at or before an instant. */
  *takeUntil(at: number): Iterable<T> {
    while (this.heap.length > 0 && this.heap[0]!.at <= at) yield this.take();
  }

  private take(): T {
    const { heap } = this;
    const first = heap[0]!.item;
    const last = heap.pop()!;
    if (heap.length > 0) {
      heap[0] = last;
      let parent = 0;
      for (;;) {
        let least = parent;
        for (const child of [2 * parent + 1, 2 * parent + 2]) {
          if (child < heap.length && this.isBefore(child, least)) least = child;
        }
        if (least === parent) break;
        this.swap(parent, least);
        parent = least;
      }
    }
    return first;
  }

  private isBefore(a: number, b: number): boolean {
    const [x, y] = [this.heap[a]!, this.heap[b]!];
    return x.at < y.at || (x.at === y.at && x.order < y.order);
  }

  private swap(a: number, b: number): void {
    [this.heap[a], this.heap[b]] = [this.heap[b]!, this.heap[a]!];
  }
}
