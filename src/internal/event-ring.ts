/** A ring of encoded events: fixed capacity, oldest first, bytes in one buffer. */

const FIRST_BYTES = 65_536;

/**
 * ```
 *  sizes   │ free │ oldest │ … │ newest │ free │          one entry for each event
 *  bytes   │ free │ {"kind":…}{"kind":…}…      │ free │   their JSON without a gap
 * ```
 *
 * Both wrap around at their end; an event may be cut by it. Empty when `count` is 0, full when it is the capacity or when the
 * bytes are used up: the caller makes room first. Bytes are kept, neither objects nor strings: memory is what `bytes` says,
 * nothing of the caller's stays reachable, and a million events leave the garbage collector nothing to do. The buffer begins
 * with the first event and grows with what it holds, so that neither an idle ring nor a limit far away costs anything.
 */
export class EventRing {
  readonly capacity: number;
  readonly #maxBytes: number;
  readonly #firstBytes: number;
  readonly #sizes: Uint32Array;
  #first = 0;
  #count = 0;
  #buffer: Uint8Array;
  #start = 0;
  #bytes = 0;

  constructor(capacity: number, maxBytes: number, firstBytes: number = FIRST_BYTES) {
    this.capacity = capacity;
    this.#maxBytes = maxBytes;
    this.#sizes = new Uint32Array(capacity);
    this.#firstBytes = firstBytes;
    this.#buffer = new Uint8Array(0);
  }

  get count(): number {
    return this.#count;
  }

  /** Bytes of all events. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Size of the oldest event; 0 when there is none. */
  get oldestSize(): number {
    return this.#count === 0 ? 0 : (this.#sizes[this.#first] as number);
  }

  /** Adds the newest: the first `size` bytes of the source. Throws `RangeError` when there is no room. */
  push(source: Uint8Array, size: number): void {
    if (this.#count === this.capacity || this.#bytes + size > this.#maxBytes) throw new RangeError('the ring is full');
    if (this.#bytes + size > this.#buffer.length) this.#grow(this.#bytes + size);
    const at = wrapped(this.#start + this.#bytes, this.#buffer.length);
    const untilEnd = Math.min(size, this.#buffer.length - at);
    this.#buffer.set(source.subarray(0, untilEnd), at);
    if (untilEnd < size) this.#buffer.set(source.subarray(untilEnd, size), 0);
    this.#sizes[wrapped(this.#first + this.#count, this.capacity)] = size;
    this.#count++;
    this.#bytes += size;
  }

  /** Removes the oldest; false when there is none. */
  drop(): boolean {
    if (this.#count === 0) return false;
    const size = this.#sizes[this.#first] as number;
    this.#start = wrapped(this.#start + size, this.#buffer.length);
    this.#bytes -= size;
    this.#first = wrapped(this.#first + 1, this.capacity);
    this.#count--;
    return true;
  }

  /** Moves the oldest into the target and gives its size. The caller knows that there is one, and that it fits. */
  moveTo(target: Uint8Array, at: number): number {
    const size = this.oldestSize;
    this.#read(target, at, size);
    this.drop();
    return size;
  }

  /** Gives back the buffer of an empty ring; the next event begins a new one. */
  trim(): void {
    if (this.#count > 0) return;
    this.#buffer = new Uint8Array(0);
    this.#start = 0;
  }

  /** Sizes of the oldest events, from the oldest on. */
  *sizes(): Generator<number> {
    for (let i = 0; i < this.#count; i++) yield this.#sizes[wrapped(this.#first + i, this.capacity)] as number;
  }

  #read(target: Uint8Array, at: number, size: number): void {
    const untilEnd = Math.min(size, this.#buffer.length - this.#start);
    target.set(this.#buffer.subarray(this.#start, this.#start + untilEnd), at);
    if (untilEnd < size) target.set(this.#buffer.subarray(0, size - untilEnd), at + untilEnd);
  }

  #grow(needed: number): void {
    const buffer = new Uint8Array(
      Math.min(this.#maxBytes, Math.max(needed, 2 * this.#buffer.length, this.#firstBytes)),
    );
    this.#read(buffer, 0, this.#bytes);
    this.#buffer = buffer;
    this.#start = 0;
  }
}

/** An index that is past the end by less than one round. */
function wrapped(index: number, length: number): number {
  return index >= length ? index - length : index;
}
