import type { Name } from '#lifecycle';

/**
 * Names already counted: 16 bytes each in an open-addressed table between a quarter and half full. So a plan counts a
 * token once, however often its view comes, without holding every name as a string.
 */
export class NameSet {
  private slots = new Uint32Array(4 * 1024);
  size = 0;

  /** Adds a name of 32 hex digits; false if it was there. */
  add(name: Name): boolean {
    if ((this.size + 1) * 8 > this.slots.length) this.grow();
    const words = wordsOf(name);
    if (!insert(this.slots, words)) return false;
    this.size++;
    return true;
  }

  private grow(): void {
    const next = new Uint32Array(this.slots.length * 2);
    for (let at = 0; at < this.slots.length; at += 4) {
      // No name is all zero: its first nibble is its kind, which is at least 1.
      if (this.slots[at] !== 0) insert(next, this.slots.subarray(at, at + 4));
    }
    this.slots = next;
  }
}

function wordsOf(name: Name): Uint32Array {
  return Uint32Array.of(...[0, 8, 16, 24].map((at) => Number.parseInt(name.slice(at, at + 8), 16)));
}

function insert(slots: Uint32Array, words: Uint32Array): boolean {
  const mask = slots.length - 1;
  // Names are keyed hashes already, so their own digits place them.
  for (let at = (words[3]! * 4) & mask; ; at = (at + 4) & mask) {
    if (slots[at] === 0) {
      slots.set(words, at);
      return true;
    }
    if (words.every((word, i) => slots[at + i] === word)) return false;
  }
}
