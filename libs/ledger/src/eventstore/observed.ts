/**
 * The furthest position that this connection has heard of. The wire does not say whether an append was written now or
 * long ago; but what is written now stands behind everything that was heard of before it was sent.
 */
export class Observed {
  #position = 0n;

  get position(): bigint {
    return this.#position;
  }

  see(position: bigint): void {
    if (position > this.#position) this.#position = position;
  }
}
