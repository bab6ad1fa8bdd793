/** A ring of encoded events: fixed capacity, oldest first, bytes counted once. */

/**
 * ```
 *           head                head + count
 *            ▼                      ▼
 *  │ free │ oldest │ … │ … │ newest │ free │        indices wrap around at the capacity
 * ```
 *
 * Empty when `count` is 0, full when it is the capacity. Texts are kept, never the objects they were made from: memory is
 * what `bytes` says, and nothing of the caller's stays reachable.
 */
export class EventRing {
  readonly capacity: number;
  readonly #texts: (string | undefined)[];
  readonly #sizes: Uint32Array;
  #head = 0;
  #count = 0;
  #bytes = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.#texts = new Array<string | undefined>(capacity);
    this.#sizes = new Uint32Array(capacity);
  }

  get count(): number {
    return this.#count;
  }

  /** UTF-8 bytes of all texts. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Size of the oldest event; 0 when there is none. */
  get oldestSize(): number {
    return this.#count === 0 ? 0 : (this.#sizes[this.#head] as number);
  }

  /** Adds the newest. The caller has made room. */
  push(text: string, size: number): void {
    if (this.#count === this.capacity) throw new RangeError('the ring is full');
    let tail = this.#head + this.#count;
    if (tail >= this.capacity) tail -= this.capacity;
    this.#texts[tail] = text;
    this.#sizes[tail] = size;
    this.#count++;
    this.#bytes += size;
  }

  /** Removes the oldest and gives its text; `undefined` when there is none. */
  shift(): string | undefined {
    if (this.#count === 0) return undefined;
    const text = this.#texts[this.#head];
    this.#texts[this.#head] = undefined;
    this.#bytes -= this.#sizes[this.#head] as number;
    this.#head = this.#head + 1 === this.capacity ? 0 : this.#head + 1;
    this.#count--;
    return text;
  }
}
