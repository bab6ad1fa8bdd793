/** The ids of batches seen before, as many as fit: what is asked for stays, the longest unseen goes. */

export class BatchMemory {
  readonly #capacity: number;
  /** In the order in which they were seen last. */
  readonly #ids = new Set<string>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Remembers the id; true when it was known already. */
  hasSeen(id: string): boolean {
    const known = this.#ids.delete(id);
    this.#ids.add(id);
    const [oldest] = this.#ids;
    if (this.#ids.size > this.#capacity && oldest !== undefined) this.#ids.delete(oldest);
    return known;
  }

  get size(): number {
    return this.#ids.size;
  }
}
