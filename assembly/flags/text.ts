/** Case-insensitive text comparison over UTF-8, as Go's per-code-point lower-casing gives it (spec: §8.7). */

import { arenaAlloc, fault } from './arena';
import { LOWER_RANGES, LOWER_TABLE } from './lower-table';
import { TAG_ASCII, countOf, ptrOf, tagOf } from './value';

/** The last lower-cased value: one evaluation often compares the same attribute many times. */
let loweredValue: usize = 0;
let loweredPtr: usize = 0;
let loweredBytes: u32 = 0;

/** Must be called when slots or the arena change hands: the memo points into both. */
export function forgetLowered(): void {
  loweredValue = 0;
}

// @ts-ignore: decorator
@inline
function lowerByte(byte: u32): u32 {
  return byte - 0x41 < 26 ? byte | 0x20 : byte;
}

/** Lower-cases the ASCII letters of eight bytes at once: bit 7 of a lane says "between A and Z"; shifted, it is the case bit. */
// @ts-ignore: decorator
@inline
function lowerEight(bytes: u64): u64 {
  const low = bytes & 0x7f7f7f7f7f7f7f7f;
  const upper = (low + 0x3f3f3f3f3f3f3f3f) & ~(low + 0x2525252525252525) & ~bytes & 0x8080808080808080;
  return bytes | (upper >> 2);
}

/** Equal once the ASCII text at `text` is lower-cased; `constant` is lower-case already. */
function equalFolded(text: usize, constant: usize, bytes: u32): bool {
  let at: u32 = 0;
  for (; at + 8 <= bytes; at += 8) {
    if (lowerEight(load<u64>(text + at)) != load<u64>(constant + at)) return false;
  }
  for (; at < bytes; at++) {
    if (lowerByte(load<u8>(text + at)) != load<u8>(constant + at)) return false;
  }
  return true;
}

function compareFolded(text: usize, textBytes: u32, constant: usize, constantBytes: u32): i32 {
  const common = min(textBytes, constantBytes);
  for (let at: u32 = 0; at < common; at++) {
    const difference = <i32>lowerByte(load<u8>(text + at)) - <i32>load<u8>(constant + at);
    if (difference != 0) return difference;
  }
  return <i32>textBytes - <i32>constantBytes;
}

function containsFolded(text: usize, textBytes: u32, constant: usize, constantBytes: u32): bool {
  if (constantBytes == 0) return true;
  if (constantBytes > textBytes) return false;
  const first = load<u8>(constant);
  const last = textBytes - constantBytes;
  for (let at: u32 = 0; at <= last; at++) {
    if (lowerByte(load<u8>(text + at)) == first && equalFolded(text + at, constant, constantBytes)) return true;
  }
  return false;
}

function lowerCodePoint(codePoint: i32): i32 {
  if (codePoint < 0x80) return <i32>lowerByte(<u32>codePoint);
  let low = 0;
  let high = LOWER_RANGES - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const range = LOWER_TABLE + (<usize>middle << 4);
    const first = load<i32>(range);
    if (codePoint < first) high = middle - 1;
    else if (codePoint > load<i32>(range, 4)) low = middle + 1;
    else return (codePoint - first) % load<i32>(range, 8) == 0 ? codePoint + load<i32>(range, 12) : codePoint;
  }
  return codePoint;
}

/** Lower-cases a non-ASCII value into the arena: a mapping can be one byte longer than its source, never twice as long. */
function lower(value: usize): void {
  if (loweredValue == value) return;
  const bytes = countOf(value);
  const out = arenaAlloc(bytes * 2 + 4);
  loweredValue = value;
  loweredPtr = out;
  loweredBytes = 0;
  if (fault != 0) return;
  let read = ptrOf(value);
  const end = read + bytes;
  let write = out;
  while (read < end) {
    const lead = <i32>load<u8>(read);
    let codePoint = lead;
    let length = 1;
    if (lead >= 0xf0) {
      length = 4;
      codePoint =
        ((lead & 7) << 18) |
        ((<i32>load<u8>(read, 1) & 63) << 12) |
        ((<i32>load<u8>(read, 2) & 63) << 6) |
        (<i32>load<u8>(read, 3) & 63);
    } else if (lead >= 0xe0) {
      length = 3;
      codePoint = ((lead & 15) << 12) | ((<i32>load<u8>(read, 1) & 63) << 6) | (<i32>load<u8>(read, 2) & 63);
    } else if (lead >= 0xc0) {
      length = 2;
      codePoint = ((lead & 31) << 6) | (<i32>load<u8>(read, 1) & 63);
    }
    read += length;
    write = putCodePoint(write, lowerCodePoint(codePoint));
  }
  loweredBytes = <u32>(write - out);
}

