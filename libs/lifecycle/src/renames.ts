import type { Name } from './names.js';

/** Old name → new name of the same input (MODEL §1.5): a new secret version, or a corrected issuer mapping. */
export class Renames {
  private readonly next = new Map<Name, { to: Name; at: number }>();
  private resolved = new Map<Name, Name>();
  private former: Map<Name, Name[]> | undefined;

  get size(): number {
    return this.next.size;
  }

  /** Of two statements about one old name the later counts, a tie takes the smaller new name. */
  add(from: Name, to: Name, at: number): void {
    const known = this.next.get(from);
    if (known !== undefined && (known.at > at || (known.at === at && known.to <= to))) return;
    this.next.set(from, { to, at });
    this.resolved = new Map();
    this.former = undefined;
  }

  /** Where a chain of renames ends; a circle, which is a mistake, ends at its smallest name. */
  current(name: Name): Name {
    if (this.next.size === 0 || !this.next.has(name)) return name;
    const known = this.resolved.get(name);
    if (known !== undefined) return known;
    const path = new Set<Name>();
    let at = name;
    while (!path.has(at)) {
      path.add(at);
      const step = this.next.get(at);
      if (step === undefined) break;
      at = step.to;
    }
    if (this.next.has(at)) {
      const walked = [...path];
      at = walked.slice(walked.indexOf(at)).reduce((a, b) => (a < b ? a : b));
    }
    this.resolved.set(name, at);
    return at;
  }

  /** Old names of a current one, sorted. */
  formerOf(current: Name): readonly Name[] {
    if (this.former === undefined) {
      this.former = new Map();
      for (const from of [...this.next.keys()].sort()) {
        const to = this.current(from);
        if (to !== from) this.former.set(to, [...(this.former.get(to) ?? []), from]);
      }
    }
    return this.former.get(current) ?? [];
  }

  /** Names that something was renamed to, at the end of their chains. */
  targets(): Set<Name> {
    return new Set([...this.next.keys()].map((from) => this.current(from)));
  }
}
