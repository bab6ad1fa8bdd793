/**
 * Memory that is not the garbage collector's: regions that only grow, so that a hook allocates nothing for what crosses the
 * border.
 *
 *   +---------------------+----------------------+
 *   | used                | room                 |
 *   +---------------------+----------------------+
 *   start                 start + used           start + capacity
 */

const PAGE_BYTES: usize = 65_536;

/** Whole pages at the end of memory. Asking is the only allocation here that can be refused without a trap. */
export class PageArena {
  start: usize = 0;
  capacity: usize = 0;

  /** Room for `size` bytes at a multiple of eight; 0 when memory is at its maximum. What was here is lost when it moves. */
  reserve(size: usize): usize {
    if (size <= this.capacity) return this.start;
    const needed = (size + PAGE_BYTES - 1) / PAGE_BYTES;
    const doubled = (this.capacity / PAGE_BYTES) * 2;
    let pages = max(needed, doubled);
    let before = memory.grow(<i32>pages);
    if (before < 0) {
      pages = needed;
      before = memory.grow(<i32>pages);
    }
    if (before < 0) return 0;
    this.start = <usize>before * PAGE_BYTES;
    this.capacity = pages * PAGE_BYTES;
    return this.start;
  }
}

/** Bytes one after another, outside the collector. */
export class Region {
  start: usize;
  used: u32 = 0;
  private capacity: u32;

  constructor(capacity: u32) {
    this.start = heap.alloc(capacity);
    this.capacity = capacity;
  }

  clear(): void {
    this.used = 0;
  }

  /** The address of `size` fresh bytes at the end; good until the next one. */
  take(size: u32): usize {
    const end = this.used + size;
    if (end > this.capacity) {
      this.capacity = max(end, this.capacity * 2);
      this.start = heap.realloc(this.start, this.capacity);
    }
    const at = this.start + this.used;
    this.used = end;
    return at;
  }

  u32(value: u32): void {
    store<u32>(this.take(4), value);
  }

  /** Copies bytes. */
  bytes(ptr: usize, length: u32): void {
    memory.copy(this.take(length), ptr, length);
  }

  /** Zeros up to a multiple of four. */
  pad(): void {
    const rest = this.used & 3;
    if (rest != 0) memory.fill(this.take(4 - rest), 0, 4 - rest);
  }

  /** One byte a character; false when a character is more than a byte. */
  latin1(text: string): bool {
    const length = <u32>text.length;
    const from = changetype<usize>(text);
    const to = this.take(length);
    let all: u32 = 0;
    for (let i: u32 = 0; i < length; i++) {
      const unit = <u32>load<u16>(from + (<usize>i << 1));
      all |= unit;
      store<u8>(to + i, <u8>unit);
    }
    return all < 0x100;
  }

  /** Lower-case ASCII, one byte a character; false when a character is more than a byte. */
  latin1Lower(text: string): bool {
    const at = this.used;
    const fine = this.latin1(text);
    for (let ptr = this.start + at, end = this.start + this.used; ptr < end; ptr++) {
      const byte = load<u8>(ptr);
      if (byte >= 0x41 && byte <= 0x5a) store<u8>(ptr, byte + 32);
    }
    return fine;
  }

  utf8(text: string): void {
    const length = <u32>text.length;
    const from = changetype<usize>(text);
    const to = this.take(length * 3);
    const written = String.UTF8.encodeUnsafe(from, length, to);
    this.used -= length * 3 - <u32>written;
  }
}
