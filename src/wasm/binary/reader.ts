/** A cursor over a module's bytes that cannot leave them: each read is checked against the end of its section. */

import { moduleRefused } from './refusal.ts';

// Names of imports and exports are UTF-8 by specification; engines refuse others, so do we.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export class ByteReader {
  readonly bytes: Uint8Array;
  readonly end: number;
  position: number;

  constructor(bytes: Uint8Array, position = 0, end = bytes.length) {
    this.bytes = bytes;
    this.position = position;
    this.end = end;
  }

  get done(): boolean {
    return this.position >= this.end;
  }

  u8(): number {
    if (this.position >= this.end) {
      const isLast = this.end === this.bytes.length;
      throw moduleRefused(isLast ? 'it is truncated' : 'content passes its end', this.end);
    }
    return this.bytes[this.position++]!;
  }

  u32le(): number {
    return (this.u8() | (this.u8() << 8) | (this.u8() << 16) | (this.u8() << 24)) >>> 0;
  }

  /** Unsigned LEB128 of 32 bits: at most five bytes, and no bit beyond the 32nd. */
  varU32(): number {
    const first = this.u8();
    return first < 0x80 ? first : this.#longU32(first);
  }

  #longU32(first: number): number {
    let value = first & 0x7f;
    for (let shift = 7; shift < 35; shift += 7) {
      const byte = this.u8();
      if (shift === 28 && byte > 0x0f) break;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw moduleRefused('a number is malformed', this.position - 1);
  }

  /** Signed LEB128 of 32 or 33 bits (block types are 33). */
  varS32(bits: 32 | 33 = 32): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.u8();
      const payload = byte & 0x7f;
      value += payload * 2 ** shift;
      if (byte >= 0x80) continue;
      const signed = (payload & 0x40) === 0 ? value : value - 2 ** (shift + 7);
      const limit = 2 ** (bits - 1);
      if (signed < -limit || signed >= limit) break;
      return signed;
    }
    throw moduleRefused('a number is malformed', this.position - 1);
  }

  /** Passes over a signed LEB128 of 64 bits: at most ten bytes, the last of them sign only. */
  skipS64(): void {
    for (let count = 1; count <= 10; count++) {
      const byte = this.u8();
      if (byte >= 0x80) continue;
      if (count === 10 && byte !== 0 && byte !== 0x7f) break;
      return;
    }
    throw moduleRefused('a number is malformed', this.position - 1);
  }

  skip(length: number): void {
    if (length > this.end - this.position) throw moduleRefused('content passes its end', this.position);
    this.position += length;
  }

  /** A reader for the next `length` bytes, over which this one passes. */
  part(length: number): ByteReader {
    const start = this.position;
    this.skip(length);
    return new ByteReader(this.bytes, start, this.position);
  }

  /** A length and as many bytes of UTF-8. */
  name(): string {
    const length = this.varU32();
    const start = this.position;
    this.skip(length);
    try {
      return utf8.decode(this.bytes.subarray(start, this.position));
    } catch {
      throw moduleRefused('a name is not UTF-8', start);
    }
  }

  /** Call when everything was read: what is left was announced and is not there. */
  expectEnd(): void {
    if (this.position !== this.end) throw moduleRefused('a section has more in it than it says', this.position);
  }
}
