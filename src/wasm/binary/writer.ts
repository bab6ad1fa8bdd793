/** Bytes in the making: grows by doubling, and gives up with a refusal when a module would pass its limit. */

import { moduleRefused } from './refusal.ts';

export class ByteWriter {
  readonly #limit: number;
  #bytes: Uint8Array;
  #length = 0;

  constructor(capacity: number, limit: number) {
    this.#bytes = new Uint8Array(Math.min(capacity, limit));
    this.#limit = limit;
  }

  get length(): number {
    return this.#length;
  }

  u8(byte: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = byte;
  }

  /** Unsigned LEB128, as short as it can be. */
  varU32(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.u8((rest & 0x7f) | 0x80);
      rest = Math.floor(rest / 128);
    }
    this.u8(rest);
  }

  name(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.varU32(bytes.length);
    this.copy(bytes);
  }

  copy(source: Uint8Array, start = 0, end = source.length): void {
    this.#reserve(end - start);
    // Pieces are mostly a few instructions long, for which a call into the engine's copy costs more than the copy.
    if (end - start < 32) for (let at = start; at < end; at++) this.#bytes[this.#length++] = source[at]!;
    else {
      this.#bytes.set(source.subarray(start, end), this.#length);
      this.#length += end - start;
    }
  }

  /** What was written so far, as a view that the next write may leave behind. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  clear(): void {
    this.#length = 0;
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    if (needed > this.#limit) throw moduleRefused(`it would have more than ${this.#limit} bytes with its meters`);
    const grown = new Uint8Array(Math.min(this.#limit, Math.max(needed, this.#bytes.length * 2)));
    grown.set(this.view());
    this.#bytes = grown;
  }
}

/** The bytes of an unsigned LEB128. */
export function leb(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return bytes;
}

/** The bytes of a signed LEB128 of 32 bits. */
export function signedLeb(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7) {
    const byte = rest & 0x7f;
    const isLast = (rest >> 6 === 0 && (byte & 0x40) === 0) || (rest >> 6 === -1 && (byte & 0x40) !== 0);
    bytes.push(isLast ? byte : byte | 0x80);
    if (isLast) return bytes;
  }
}
