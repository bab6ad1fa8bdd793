/** The part of guest memory where one evaluation's strings and trees are written, from the bottom up. */

import { Tag } from '../flags/image/pool.ts';
import type { GuestMemory } from '../wasm/memory.ts';
import { CONTEXT_MAX_TEXT, ContextError, tooMuchText } from './context-values.ts';

/** Longest text copied by the charCode loop; an encoder call costs about as much as forty characters. */
const SHORT_TEXT = 40;

export class GuestRegion {
  readonly #memory: GuestMemory;
  bytes: Uint8Array;
  words: Uint32Array;
  doubles: Float64Array;
  #buffer: Buffer;
  #start = 0;
  #end = 0;
  #top = 0;
  #text = 0;
  #markedTop = 0;
  #markedText = 0;

  constructor(memory: GuestMemory) {
    this.#memory = memory;
    this.bytes = memory.bytes;
    this.words = memory.words;
    this.doubles = memory.doubles;
    this.#buffer = memory.buffer;
  }

  /** Takes the bytes from `start` to `end`, absolute addresses. */
  attach(start: number, end: number): void {
    this.#start = start;
    this.#end = end;
    this.#renew();
    this.begin();
  }

  /** Forgets what was written. Memory grows only while loading, but a detached view would silently swallow writes. */
  begin(): void {
    if (this.bytes.length === 0) this.#renew();
    this.#top = this.#start;
    this.#text = 0;
  }

  /** Remembers where the next byte goes; `rewind` gives back everything written since. */
  mark(): void {
    this.#markedTop = this.#top;
    this.#markedText = this.#text;
  }

  rewind(): void {
    this.#top = this.#markedTop;
    this.#text = this.#markedText;
  }

  /** `bytes` at a multiple of eight; their address. Throws `ContextError`. */
  reserve(bytes: number): number {
    const start = (this.#top + 7) & ~7;
    if (start + bytes > this.#end) throw new ContextError('the context takes more than 4 MiB');
    this.#top = start + bytes;
    return start;
  }

  /** Writes a string value at `address`, its text in the region. Throws `ContextError`. */
  writeText(address: number, text: string): void {
    const start = this.#top;
    const bytes = this.copyText(text);
    const { words } = this;
    const word = address >> 2;
    words[word] = bytes === text.length ? Tag.ascii : Tag.text;
    words[word + 1] = bytes;
    words[word + 2] = start;
    words[word + 3] = 0;
  }

  /** The name of a map entry: its address and length at `entry`. Throws `ContextError`. */
  writeName(entry: number, name: string): void {
    const start = this.#top;
    const bytes = this.copyText(name);
    this.words[entry >> 2] = start;
    this.words[(entry >> 2) + 1] = bytes;
  }

  writeTag(address: number, tag: number): void {
    this.words[address >> 2] = tag;
  }

  writeRef(address: number, tag: number, count: number, ptr: number): void {
    const { words } = this;
    const word = address >> 2;
    words[word] = tag;
    words[word + 1] = count;
    words[word + 2] = ptr;
    words[word + 3] = 0;
  }

  /** Copies text as UTF-8 (lone surrogates become U+FFFD); its byte length, equal to `length` only for ASCII. */
  copyText(text: string): number {
    const { length } = text;
    const start = this.#top;
    if (start + length * 3 > this.#end || this.#text + length > CONTEXT_MAX_TEXT) {
      throw tooMuchText();
    }
    this.#text += length;
    const isCopied = length <= SHORT_TEXT && copyAscii(text, this.bytes, start);
    const bytes = isCopied ? length : this.#buffer.write(text, start, 'utf8');
    this.#top = start + bytes;
    return bytes;
  }

  #renew(): void {
    this.bytes = this.#memory.bytes;
    this.words = this.#memory.words;
    this.doubles = this.#memory.doubles;
    this.#buffer = this.#memory.buffer;
  }
}

/** Four characters a turn; false, with rubbish written, when one of them is not ASCII. */
export function copyAscii(text: string, target: Uint8Array, start: number): boolean {
  const { length } = text;
  let seen = 0;
  let i = 0;
  for (const last = length - 4; i <= last; i += 4) {
    const a = text.charCodeAt(i);
    const b = text.charCodeAt(i + 1);
    const c = text.charCodeAt(i + 2);
    const d = text.charCodeAt(i + 3);
    seen |= a | b | c | d;
    const at = start + i;
    target[at] = a;
    target[at + 1] = b;
    target[at + 2] = c;
    target[at + 3] = d;
  }
  for (; i < length; i++) {
    const unit = text.charCodeAt(i);
    seen |= unit;
    target[start + i] = unit;
  }
  return seen < 0x80;
}
