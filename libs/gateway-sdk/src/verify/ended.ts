import type { Name } from '../../shared.js';

/**
 * Names of what no longer counts: tokens, credentials, families, keys. Feed it from what the ledger decides; a name on it
 * is refused whatever its token says of itself.
 */
export class EndedList {
  #names: Set<Name>;

  constructor(names: Iterable<Name> = []) {
    this.#names = new Set(names);
  }

  get size(): number {
    return this.#names.size;
  }
  has(name: Name): boolean {
    return this.#names.has(name);
  }
  add(name: Name): void {
    this.#names.add(name);
  }
  /** For a suspension that was lifted; an end is not taken back. */
  lift(name: Name): void {
    this.#names.delete(name);
  }
  /** Another list in one step: no request sees half of it. */
  replace(names: Iterable<Name>): void {
    this.#names = new Set(names);
  }
}
