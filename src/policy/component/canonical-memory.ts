/**
 * A guest's memory as the canonical ABI sees it: places for what is handed in come from the guest's own `cabi_realloc`, and
 * what it hands out is read with every pointer checked and everything counted.
 */

import type { GuestMemory } from '../../wasm/memory.ts';
import { LiftFault } from './guest-port.ts';

export type Reallocate = (old: number, oldSize: number, align: number, size: number) => number;

/** Texts up to this length are copied by the character: a call into Node costs as much as copying forty. */
const SHORT = 48;
const NOT_ASCII = /[\u0080-\uffff]/;
const NO_BYTES = new Uint8Array(0);

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The guest gave a place outside its memory, or one that is not aligned. */
export class BrokenPlace extends Error {
  constructor(place: number, size: number) {
    super(`the guest gave ${place} as the place for ${size} bytes`);
  }
}

export class CanonicalMemory {
  readonly #memory: GuestMemory;
  readonly #reallocate: Reallocate;
  readonly #maxLifted: number;
  /** Bytes read of the present answer: parts may lie on top of each other, so their sum is not bounded by the memory. */
  #lifted = 0;

  constructor(memory: GuestMemory, reallocate: Reallocate, maxLifted: number) {
    this.#memory = memory;
    this.#reallocate = reallocate;
    this.#maxLifted = maxLifted;
  }

  /** Begins to read an answer. */
  beginAnswer(): void {
    this.#lifted = 0;
  }

  /** Room for `size` bytes; where they are none, a place that is never looked at. */
  allocate(size: number, align: number): number {
    if (size === 0) return align;
    const place = this.#reallocate(0, 0, align, size) >>> 0;
    if (place === 0 || (place & (align - 1)) !== 0 || place + size > this.#memory.byteLength) {
      throw new BrokenPlace(place, size);
    }
    return place;
  }

  /** Copies bytes to a place that was allocated for them. */
  write(place: number, value: Uint8Array): void {
    if (value.length > 0) this.#memory.bytes.set(value, place);
  }

  storeByte(at: number, value: number): void {
    this.#memory.bytes[at] = value;
  }

  storeHalf(at: number, value: number): void {
    const { bytes } = this.#memory;
    bytes[at] = value & 0xff;
    bytes[at + 1] = value >>> 8;
  }

  storeWord(at: number, value: number): void {
    this.#memory.words[at >>> 2] = value;
  }

  storeDouble(at: number, value: number): void {
    this.#memory.doubles[at >>> 3] = value;
  }

  storeBytes(at: number, value: Uint8Array): void {
    const { length } = value;
    const place = this.allocate(length, 1);
    this.write(place, value);
    this.#storeRange(at, place, length);
  }

  /** One character a byte. */
  storeByteText(at: number, value: string): void {
    const { length } = value;
    const place = this.allocate(length, 1);
    if (length > SHORT) this.#memory.buffer.write(value, place, length, 'latin1');
    else {
      const { bytes } = this.#memory;
      for (let i = 0; i < length; i++) bytes[place + i] = value.charCodeAt(i);
    }
    this.#storeRange(at, place, length);
  }

  /** As UTF-8. */
  storeText(at: number, value: string): void {
    if (!NOT_ASCII.test(value)) this.storeByteText(at, value);
    else this.storeBytes(at, Buffer.from(value, 'utf8'));
  }

  #storeRange(at: number, place: number, length: number): void {
    const { words } = this.#memory;
    words[at >>> 2] = place;
    words[(at >>> 2) + 1] = length;
  }

  byte(at: number): number {
    return this.#memory.bytes[at] as number;
  }

  half(at: number): number {
    return this.byte(at) | (this.byte(at + 1) << 8);
  }

  word(at: number): number {
    return this.#memory.words[at >>> 2] as number;
  }

  double(at: number): number {
    return this.#memory.doubles[at >>> 3] as number;
  }

  /** Checks a result or an array before its parts are read. */
  checkArray(start: number, length: number, size: number, align: number): void {
    if (length === 0) return;
    if ((start & (align - 1)) !== 0) throw new LiftFault(`an answer lies at ${start}, no multiple of ${align}`);
    this.#count(start, length * size);
  }

  text(ptr: number, length: number): string {
    if (length === 0) return '';
    this.#count(ptr, length);
    const latin1 = this.#memory.buffer.toString('latin1', ptr, ptr + length);
    if (!NOT_ASCII.test(latin1)) return latin1;
    try {
      return utf8.decode(this.#memory.bytes.subarray(ptr, ptr + length));
    } catch {
      throw new LiftFault('a text is not UTF-8');
    }
  }

  copy(ptr: number, length: number): Uint8Array {
    if (length === 0) return NO_BYTES;
    this.#count(ptr, length);
    return this.#memory.bytes.slice(ptr, ptr + length);
  }

  #count(start: number, bytes: number): void {
    if (start + bytes > this.#memory.byteLength) {
      throw new LiftFault(`an answer is at ${start} to ${start + bytes} of ${this.#memory.byteLength}`);
    }
    this.#lifted += bytes;
    if (this.#lifted > this.#maxLifted) {
      throw new LiftFault(`the answer has more than ${this.#maxLifted} bytes`, 'OUTPUT_TOO_LARGE');
    }
  }
}
