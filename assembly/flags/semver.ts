/** Strict semantic versions (semver 2.0.0, as blang/semver v4 reads them): parse and precedence (spec: §8.7). */

import { SEMVER_MAJOR, SEMVER_MINOR, SEMVER_PATCH, SEMVER_PRE, SEMVER_PRE_BYTES } from './abi';
import { countOf, ptrOf } from './value';

// The attribute's version, parsed in place. One evaluation often compares the same attribute many times.
let parsedValue: usize = 0;
let isValid = false;
let major: u64 = 0;
let minor: u64 = 0;
let patch: u64 = 0;
let pre: usize = 0;
let preEnd: usize = 0;

/** Must be called when slots are written anew: the memo points into them. */
export function forgetVersion(): void {
  parsedValue = 0;
}

let partValue: u64 = 0;

/** Digits only, no leading zero unless "0", within u64; the value is left in `partValue`. */
function parseNumber(at: usize, end: usize): bool {
  if (at >= end) return false;
  if (load<u8>(at) == 0x30 && end - at > 1) return false;
  let value: u64 = 0;
  for (; at < end; at++) {
    const digit = <u64>load<u8>(at) - 0x30;
    if (digit > 9) return false;
    if (value > 1844674407370955161 || (value == 1844674407370955161 && digit > 5)) return false;
    value = value * 10 + digit;
  }
  partValue = value;
  return true;
}

// @ts-ignore: decorator
@inline
function isDigit(byte: u32): bool {
  return byte - 0x30 < 10;
}

// @ts-ignore: decorator
@inline
function isIdentifierByte(byte: u32): bool {
  return byte - 0x30 < 10 || (byte | 0x20) - 0x61 < 26 || byte == 0x2d;
}

function find(at: usize, end: usize, byte: u32): usize {
  while (at < end && <u32>load<u8>(at) != byte) at++;
  return at;
}

function isNumeric(at: usize, end: usize): bool {
  for (; at < end; at++) if (!isDigit(load<u8>(at))) return false;
  return true;
}

/** Non-empty identifiers between dots; numeric ones of a prerelease must be canonical u64. */
function checkIdentifiers(at: usize, end: usize, prerelease: bool): bool {
  while (true) {
    const stop = find(at, end, 0x2e);
    if (stop == at) return false;
    if (prerelease && isNumeric(at, stop)) {
      if (!parseNumber(at, stop)) return false;
    } else {
      for (let p = at; p < stop; p++) if (!isIdentifierByte(load<u8>(p))) return false;
    }
    if (stop == end) return true;
    at = stop + 1;
  }
}

/** Parses into the registers above. */
function parseVersion(at: usize, bytes: u32): bool {
  const end = at + bytes;
  const dot1 = find(at, end, 0x2e);
  if (dot1 == end) return false;
  const dot2 = find(dot1 + 1, end, 0x2e);
  if (dot2 == end) return false;
  if (!parseNumber(at, dot1)) return false;
  major = partValue;
  if (!parseNumber(dot1 + 1, dot2)) return false;
  minor = partValue;
  const plus = find(dot2 + 1, end, 0x2b);
  if (plus != end && !checkIdentifiers(plus + 1, end, false)) return false;
  const dash = find(dot2 + 1, plus, 0x2d);
  if (dash != plus && !checkIdentifiers(dash + 1, plus, true)) return false;
  if (!parseNumber(dot2 + 1, dash)) return false;
  patch = partValue;
  pre = dash == plus ? 0 : dash + 1;
  preEnd = plus;
  return true;
}

// @ts-ignore: decorator
@inline
function order(a: u64, b: u64): i32 {
  return a == b ? 0 : a < b ? -1 : 1;
}

function compareBytes(a: usize, aEnd: usize, b: usize, bEnd: usize): i32 {
  const aBytes = aEnd - a;
  const bBytes = bEnd - b;
  const difference = memory.compare(a, b, min(aBytes, bBytes));
  return difference != 0 ? (difference < 0 ? -1 : 1) : order(aBytes, bBytes);
}

function comparePrerelease(a: usize, aEnd: usize, b: usize, bEnd: usize): i32 {
  if (a == 0 || b == 0) return a == b ? 0 : a == 0 ? 1 : -1;
  while (true) {
    const aStop = find(a, aEnd, 0x2e);
    const bStop = find(b, bEnd, 0x2e);
    const aNumeric = isNumeric(a, aStop);
    const bNumeric = isNumeric(b, bStop);
    let result: i32;
    if (aNumeric && bNumeric) {
      parseNumber(a, aStop);
      const value = partValue;
      parseNumber(b, bStop);
      result = order(value, partValue);
    } else if (aNumeric != bNumeric) {
      result = aNumeric ? -1 : 1;
    } else {
      result = compareBytes(a, aStop, b, bStop);
    }
    if (result != 0) return result;
    if (aStop == aEnd || bStop == bEnd) {
      return aStop == aEnd ? (bStop == bEnd ? 0 : -1) : 1;
    }
    a = aStop + 1;
    b = bStop + 1;
  }
}

/** Not a version on either side. */
export const SEMVER_INVALID: i32 = 2;

/** Precedence of a string value against a parsed constant (SEMVER_* of abi.ts): -1, 0, 1, or SEMVER_INVALID. */
export function semverCompare(value: usize, constant: usize): i32 {
  if (parsedValue != value) {
    isValid = parseVersion(ptrOf(value), countOf(value));
    parsedValue = value;
  }
  if (!isValid) return SEMVER_INVALID;
  const wantedMajor = load<u64>(constant, SEMVER_MAJOR);
  if (major != wantedMajor) return order(major, wantedMajor);
  const wantedMinor = load<u64>(constant, SEMVER_MINOR);
  if (minor != wantedMinor) return order(minor, wantedMinor);
  const wantedPatch = load<u64>(constant, SEMVER_PATCH);
  if (patch != wantedPatch) return order(patch, wantedPatch);
  const wantedPre = <usize>load<u32>(constant, SEMVER_PRE);
  return comparePrerelease(pre, preEnd, wantedPre, wantedPre + load<u32>(constant, SEMVER_PRE_BYTES));
}