function putCodePoint(at: usize, codePoint: i32): usize {
  if (codePoint < 0x80) {
    store<u8>(at, codePoint);
    return at + 1;
  }
  if (codePoint < 0x800) {
    store<u8>(at, 0xc0 | (codePoint >> 6));
    store<u8>(at, 0x80 | (codePoint & 63), 1);
    return at + 2;
  }
  if (codePoint < 0x10000) {
    store<u8>(at, 0xe0 | (codePoint >> 12));
    store<u8>(at, 0x80 | ((codePoint >> 6) & 63), 1);
    store<u8>(at, 0x80 | (codePoint & 63), 2);
    return at + 3;
  }
  store<u8>(at, 0xf0 | (codePoint >> 18));
  store<u8>(at, 0x80 | ((codePoint >> 12) & 63), 1);
  store<u8>(at, 0x80 | ((codePoint >> 6) & 63), 2);
  store<u8>(at, 0x80 | (codePoint & 63), 3);
  return at + 4;
}

/** The ASCII value as it is, or the lower-cased copy: folding a lower-cased ASCII byte again changes nothing. */
// @ts-ignore: decorator
@inline
function textOf(value: usize): usize {
  if (tagOf(value) == TAG_ASCII) return ptrOf(value);
  lower(value);
  return loweredPtr;
}

// @ts-ignore: decorator
@inline
function bytesOf(value: usize): u32 {
  return tagOf(value) == TAG_ASCII ? countOf(value) : loweredBytes;
}

/** `eq` of a string value and a lower-case constant. */
export function textEquals(value: usize, constant: usize, bytes: u32): bool {
  const text = textOf(value);
  return bytesOf(value) == bytes && equalFolded(text, constant, bytes);
}

/** Order by UTF-8 bytes (= code points): below, at or above zero. */
export function textCompare(value: usize, constant: usize, bytes: u32): i32 {
  const text = textOf(value);
  return compareFolded(text, bytesOf(value), constant, bytes);
}

export function textContains(value: usize, constant: usize, bytes: u32): bool {
  const text = textOf(value);
  return containsFolded(text, bytesOf(value), constant, bytes);
}

export function textStartsWith(value: usize, constant: usize, bytes: u32): bool {
  const text = textOf(value);
  return bytesOf(value) >= bytes && equalFolded(text, constant, bytes);
}

export function textEndsWith(value: usize, constant: usize, bytes: u32): bool {
  const text = textOf(value);
  const textBytes = bytesOf(value);
  return textBytes >= bytes && equalFolded(text + (textBytes - bytes), constant, bytes);
}

/** Most list items are a word: cheaper than the general comparison's set-up. */
function compareBytes(a: usize, b: usize, bytes: u32): i32 {
  for (let at: u32 = 0; at < bytes; at++) {
    const difference = <i32>load<u8>(a + at) - <i32>load<u8>(b + at);
    if (difference != 0) return difference;
  }
  return 0;
}

/** Case-sensitive membership; the list is `count` pairs (ptr, bytes) sorted by length, then bytes. */
export function textIn(value: usize, list: usize, count: u32): bool {
  const text = ptrOf(value);
  const bytes = countOf(value);
  let low: i32 = 0;
  let high = <i32>count - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const item = list + (<usize>middle << 3);
    const itemBytes = load<u32>(item, 4);
    const order = bytes != itemBytes ? <i32>bytes - <i32>itemBytes : compareBytes(text, <usize>load<u32>(item), bytes);
    if (order == 0) return true;
    if (order < 0) high = middle - 1;
    else low = middle + 1;
  }
  return false;
}
