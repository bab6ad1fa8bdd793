/** A growable byte region of an image with absolute guest addresses: strings stored once, values written in place. */

import { EdictError } from '../../errors.ts';

/**
 * Where an image begins in guest memory. The guest's own static data lies below (asserted when the guest is built), so
 * images carry absolute addresses and loading needs no relocation.
 */
export const IMAGE_BASE = 65_536;

/** Largest image: the declared memory maximum (64 MiB) less the context, arena and result regions. */
export const MAX_IMAGE_BYTES = 48 * 1024 * 1024;

/** Value tags; the layout is drawn in assembly/flags/value.ts. */
export const Tag = {
  missing: 0,
  null: 1,
  false: 2,
  true: 3,
  int: 4,
  float: 5,
  ascii: 6,
  text: 7,
  array: 8,
  map: 9,
  keep: 10,
  abort: 11,
  slot: 12,
} as const;

export const VALUE_BYTES = 16;
export const ENTRY_BYTES = 24;

export interface StringRef {
  /** Absolute guest address of the UTF-8 bytes. */
  readonly ptr: number;
  readonly bytes: number;
  /** Every byte below 0x80, so byte-wise comparison and folding are enough. */
  readonly ascii: boolean;
}

const encoder = new TextEncoder();

export class Pool {
  readonly #base: number;
  readonly #strings = new Map<string, StringRef>();
  readonly #tables = new Map<string, number>();
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView;
  #length = 0;

  /** `base` is the absolute address of the first byte. */
  constructor(base: number = IMAGE_BASE, capacity = 4_096) {
    this.#base = base;
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Bytes in use. */
  get length(): number {
    return this.#length;
  }

  /** Absolute address of the next byte. */
  get end(): number {
    return this.#base + this.#length;
  }

  /** Reserves zeroed bytes and gives their absolute address. */
  reserve(size: number, align = 4): number {
    const start = (this.#length + align - 1) & -align;
    this.#grow(start + size);
    this.#length = start + size;
    return this.#base + start;
  }

  setU8(address: number, value: number): void {
    this.#bytes[address - this.#base] = value;
  }

  setU32(address: number, value: number): void {
    this.#view.setUint32(address - this.#base, value, true);
  }

  setF64(address: number, value: number): void {
    this.#view.setFloat64(address - this.#base, value, true);
  }

  setI64(address: number, value: bigint): void {
    this.#view.setBigInt64(address - this.#base, value, true);
  }

  getU32(address: number): number {
    return this.#view.getUint32(address - this.#base, true);
  }

  /** Stores text once as UTF-8 (lone surrogates become U+FFFD, as they do on their way through JSON). */
  string(text: string): StringRef {
    const known = this.#strings.get(text);
    if (known !== undefined) return known;
    const start = this.#length;
    this.#grow(start + text.length * 3);
    const ascii = this.#copyAscii(text, start);
    const bytes = ascii ? text.length : encoder.encodeInto(text, this.#bytes.subarray(start)).written;
    const ref = { ptr: this.#base + start, bytes, ascii };
    this.#length = start + bytes;
    this.#strings.set(text, ref);
    return ref;
  }

  /** The constants of queries are short: a loop is quicker than the encoder. */
  #copyAscii(text: string, start: number): boolean {
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 0x7f) return false;
      this.#bytes[start + i] = unit;
    }
    return true;
  }

  /** The address of a table made once for each key: flags repeat each other's constants. */
  table(key: string, make: () => number): number {
    let address = this.#tables.get(key);
    if (address === undefined) {
      address = make();
      this.#tables.set(key, address);
    }
    return address;
  }

  /** Writes a string value (16 bytes) at `address`. */
  writeString(address: number, text: string): void {
    const ref = this.string(text);
    this.writeRef(address, ref.ascii ? Tag.ascii : Tag.text, ref.bytes, ref.ptr);
  }

  writeTag(address: number, tag: number): void {
    this.writeRef(address, tag, 0, 0);
  }

  writeNumber(address: number, tag: number, value: number): void {
    this.setU32(address, tag);
    this.setU32(address + 4, 0);
    this.setF64(address + 8, value);
  }

  writeRef(address: number, tag: number, count: number, ptr: number, aux = 0): void {
    this.setU32(address, tag);
    this.setU32(address + 4, count);
    this.setU32(address + 8, ptr);
    this.setU32(address + 12, aux);
  }

  /** A copy of the bytes in use. */
  toBytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  #grow(needed: number): void {
    if (needed <= this.#bytes.length) return;
    if (needed > MAX_IMAGE_BYTES) {
      throw new EdictError(
        'CONFIGURATION_TOO_LARGE',
        `the compiled flag configuration passes ${MAX_IMAGE_BYTES} bytes; serve fewer flags to this process (flagList, flagPrefix)`,
      );
    }
    const larger = new Uint8Array(Math.min(MAX_IMAGE_BYTES, Math.max(needed, this.#bytes.length * 2)));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}
