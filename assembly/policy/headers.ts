/** Headers where they lie in the frame: looked up by name without parsing anything. */

import { Bytes, latin1Of, sameName } from './bytes';

const ENTRY_BYTES: usize = 16;

/** A pair block of the frame (docs/policy-abi.md). Values are byte strings: one character a byte. */
export class Headers {
  private block: usize = 0;
  private count: u32 = 0;
  private length: u32 = 0;

  /** Takes a block; one that does not fit its own count is empty. */
  open(block: usize, length: u32): this {
    this.block = block;
    this.length = length;
    const count = length >= 4 ? load<u32>(block) : 0;
    this.count = <u64>count * ENTRY_BYTES + 4 <= length ? count : 0;
    return this;
  }

  /** Number of header lines. */
  get size(): u32 {
    return this.count;
  }

  /** The line with this name from `start` on; -1 when there is none. Case does not matter. */
  find(name: string, start: u32 = 0): i32 {
    const block = this.block;
    let entry = block + 4 + <usize>start * ENTRY_BYTES;
    for (let i = start; i < this.count; i++, entry += ENTRY_BYTES) {
      const length = load<u32>(entry, 4);
      if (length == <u32>name.length && sameName(block + load<u32>(entry), length, name)) return <i32>i;
    }
    return -1;
  }

  has(name: string): bool {
    return this.find(name) >= 0;
  }

  /** The first value of a name; null when there is none. */
  get(name: string): string | null {
    const line = this.find(name);
    return line < 0 ? null : this.valueAt(line);
  }

  /** The first value as it lies in the frame. */
  bytes(name: string): Bytes | null {
    const line = this.find(name);
    return line < 0 ? null : this.bytesAt(line);
  }

  /** All values of a name. */
  all(name: string): string[] {
    const values: string[] = [];
    for (let line = this.find(name); line >= 0; line = this.find(name, line + 1)) values.push(this.valueAt(line));
    return values;
  }

  nameAt(line: u32): string {
    const entry = this.entry(line);
    return latin1Of(this.block + load<u32>(entry), load<u32>(entry, 4));
  }

  valueAt(line: u32): string {
    const entry = this.entry(line);
    return latin1Of(this.block + load<u32>(entry, 8), load<u32>(entry, 12));
  }

  bytesAt(line: u32): Bytes {
    const entry = this.entry(line);
    return new Bytes(this.block + load<u32>(entry, 8), load<u32>(entry, 12));
  }

  private entry(line: u32): usize {
    if (line >= this.count) throw new RangeError('there is no such header line');
    return this.block + 4 + <usize>line * ENTRY_BYTES;
  }
}
