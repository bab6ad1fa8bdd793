/** Bytes where they lie: a view that is good until the hook returns. */

export class Bytes {
  constructor(
    readonly ptr: usize,
    readonly length: u32,
  ) {}

  // @ts-ignore: decorator
  @operator('[]')
  at(index: u32): u8 {
    return index < this.length ? load<u8>(this.ptr + index) : 0;
  }

  /** As UTF-8. */
  text(): string {
    return String.UTF8.decodeUnsafe(this.ptr, this.length);
  }

  /** One character a byte: what header values are. */
  latin1(): string {
    return latin1Of(this.ptr, this.length);
  }

  equals(text: string): bool {
    return sameText(this.ptr, this.length, text);
  }

  /** A part of it; cut to what is there. */
  slice(start: u32, end: u32 = u32.MAX_VALUE): Bytes {
    const from = min(start, this.length);
    return new Bytes(this.ptr + from, max(min(end, this.length), from) - from);
  }

  /** Where `text` (one byte a character) begins from `start` on; -1 when it does not. */
  indexOf(text: string, start: u32 = 0): i32 {
    const length = <u32>text.length;
    if (length > this.length) return -1;
    for (let i = start; i <= this.length - length; i++) {
      if (sameText(this.ptr + i, length, text)) return <i32>i;
    }
    return -1;
  }

  /** A copy that outlives the hook. */
  copy(): Uint8Array {
    const copy = new Uint8Array(<i32>this.length);
    memory.copy(copy.dataStart, this.ptr, this.length);
    return copy;
  }

  /** The bytes of an array, which must stay reachable as long as this is in use. */
  static of(array: Uint8Array): Bytes {
    return new Bytes(array.dataStart, <u32>array.byteLength);
  }
}

/** A text of one character a byte. */
export function latin1Of(ptr: usize, length: u32): string {
  // @ts-ignore: the allocator of the runtime
  const text = changetype<string>(__new(<usize>length << 1, idof<string>()));
  const to = changetype<usize>(text);
  for (let i: usize = 0; i < length; i++) store<u16>(to + (i << 1), <u16>load<u8>(ptr + i));
  return text;
}

/** Whether bytes are a text of one character a byte. */
export function sameText(ptr: usize, length: u32, text: string): bool {
  if (<u32>text.length != length) return false;
  const other = changetype<usize>(text);
  for (let i: usize = 0; i < length; i++) {
    if (<u16>load<u8>(ptr + i) != load<u16>(other + (i << 1))) return false;
  }
  return true;
}

/** The same with letters of `text` lowered. */
export function sameName(ptr: usize, length: u32, text: string): bool {
  if (<u32>text.length != length) return false;
  const other = changetype<usize>(text);
  for (let i: usize = 0; i < length; i++) {
    let unit = load<u16>(other + (i << 1));
    if (unit >= 0x41 && unit <= 0x5a) unit += 32;
    if (<u16>load<u8>(ptr + i) != unit) return false;
  }
  return true;
}
