/**
 * The value layout that slots, context trees and encoded JSONLogic rules share.
 *
 *   offset  0        4            8                12        16
 *           +--------+------------+----------------+---------+
 *           | tag    | count      | f64 number  — or —       |
 *           |  u32   |  u32       | ptr u32        | aux u32 |
 *           +--------+------------+----------------+---------+
 *
 *   tag          count          ptr                     aux
 *   MISSING      0              -                       -        the member is absent
 *   NULL, FALSE, TRUE           -                       -
 *   INT, FLOAT   0              (f64 at offset 8)                INT: integral and in int64 range, exact as a double
 *   ASCII, TEXT  byte length    UTF-8 bytes             TEXT: address of the memoised lower-cased copy, 0 = none yet
 *   ARRAY        elements       `count` values of 16 bytes       -
 *   MAP          entries        `count` entries of 24 bytes      single-entry maps of encoded rules: JSONLogic operator
 *                               (key ptr u32, key bytes u32,     code, 0 = look the name up
 *                               then the value)
 *   KEEP         0              -                       -        path: a parent is absent or null (spec: left is kept)
 *   ABORT        0              -                       -        path: a parent is not a map
 *   SLOT         0              slot index              -        encoded rules only: read that slot
 *
 * All numbers little-endian. Every address is absolute in guest memory once the image is loaded.
 */

export const VALUE_BYTES: usize = 16;
export const ENTRY_BYTES: usize = 24;

export const TAG_MISSING: u32 = 0;
export const TAG_NULL: u32 = 1;
export const TAG_FALSE: u32 = 2;
export const TAG_TRUE: u32 = 3;
export const TAG_INT: u32 = 4;
export const TAG_FLOAT: u32 = 5;
export const TAG_ASCII: u32 = 6;
export const TAG_TEXT: u32 = 7;
export const TAG_ARRAY: u32 = 8;
export const TAG_MAP: u32 = 9;
export const TAG_KEEP: u32 = 10;
export const TAG_ABORT: u32 = 11;
export const TAG_SLOT: u32 = 12;

export const OFFSET_COUNT: usize = 4;
export const OFFSET_NUMBER: usize = 8;
export const OFFSET_PTR: usize = 8;
export const OFFSET_AUX: usize = 12;

// @ts-ignore: decorator
@inline
export function tagOf(value: usize): u32 {
  return load<u32>(value);
}

// @ts-ignore: decorator
@inline
export function countOf(value: usize): u32 {
  return load<u32>(value, OFFSET_COUNT);
}

// @ts-ignore: decorator
@inline
export function ptrOf(value: usize): usize {
  return <usize>load<u32>(value, OFFSET_PTR);
}

// @ts-ignore: decorator
@inline
export function auxOf(value: usize): u32 {
  return load<u32>(value, OFFSET_AUX);
}

// @ts-ignore: decorator
@inline
export function numberOf(value: usize): f64 {
  return load<f64>(value, OFFSET_NUMBER);
}

// @ts-ignore: decorator
@inline
export function isString(tag: u32): bool {
  return (tag & ~1) == TAG_ASCII;
}

// @ts-ignore: decorator
@inline
export function isNumber(tag: u32): bool {
  return (tag & ~1) == TAG_INT;
}

// @ts-ignore: decorator
@inline
export function writeTag(value: usize, tag: u32): void {
  store<u32>(value, tag);
}

// @ts-ignore: decorator
@inline
export function writeNumber(value: usize, number: f64): void {
  store<u32>(value, TAG_FLOAT);
  store<f64>(value, number, OFFSET_NUMBER);
}

// @ts-ignore: decorator
@inline
export function writeRef(value: usize, tag: u32, count: u32, ptr: usize, aux: u32): void {
  store<u32>(value, tag);
  store<u32>(value, count, OFFSET_COUNT);
  store<u32>(value, <u32>ptr, OFFSET_PTR);
  store<u32>(value, aux, OFFSET_AUX);
}
