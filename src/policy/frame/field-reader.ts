/**
 * Reads the contents of fields of a frame. The first thing that is wrong is kept in `fault`; after it every read gives
 * something harmless, so callers look once.
 */

import { isJsonObject, type JsonObject } from '../../internal/json.ts';
import { type PolicyFailure, type PolicyFailureCode, policyFailure } from '../model/failure.ts';
import type { HeaderPair } from '../model/headers.ts';

/** Deepest nesting of a JSON field: what walks the value later may recurse. */
const MAX_JSON_DEPTH = 64;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const NOT_ASCII = /[\u0080-\u00ff]/;
const NO_BYTES = new Uint8Array(0);
const EMPTY = Buffer.alloc(0);

export class FieldReader {
  fault: PolicyFailure | undefined;
  /** Where the bytes to read end. */
  end = 0;
  #frame: Buffer = EMPTY;
  /** Of the block at work: its bytes as characters, and how many of them its entries have named. */
  #block = '';
  #used = 0;

  open(frame: Buffer, length: number): void {
    this.#frame = frame;
    this.end = length;
    this.fault = undefined;
  }

  /** Remembers what is wrong; gives 0 as "nothing read". */
  fail(code: PolicyFailureCode, message: string): 0 {
    this.fault ??= policyFailure(code, message);
    return 0;
  }

  failBytes(code: PolicyFailureCode, message: string): Uint8Array {
    this.fail(code, message);
    return NO_BYTES;
  }

  /** INVARIANT: the caller has checked that four bytes are there. */
  u32(at: number): number {
    const frame = this.#frame;
    return (
      ((frame[at] as number) |
        ((frame[at + 1] as number) << 8) |
        ((frame[at + 2] as number) << 16) |
        ((frame[at + 3] as number) << 24)) >>>
      0
    );
  }

  /** A field that is one u32. */
  number(start: number, length: number): number {
    return length === 4 ? this.u32(start) : this.fail('DECODE', `a number has ${length} bytes instead of 4`);
  }

  /** A field that is the index of a word. */
  oneOf<T extends string>(start: number, length: number, words: readonly [T, ...T[]]): T {
    const index = this.number(start, length);
    const word = words[index];
    if (word === undefined) this.fail('DECODE', `${index} stands for none of ${words.join(', ')}`);
    return word ?? words[0];
  }

  /** A view; whoever keeps the bytes copies them. */
  view(start: number, length: number): Uint8Array {
    return this.#frame.subarray(start, start + length);
  }

  copy(start: number, length: number): Uint8Array {
    return new Uint8Array(this.view(start, length));
  }

  /** UTF-8, strictly. */
  text(start: number, length: number): string {
    return this.#strict(this.#frame.toString('latin1', start, start + length), start, length);
  }

  /** A JSON object. */
  json(start: number, length: number): JsonObject {
    const text = this.text(start, length);
    if (this.fault !== undefined) return {};
    if (isTooDeep(text)) {
      this.fail('DECODE', `a JSON field is nested deeper than ${MAX_JSON_DEPTH}`);
      return {};
    }
    try {
      const value: unknown = JSON.parse(text);
      if (isJsonObject(value)) return value;
      this.fail('DECODE', 'a JSON field is no object');
    } catch {
      this.fail('DECODE', 'a JSON field does not parse');
    }
    return {};
  }

  /** A pair block. Bytes of headers are free; `strict` blocks hold UTF-8. */
  pairs(start: number, length: number, strict: boolean): HeaderPair[] {
    const pairs: HeaderPair[] = [];
    const count = this.#openBlock(start, length, 16);
    for (let i = 0, entry = start + 4; i < count && this.fault === undefined; i++, entry += 16) {
      pairs.push([this.#entry(start, length, entry, strict), this.#entry(start, length, entry + 8, strict)]);
    }
    return pairs;
  }

  /** A name block. */
  names(start: number, length: number, strict: boolean): string[] {
    const names: string[] = [];
    const count = this.#openBlock(start, length, 8);
    for (let i = 0, entry = start + 4; i < count && this.fault === undefined; i++, entry += 8) {
      names.push(this.#entry(start, length, entry, strict));
    }
    return names;
  }

  /** The number of entries; 0 when they are not all there. */
  #openBlock(start: number, length: number, entryBytes: number): number {
    if (length < 4) return this.fail('DECODE', 'a block has no count');
    const count = this.u32(start);
    if (4 + count * entryBytes > length) return this.fail('DECODE', `a block has no room for ${count} entries`);
    // One text for the whole block: cutting it costs less than a call into Node for every name and value.
    this.#block = count === 0 ? '' : this.#frame.toString('latin1', start, start + length);
    this.#used = 0;
    return count;
  }

  #entry(start: number, length: number, at: number, strict: boolean): string {
    const offset = this.u32(at);
    const bytes = this.u32(at + 4);
    this.#used += bytes;
    // Entries that share bytes could name far more than the block holds.
    if (offset + bytes > length || this.#used > length) {
      this.fail('DECODE', 'an entry of a block lies outside it');
      return '';
    }
    const part = this.#block.slice(offset, offset + bytes);
    return strict ? this.#strict(part, start + offset, bytes) : part;
  }

  /** `latin1` is the text of those bytes, a character each. */
  #strict(latin1: string, start: number, length: number): string {
    if (!NOT_ASCII.test(latin1)) return latin1;
    try {
      return utf8.decode(this.view(start, length));
    } catch {
      this.fail('DECODE', 'a text is not UTF-8');
      return '';
    }
  }
}

export function isTooDeep(json: string): boolean {
  let depth = 0;
  let isInString = false;
  for (let i = 0; i < json.length; i++) {
    const character = json.charCodeAt(i);
    if (isInString) {
      if (character === 0x5c) i++;
      else if (character === 0x22) isInString = false;
    } else if (character === 0x22) isInString = true;
    else if (character === 0x7b || character === 0x5b) {
      if (++depth > MAX_JSON_DEPTH) return true;
    } else if (character === 0x7d || character === 0x5d) depth--;
  }
  return false;
}
