/**
 * The events received last, for tests and for looking at. A ring with two bounds, count and bytes:
 *
 *      first            first + count
 *        ▼                    ▼
 *   [ ·  e3  e4  e5  e6  e7   ·  · ]    a new event overwrites nothing: when there is no room, `e3` leaves first
 */

export class EventLog<Entry> {
  readonly #capacity: number;
  readonly #maxBytes: number;
  readonly #slots: ({ readonly entry: Entry; readonly bytes: number } | undefined)[] = [];
  #first = 0;
  #count = 0;
  #bytes = 0;
  #evicted = 0;

  constructor(bounds: { readonly capacity: number; readonly maxBytes: number }) {
    this.#capacity = bounds.capacity;
    this.#maxBytes = bounds.maxBytes;
  }

  /** Events that had to leave, or found no room at all. */
  get evicted(): number {
    return this.#evicted;
  }

  add(entry: Entry, bytes: number): void {
    if (this.#capacity === 0 || bytes > this.#maxBytes) {
      this.#evicted += 1;
      return;
    }
    while (this.#count === this.#capacity || this.#bytes + bytes > this.#maxBytes) this.#removeFirst();
    this.#slots[(this.#first + this.#count) % this.#capacity] = { entry, bytes };
    this.#count += 1;
    this.#bytes += bytes;
  }

  /** Oldest first. */
  *entries(): Generator<Entry> {
    for (let at = 0; at < this.#count; at += 1) {
      const slot = this.#slots[(this.#first + at) % this.#capacity];
      if (slot !== undefined) yield slot.entry;
    }
  }

  clear(): void {
    this.#slots.length = 0;
    this.#first = 0;
    this.#count = 0;
    this.#bytes = 0;
  }

  #removeFirst(): void {
    this.#bytes -= this.#slots[this.#first]?.bytes ?? 0;
    this.#slots[this.#first] = undefined;
    this.#first = (this.#first + 1) % this.#capacity;
    this.#count -= 1;
    this.#evicted += 1;
  }
}
