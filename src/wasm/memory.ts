/**
 * The one way to guest memory: bounded copies. Every (ptr, length) is checked as unsigned against the buffer of that
 * moment; bytes come out as copies, never as views.
 */

import { EdictError } from '../errors.ts';

/**
 * Views on a guest's memory, renewed whenever the memory has grown: a grown memory detaches its old buffer, whose views
 * then have length 0 (AssemblyScript#2778 is what happens when nobody looks).
 */
export class GuestMemory {
  readonly #memory: WebAssembly.Memory;
  #bytes: Uint8Array;
  #buffer: Buffer;
  #ints: Int32Array;
  #words: Uint32Array;
  #doubles: Float64Array;

  constructor(memory: WebAssembly.Memory) {
    this.#memory = memory;
    this.#bytes = new Uint8Array(memory.buffer);
    this.#buffer = Buffer.from(memory.buffer);
    this.#ints = new Int32Array(memory.buffer);
    this.#words = new Uint32Array(memory.buffer);
    this.#doubles = new Float64Array(memory.buffer);
  }

  /** Bytes of linear memory now. */
  get byteLength(): number {
    return this.bytes.length;
  }

  /** For writers that check their own bounds; never keep it across a guest call. */
  get bytes(): Uint8Array {
    if (this.#bytes.length === 0) this.#renew();
    return this.#bytes;
  }

  /** The same bytes with Node's text encoders; indexed writes are slower through it. */
  get buffer(): Buffer {
    if (this.#bytes.length === 0) this.#renew();
    return this.#buffer;
  }

  get words(): Uint32Array {
    if (this.#words.length === 0) this.#renew();
    return this.#words;
  }

  get doubles(): Float64Array {
    if (this.#doubles.length === 0) this.#renew();
    return this.#doubles;
  }

  /** Copies `source` to `ptr`. Throws `INVALID_RESULT` when it does not fit. */
  write(ptr: number, source: Uint8Array): void {
    this.#check(ptr, source.length);
    this.bytes.set(source, ptr >>> 0);
  }

  /** A copy of `length` bytes, at most `limit`. */
  read(ptr: number, length: number, limit: number): Uint8Array {
    if (length >>> 0 > limit) throw outside(`a length of ${length >>> 0} bytes, more than ${limit}`);
    this.#check(ptr, length);
    return this.bytes.slice(ptr >>> 0, (ptr >>> 0) + (length >>> 0));
  }

  /** Copies `target.length` 32-bit words at `ptr` (a multiple of four) into `target`. */
  readWords(ptr: number, target: Int32Array): void {
    this.#check(ptr, target.length * 4);
    const start = (ptr >>> 0) / 4;
    if (!Number.isInteger(start)) throw outside(`an unaligned address ${ptr >>> 0}`);
    // Same element type on both sides: a memory copy, not a conversion of every element.
    target.set(this.#ints.subarray(start, start + target.length));
  }

  #check(ptr: number, length: number): void {
    const end = (ptr >>> 0) + (length >>> 0);
    if (end > this.byteLength) throw outside(`bytes ${ptr >>> 0} to ${end} of ${this.byteLength}`);
  }

  #renew(): void {
    this.#bytes = new Uint8Array(this.#memory.buffer);
    this.#buffer = Buffer.from(this.#memory.buffer);
    this.#ints = new Int32Array(this.#memory.buffer);
    this.#words = new Uint32Array(this.#memory.buffer);
    this.#doubles = new Float64Array(this.#memory.buffer);
  }
}

function outside(text: string): EdictError {
  return new EdictError('INVALID_RESULT', `the guest named ${text}`);
}
