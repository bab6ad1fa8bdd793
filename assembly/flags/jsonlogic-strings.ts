/** Byte-level work on UTF-8 text: trimming, searching, counting code points. No read leaves the text, valid or not. */

import { spend } from './arena';

export function sameBytes(a: usize, b: usize, bytes: u32): bool {
  let at: u32 = 0;
  for (; at + 8 <= bytes; at += 8) if (load<u64>(a + at) != load<u64>(b + at)) return false;
  for (; at < bytes; at++) if (load<u8>(a + at) != load<u8>(b + at)) return false;
  return true;
}

/** Length in bytes of the space character that starts here, 0 when there is none (Go's unicode.IsSpace). */
function spaceAt(at: usize, end: usize): u32 {
  const byte = <u32>load<u8>(at);
  if (byte < 0x80) return byte == 0x20 || byte - 9 < 5 ? 1 : 0;
  if (byte == 0xc2) {
    if (end - at < 2) return 0;
    const second = load<u8>(at, 1);
    return second == 0x85 || second == 0xa0 ? 2 : 0;
  }
  if (end - at < 3) return 0;
  const tail = (<u32>load<u8>(at, 1) << 8) | load<u8>(at, 2);
  if (byte == 0xe2) {
    if (tail >= 0x8080 && tail <= 0x808a) return 3;
    return tail == 0x80a8 || tail == 0x80a9 || tail == 0x80af || tail == 0x819f ? 3 : 0;
  }
  return (byte == 0xe1 && tail == 0x9a80) || (byte == 0xe3 && tail == 0x8080) ? 3 : 0;
}

/** First byte that is not part of a leading space character; `end` when all is space. */
export function skipSpaces(at: usize, end: usize): usize {
  while (at < end) {
    const bytes = spaceAt(at, end);
    if (bytes == 0) break;
    at += bytes;
  }
  return at;
}

/** End of the text without its trailing space characters. */
export function trimEnd(start: usize, end: usize): usize {
  while (end > start) {
    let at = end - 1;
    // A lead byte is at most two continuation bytes back.
    while (at > start && end - at < 3 && (load<u8>(at) & 0xc0) == 0x80) at--;
    const bytes = spaceAt(at, end);
    if (bytes == 0 || at + bytes != end) break;
    end = at;
  }
  return end;
}

export function isBlank(start: usize, bytes: u32): bool {
  return spend(<i32>(bytes >> 4)) && skipSpaces(start, start + bytes) == start + bytes;
}

/** Whether the needle occurs in the text. */
export function containsText(text: usize, textBytes: u32, needle: usize, needleBytes: u32): bool {
  if (needleBytes == 0) return true;
  if (needleBytes > textBytes || !spend(<i32>(textBytes >> 4))) return false;
  const first = load<u8>(needle);
  const last = text + (textBytes - needleBytes);
  for (let at = text; at <= last; at++) {
    if (load<u8>(at) != first) continue;
    // Paid in full, so that texts made to almost match everywhere cannot run on.
    if (!spend(<i32>(needleBytes >> 5))) return false;
    if (sameBytes(at, needle, needleBytes)) return true;
  }
  return false;
}

// @ts-ignore: decorator
@inline
function startsCodePoint(at: usize): bool {
  return (load<u8>(at) & 0xc0) != 0x80;
}

export function countCodePoints(start: usize, bytes: u32): i32 {
  let count = 0;
  for (let at = start, end = start + bytes; at < end; at++) if (startsCodePoint(at)) count++;
  return count;
}

/** Address `count` code points further, `end` at most. */
export function skipCodePoints(at: usize, end: usize, count: i32): usize {
  while (count > 0 && at < end) {
    at++;
    while (at < end && !startsCodePoint(at)) at++;
    count--;
  }
  return at;
}
