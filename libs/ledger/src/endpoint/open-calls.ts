/** Calls that are under way, each with how it is cut when the endpoint closes. */
export class OpenCalls {
  readonly #cuts = new Set<() => void>();

  /** @returns what to call once the call is over */
  add(cut: () => void): () => void {
    this.#cuts.add(cut);
    return () => void this.#cuts.delete(cut);
  }

  cutAll(): void {
    for (const cut of [...this.#cuts]) cut();
    this.#cuts.clear();
  }
}
