/** Where the fields of a frame lie. One pass notes their places; nothing is copied. */

import { CRITICAL, FIELD_BYTES, FRAME_VERSION, HEAD_BYTES, MAGIC } from './tags';

/** Tags below this are noted; others are not for inputs. */
const TAGS: u32 = 128;

export class Frame {
  /** For each tag the address (0: absent) and the length of its bytes. */
  private table: usize = heap.alloc(TAGS * 8);

  /** False when the bytes are no frame of this kind and version, or hold something critical that is not known here. */
  open(ptr: usize, length: u32, kind: u32): bool {
    memory.fill(this.table, 0, TAGS * 8);
    if (length < HEAD_BYTES) return false;
    if (load<u32>(ptr) != (MAGIC | (FRAME_VERSION << 16) | (kind << 24))) return false;
    if (load<u32>(ptr, 4) != length) return false;
    const end = ptr + length;
    let at = ptr + HEAD_BYTES;
    for (let left = load<u32>(ptr, 8); left > 0; left--) {
      if (at + FIELD_BYTES > end) return false;
      const word = load<u32>(at);
      const tag = word & 0xffff;
      const bytes = load<u32>(at, 4);
      at += FIELD_BYTES;
      if (bytes > <u32>(end - at)) return false;
      if (tag < TAGS) {
        const note = this.table + (<usize>tag << 3);
        if (load<u32>(note) != 0) return false;
        store<u32>(note, <u32>at);
        store<u32>(note, bytes, 4);
      } else if ((word >> 16) & CRITICAL) return false;
      at += (bytes + 3) & ~3;
    }
    return at == end;
  }

  // @ts-ignore: decorator
  @inline
  has(tag: u32): bool {
    return this.ptr(tag) != 0;
  }

  /** 0 when the field is absent. */
  // @ts-ignore: decorator
  @inline
  ptr(tag: u32): usize {
    return load<u32>(this.table + (<usize>tag << 3));
  }

  // @ts-ignore: decorator
  @inline
  bytes(tag: u32): u32 {
    return load<u32>(this.table + (<usize>tag << 3), 4);
  }

  /** An absent text is empty; ask `has` where that matters. */
  text(tag: u32): string {
    const ptr = this.ptr(tag);
    return ptr == 0 ? '' : String.UTF8.decodeUnsafe(ptr, this.bytes(tag));
  }

  u32(tag: u32): u32 {
    return this.bytes(tag) == 4 ? load<u32>(this.ptr(tag)) : 0;
  }

  f64(tag: u32): f64 {
    return this.bytes(tag) == 8 ? load<f64>(this.ptr(tag)) : 0;
  }
}
